/**
 * One table of (virtual hosts, request → what becomes of it) that every judge of routing agrees on: `decide` and the pure
 * functions around it, `explain`, the live proxy, and later Envoy.
 */
import { answerCases } from './routing-cases/answers.ts'
import { forwardCases } from './routing-cases/forwards.ts'
import { headerCases, methodCases } from './routing-cases/headers.ts'
import { hostCases, orderCases } from './routing-cases/hosts.ts'
import { pathCases } from './routing-cases/paths.ts'
import { queryCases } from './routing-cases/queries.ts'
import type { RoutingCase } from './routing-cases/sketch.ts'
import { targetCases } from './routing-cases/targets.ts'
import { unknownHostCases } from './routing-cases/unknown-hosts.ts'

export { answering } from './routing-cases/sketch.ts'
export type { CaseRequest, RoutingCase } from './routing-cases/sketch.ts'

export const routingCases: readonly RoutingCase[] = [
  ...pathCases,
  ...methodCases,
  ...headerCases,
  ...queryCases,
  ...orderCases,
  ...hostCases,
  ...targetCases,
  ...unknownHostCases,
  ...forwardCases,
  ...answerCases,
]

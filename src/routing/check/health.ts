/** Whether the endpoints of a cluster can be checked as it asks for. */
import type { Cluster } from '../cluster-model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

const NUMBER_MAX = 2_147_483_647
const PATH = /^\/[!-~]*$/
const HOST = /^[!-~]*$/

export function checkHealthCheck({ name, healthCheck, protocol }: Cluster, path: string): Problem[] {
  if (healthCheck === undefined) return []
  const { kind, path: asked, host, service = '', ...numbers } = healthCheck
  const bad = (field: string, value: unknown, why: string): Problem => ({
    code: 'bad-health-check',
    path: `${path}.healthCheck.${field}`,
    message: `Cannot check the health of cluster "${name}" with ${field} ${JSON.stringify(value)}: ${why}`,
  })
  return [
    ...Object.entries(numbers).flatMap(([field, value]) =>
      when(
        !Number.isInteger(value) || value < 1 || value > NUMBER_MAX,
        bad(field, value, `it is not a whole number from 1 to ${NUMBER_MAX}`),
      ),
    ),
    ...when(kind === 'http' && !PATH.test(asked), bad('path', asked, 'it is not a path')),
    ...when(kind !== 'tcp' && !HOST.test(host), bad('host', host, 'it is not a host')),
    ...when(
      kind === 'grpc' && protocol !== 'http2',
      bad('kind', kind, 'gRPC needs HTTP/2, and the cluster is not spoken to in it'),
    ),
    ...when(kind !== 'grpc' && service !== '', bad('service', service, 'only a check of kind grpc asks about one')),
  ]
}

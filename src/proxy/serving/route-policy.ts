/** The policy of a route made ready for requests. What a route does not use is null, so that it costs nothing. */
import type { Random } from '../../base/random.ts'
import type { Route, WeightedDestination } from '../../routing/route-model.ts'
import { compileRewrite } from '../../routing/rewrite.ts'
import type { Continuity } from '../balance/continuity.ts'

import { prepareCors } from '../policy/cors.ts'
import type { ServingCors } from '../policy/cors.ts'
import { ServingFault, shareWeights } from '../policy/fault.ts'
import type { ShareOf } from '../policy/fault.ts'
import { joinEdits, prepareHeadEdit } from '../policy/head-edit.ts'
import type { HeadEdit } from '../policy/head-edit.ts'
import { ServingMirrors } from '../tries/mirrors.ts'
import type { MirrorsDeps } from '../tries/mirrors.ts'
import { ServingRetry } from '../policy/retries.ts'
import { STREAM_IDLE_TIMEOUT_MS } from '../tries/times.ts'

export interface ServingPolicy {
  readonly timeoutMs: number
  /** 0: never. */
  readonly idleTimeoutMs: number
  /** For the endpoint; undefined: as the client said. */
  readonly authority: string | undefined
  readonly rewritePath: ((path: string) => string) | null
  readonly editRequest: HeadEdit | null
  readonly editResponse: HeadEdit | null
  readonly fault: ServingFault | null
  readonly cors: ServingCors | null
  readonly retry: ServingRetry | null
  readonly mirrors: ServingMirrors | null
}

type ClusterDestination = Extract<WeightedDestination, { kind: 'cluster' }>

export interface PolicyDeps extends MirrorsDeps {
  readonly random: Random
  readonly continuity: Continuity
  /** Routes with the same policy have one between them: memory that many requests use stays near. */
  readonly policies: Map<string, ServingPolicy>
}

/** The route's policy, with the destination's edits before those of the route. */
export function policyTowards(
  { requestHeaders, responseHeaders }: Pick<ClusterDestination, 'requestHeaders' | 'responseHeaders'>,
  policy: ServingPolicy,
): ServingPolicy {
  return {
    ...policy,
    editRequest: before(prepareHeadEdit(requestHeaders), policy.editRequest),
    editResponse: before(prepareHeadEdit(responseHeaders), policy.editResponse),
  }
}

function before(first: HeadEdit | null, second: HeadEdit | null): HeadEdit | null {
  return second === null ? first : joinEdits(first, second)
}

/** The route must have passed `checkSnapshot`. */
export function prepareRoutePolicy(route: Route, deps: PolicyDeps): ServingPolicy {
  const { fault, retry, mirrors, rewrite } = route.policy
  // These remember something, each of its own route.
  if (fault !== undefined || retry !== undefined || mirrors !== undefined) return newPolicy(route, deps)
  const key = JSON.stringify([route.policy, rewrite?.path === undefined ? '' : route.match.path])
  const policy = deps.policies.get(key) ?? newPolicy(route, deps)
  deps.policies.set(key, policy)
  return policy
}

function newPolicy({ id, match, policy }: Route, deps: PolicyDeps): ServingPolicy {
  const { rewrite, requestHeaders, responseHeaders, fault, cors, retry, mirrors = [] } = policy
  const { clock, random, continuity } = deps
  const shareOf: ShareOf = (name, share) => continuity.split(['share', id, name, share], shareWeights(share))
  return {
    timeoutMs: policy.timeoutMs,
    idleTimeoutMs: policy.idleTimeoutMs ?? STREAM_IDLE_TIMEOUT_MS,
    authority: rewrite?.authority,
    rewritePath: rewrite?.path === undefined ? null : compileRewrite(match.path, rewrite.path),
    editRequest: prepareHeadEdit(requestHeaders),
    editResponse: prepareHeadEdit(responseHeaders),
    fault: fault === undefined ? null : new ServingFault(fault, shareOf, clock),
    cors: cors === undefined ? null : prepareCors(cors),
    retry:
      retry === undefined ? null : new ServingRetry(retry, { clock, random, underWay: continuity.retriesUnderWay }),
    mirrors: mirrors.length === 0 ? null : new ServingMirrors(mirrors, shareOf, deps),
  }
}

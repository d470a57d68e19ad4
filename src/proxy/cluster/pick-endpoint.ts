/** Where a request goes within its cluster: the chooser proposes, what is known of the endpoints disposes. */
import type { EndpointPool } from '../upstream/endpoint-pool.ts'
import { isUsable } from '../health/host-health.ts'
import type { ServingCluster, ServingEndpoint } from './serving-cluster.ts'

/** A cluster as far as endpoints are picked from it. */
type PickedFrom = Pick<ServingCluster, 'endpoints' | 'chooser' | 'again'>

/** Never one of those in `tried`; while there are others, none that just failed, is ejected or unhealthy. `hash` is of the cluster's key. */
export function pickEndpoint(
  cluster: PickedFrom,
  hash: number,
  nowMs: number,
  tried: readonly EndpointPool[] | null,
): ServingEndpoint | undefined {
  const { endpoints } = cluster
  const chooser = tried === null || tried.length === 0 ? cluster.chooser : cluster.again
  for (let step = 0; step < chooser.steps; step++) {
    const endpoint = endpoints[chooser.choose(hash, step)]
    if (endpoint !== undefined && isOpen(endpoint, tried) && isGood(endpoint, nowMs)) return endpoint
  }
  return findAny(cluster, chooser.choose(hash, 0), nowMs, tried)
}

/** Weights and chance may have hidden the one that can be used; those that fail are better than none. */
function findAny(
  { endpoints }: PickedFrom,
  start: number,
  nowMs: number,
  tried: readonly EndpointPool[] | null,
): ServingEndpoint | undefined {
  let second: ServingEndpoint | undefined
  for (let step = 0; step < endpoints.length; step++) {
    const endpoint = endpoints[(start + step) % endpoints.length]
    if (endpoint === undefined || !isOpen(endpoint, tried)) continue
    if (isGood(endpoint, nowMs)) return endpoint
    second ??= endpoint
  }
  return second
}

/** A pool that is retired has left the newest snapshot. */
function isOpen({ pool }: ServingEndpoint, tried: readonly EndpointPool[] | null): boolean {
  return !pool.isRetired && (tried === null || !tried.includes(pool))
}

/** Has not just failed, is neither ejected nor unhealthy. */
export function isGood(endpoint: ServingEndpoint, nowMs: number): boolean {
  return !endpoint.pool.isAvoided(nowMs) && isUsable(endpoint)
}

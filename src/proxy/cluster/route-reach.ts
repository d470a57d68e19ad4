/** Which endpoints new requests and connections of a route get to, in one snapshot: only tunnels ask, so nothing is made before. */
import type { EndpointPool } from '../upstream/endpoint-pool.ts'

/** A route as far as its endpoints go. */
export interface ReachingRoute {
  readonly id: string
  /** What its destinations that have a weight point at. */
  readonly clusters: () => readonly { readonly endpoints: readonly { readonly pool: EndpointPool }[] }[]
}

export class RouteReach {
  readonly #routes: () => readonly ReachingRoute[]
  #byId: Map<string, ReachingRoute> | null = null
  readonly #pools = new Map<string, ReadonlySet<EndpointPool>>()

  constructor(routes: () => readonly ReachingRoute[]) {
    this.#routes = routes
  }

  has(routeId: string, pool: EndpointPool): boolean {
    const known = this.#pools.get(routeId)
    if (known !== undefined) return known.has(pool)
    this.#byId ??= new Map(this.#routes().map((route) => [route.id, route]))
    const clusters = this.#byId.get(routeId)?.clusters() ?? []
    const pools = new Set(clusters.flatMap(({ endpoints }) => endpoints.map((endpoint) => endpoint.pool)))
    this.#pools.set(routeId, pools)
    return pools.has(pool)
  }
}

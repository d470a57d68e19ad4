/**
 * A snapshot made ready to serve one listener: routes with their splits, clusters with their pools and counters. Immutable;
 * a new snapshot makes a new one. What must go on from one snapshot to the next (positions of splits and of round robin,
 * pools, counts) lives in `Continuity`.
 */
import { defined } from '../base/assert.ts'
import { prepareRouteTable } from '../routing/decide.ts'
import type { PreparedTable } from '../routing/decide.ts'
import type { Cluster, ForwardAction, Listener, Route, RoutingSnapshot } from '../routing/model.ts'
import { createSplit } from '../routing/split.ts'
import type { Split } from '../routing/split.ts'
import type { DestinationTraffic, TrafficRecorder } from '../telemetry/recorder.ts'

import type { EndpointPool } from './endpoint-pool.ts'
import type { UpstreamPools } from './upstream-pools.ts'

export interface ServingListener {
  readonly table: PreparedTable
  /** By `Decision.index`. */
  readonly routes: readonly ServingRoute[]
  /** By name, for requests that must look for another endpoint. */
  readonly clusters: ReadonlyMap<string, ServingCluster>
  /** Counts requests that reached no service. */
  readonly nowhere: DestinationTraffic
}

interface ServingRoute {
  readonly route: Route
  /** Undefined unless the route forwards. */
  readonly forward: ServingForward | undefined
}

export interface ServingForward {
  readonly split: Split
  /** Same order as the split's weights. */
  readonly destinations: readonly ServingDestination[]
}

type ServingDestination =
  | { readonly kind: 'cluster'; readonly cluster: ServingCluster }
  | { readonly kind: 'invalid'; readonly status: 500 | 503; readonly reason: string }

export interface ServingCluster {
  readonly name: string
  readonly connectTimeoutMs: number
  /** Its own, or while it has none those of the first cluster down the fallback chain that has some. */
  readonly endpoints: readonly ServingEndpoint[]
  /** Counts requests that were meant for the cluster but reached no endpoint. */
  readonly nobody: DestinationTraffic
  /** Where round robin goes on. */
  readonly turn: { next: number }
}

export interface ServingEndpoint {
  readonly pool: EndpointPool
  readonly traffic: DestinationTraffic
}

/** What outlives a snapshot. */
export class Continuity {
  readonly #turns = new Map<string, { next: number }>()
  #splits = new Map<string, Split>()
  #nextSplits = new Map<string, Split>()

  /** The split goes on where it was as long as its name, destinations and weights are the same. */
  split({ split, destinations }: ForwardAction): Split {
    const key = JSON.stringify([split, destinations])
    const known = this.#nextSplits.get(key) ?? this.#splits.get(key)
    const used = known ?? createSplit(destinations.map(({ weight }) => weight))
    this.#nextSplits.set(key, used)
    return used
  }

  turn(cluster: string): { next: number } {
    const known = this.#turns.get(cluster) ?? { next: 0 }
    this.#turns.set(cluster, known)
    return known
  }

  /** Everything of the new snapshot was asked for: forgets what it does not have. */
  settle(snapshot: RoutingSnapshot): void {
    this.#splits = this.#nextSplits
    this.#nextSplits = new Map()
    const names = new Set(snapshot.clusters.map(({ name }) => name))
    for (const name of this.#turns.keys()) {
      if (!names.has(name)) this.#turns.delete(name)
    }
  }
}

export interface ServingDeps {
  readonly pools: UpstreamPools
  readonly continuity: Continuity
  readonly recorder: TrafficRecorder
}

/** The snapshot must have passed `checkSnapshot`. */
export function prepareListener(snapshot: RoutingSnapshot, listener: Listener, deps: ServingDeps): ServingListener {
  const source = defined(
    snapshot.routeTables.find(({ id }) => id === listener.routeTable),
    'route table',
  )
  const clusters = new Map(
    snapshot.clusters.map((cluster) => [cluster.name, prepareCluster(cluster, snapshot, listener.id, deps)]),
  )
  const table = prepareRouteTable(source)
  return {
    table,
    clusters,
    routes: table.routes.map(({ route }) => prepareRoute(route, clusters, deps)),
    nowhere: deps.recorder.destination({ ...NOBODY, listener: listener.id, service: '' }),
  }
}

const NOBODY = { workloadNamespace: '', workload: '', version: '' }

function prepareRoute(
  route: Route,
  clusters: ReadonlyMap<string, ServingCluster>,
  { continuity }: ServingDeps,
): ServingRoute {
  if (route.action.kind !== 'forward') return { route, forward: undefined }
  const destinations = route.action.destinations.map((destination): ServingDestination => {
    if (destination.kind === 'invalid') {
      return { kind: 'invalid', status: destination.status, reason: destination.reason }
    }
    return { kind: 'cluster', cluster: defined(clusters.get(destination.cluster), 'cluster') }
  })
  return { route, forward: { split: continuity.split(route.action), destinations } }
}

function prepareCluster(
  cluster: Cluster,
  snapshot: RoutingSnapshot,
  listener: string,
  { pools, continuity, recorder }: ServingDeps,
): ServingCluster {
  const service = `${cluster.service.namespace}/${cluster.service.name}`
  const source = withEndpoints(cluster, snapshot)
  return {
    name: cluster.name,
    connectTimeoutMs: cluster.connectTimeoutMs,
    turn: continuity.turn(cluster.name),
    nobody: recorder.destination({ ...NOBODY, listener, service }),
    endpoints: source.endpoints.map(({ address, port, workload }) => ({
      pool: pools.use(address, port),
      traffic: recorder.destination({
        listener,
        service,
        workloadNamespace: workload?.namespace ?? '',
        workload: workload?.name ?? '',
        version: workload?.version ?? '',
      }),
    })),
  }
}

/** Follows the fallbacks; a chain that leads back into itself ends there, without endpoints. */
function withEndpoints(cluster: Cluster, snapshot: RoutingSnapshot): Cluster {
  const seen = new Set<string>()
  let current = cluster
  while (current.endpoints.length === 0 && current.fallback !== undefined && !seen.has(current.name)) {
    seen.add(current.name)
    const next = snapshot.clusters.find(({ name }) => name === current.fallback)
    if (next === undefined) return current
    current = next
  }
  return current
}

/** The endpoint whose turn it is, passing over those in `tried` and, while there are others, those that just failed. */
export function pickEndpoint(
  cluster: ServingCluster,
  nowMs: number,
  tried: readonly EndpointPool[] | null,
): ServingEndpoint | undefined {
  const { endpoints, turn } = cluster
  let second: ServingEndpoint | undefined
  for (let step = 0; step < endpoints.length; step++) {
    const endpoint = endpoints[turn.next++ % endpoints.length]
    if (endpoint === undefined || endpoint.pool.isRetired || (tried !== null && tried.includes(endpoint.pool))) continue
    if (!endpoint.pool.isAvoided(nowMs)) return endpoint
    second ??= endpoint
  }
  return second
}

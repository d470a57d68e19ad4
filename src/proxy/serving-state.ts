/**
 * A snapshot made ready to serve one listener: routes with their splits, clusters with their pools and counters. Immutable;
 * a new snapshot makes a new one. What must go on from one snapshot to the next lives in `Continuity`, pools and counters.
 */
import { defined } from '../base/assert.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { createCohorts } from '../routing/cohort.ts'
import type { Cohorts } from '../routing/cohort.ts'
import { prepareRouteTable } from '../routing/decide.ts'
import type { PreparedTable } from '../routing/decide.ts'
import { hashText } from '../routing/hash.ts'
import type { Affinity, ClientTls, Cluster, Endpoint, Listener, Route, RoutingSnapshot } from '../routing/model.ts'
import type { Split } from '../routing/split.ts'
import type { DestinationTraffic, TrafficRecorder } from '../telemetry/recorder.ts'

import { createChooser } from './chooser.ts'
import type { Chooser } from './chooser.ts'
import type { ClusterGate } from './cluster-gate.ts'
import type { Continuity } from './continuity.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import type { CheckedHost, HealthChecker } from './health-checker.ts'
import type { OutlierDetector, OutlierHost } from './outlier-detector.ts'
import { prepareHttp } from './http-policy.ts'
import type { ServingHttp } from './http-policy.ts'
import { prepareKey } from './prepared-key.ts'
import type { RequestKey } from './prepared-key.ts'
import { prepareRoutePolicy } from './policy/route-policy.ts'
import type { ServingPolicy } from './policy/route-policy.ts'
import type { TlsContexts } from './tls/tls-contexts.ts'
import type { UpstreamPools } from './upstream-pools.ts'

export interface ServingListener {
  readonly table: PreparedTable
  /** By `Decision.index`. */
  readonly routes: readonly ServingRoute[]
  /** By name, for requests that must look for another endpoint. */
  readonly clusters: ReadonlyMap<string, ServingCluster>
  /** Counts requests that reached no service. */
  readonly nowhere: DestinationTraffic
  readonly http: ServingHttp
}

export interface ServingRoute {
  readonly route: Route
  readonly policy: ServingPolicy
  /** Undefined unless the route forwards. */
  readonly forward: ServingForward | undefined
}

export interface ServingForward {
  readonly split: Split
  /** Same order as the split's weights. */
  readonly destinations: readonly ServingDestination[]
  readonly affinity: ServingAffinity | null
}

interface ServingAffinity {
  readonly key: RequestKey
  /** From the salt. */
  readonly seed: number
  readonly cohorts: Cohorts
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
  readonly chooser: Chooser
  /** What of a request the chooser hashes; null: nothing. */
  readonly key: RequestKey | null
  /** For requests without the key. */
  readonly random: Random
  /** Its limits; null: none. */
  readonly gate: ClusterGate | null
}

export interface ServingEndpoint {
  readonly pool: EndpointPool
  /** Null where the cluster does not detect outliers. */
  readonly outlier: OutlierHost | null
  /** Null where the cluster checks no health. */
  readonly checked: CheckedHost | null
  readonly traffic: DestinationTraffic
}

export interface ServingDeps {
  readonly pools: UpstreamPools
  readonly tls: TlsContexts
  readonly continuity: Continuity
  readonly recorder: Pick<TrafficRecorder, 'destination'>
  readonly clock: Clock
  readonly random: Random
  readonly health: HealthChecker
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
    http: prepareHttp(listener.http),
  }
}

const NOBODY = { workloadNamespace: '', workload: '', version: '' }

function prepareRoute(route: Route, clusters: ReadonlyMap<string, ServingCluster>, deps: ServingDeps): ServingRoute {
  const policy = prepareRoutePolicy(route, deps)
  if (route.action.kind !== 'forward') return { route, policy, forward: undefined }
  const destinations = route.action.destinations.map((destination): ServingDestination => {
    if (destination.kind === 'invalid') {
      return { kind: 'invalid', status: destination.status, reason: destination.reason }
    }
    return { kind: 'cluster', cluster: defined(clusters.get(destination.cluster), 'cluster') }
  })
  const { split, affinity, destinations: weighted } = route.action
  const weights = weighted.map(({ weight }) => weight)
  return {
    route,
    policy,
    forward: {
      split: deps.continuity.split(['route', split, weighted], weights),
      destinations,
      affinity: affinity === undefined ? null : prepareAffinity(affinity, weights),
    },
  }
}

function prepareAffinity({ key, salt }: Affinity, weights: readonly number[]): ServingAffinity {
  return { key: prepareKey(key), seed: hashText(salt), cohorts: createCohorts(weights) }
}

/** One per listener, for its counts; pools and turns are shared. */
export function prepareCluster(
  cluster: Cluster,
  snapshot: RoutingSnapshot,
  listener: string,
  deps: ServingDeps,
): ServingCluster {
  const service = `${cluster.service.namespace}/${cluster.service.name}`
  const source = withEndpoints(cluster, snapshot)
  const outliers = deps.continuity.outliers(cluster.name, cluster.outlier)
  const endpoints = source.endpoints.map((endpoint) =>
    prepareEndpoint(endpoint, { listener, service, tls: source.tls, outliers, cluster }, deps),
  )
  const choices = endpoints.map(({ pool }, index) => ({
    name: pool.endpoint,
    weight: source.endpoints[index]?.weight ?? 1,
    load: pool,
  }))
  return {
    name: cluster.name,
    connectTimeoutMs: cluster.connectTimeoutMs,
    nobody: deps.recorder.destination({ ...NOBODY, listener, service }),
    endpoints,
    chooser: createChooser(cluster, choices, deps),
    key: cluster.balance !== undefined && 'key' in cluster.balance ? prepareKey(cluster.balance.key) : null,
    random: deps.random,
    gate: deps.continuity.gate(cluster.name, cluster.limits),
  }
}

interface EndpointContext {
  readonly listener: string
  readonly service: string
  readonly tls: ClientTls | undefined
  readonly outliers: OutlierDetector | null
  readonly cluster: Cluster
}

function prepareEndpoint(
  { address, port, workload }: Endpoint,
  { tls, outliers, cluster, ...labels }: EndpointContext,
  { pools, tls: contexts, recorder, health }: ServingDeps,
): ServingEndpoint {
  const pool = pools.use(address, port, contexts.client(tls))
  return {
    pool,
    outlier: outliers === null ? null : outliers.use(pool.endpoint),
    checked:
      cluster.healthCheck === undefined || tls !== undefined
        ? null
        : health.use(cluster.name, cluster.healthCheck, { address, port }),
    traffic: recorder.destination({
      ...labels,
      workloadNamespace: workload?.namespace ?? '',
      workload: workload?.name ?? '',
      version: workload?.version ?? '',
    }),
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

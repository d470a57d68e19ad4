/** A cluster made ready to serve one listener: its endpoints with their pools and counters, and who is chosen among them. */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import type { Steps } from '../../base/steps.ts'
import type { Cluster, Endpoint } from '../../routing/cluster-model.ts'
import { withEndpoints } from '../../routing/fallback.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import type { DestinationTraffic, TrafficRecorder } from '../../telemetry/recorder.ts'

import type { Chooser } from '../balance/chooser.ts'
import { prepareChooser } from '../balance/cluster-chooser.ts'
import type { Candidate } from '../balance/cluster-chooser.ts'
import type { ClusterGate } from '../upstream/cluster-gate.ts'
import type { Continuity } from '../balance/continuity.ts'
import type { EndpointPool, PoolAddress } from '../upstream/endpoint-pool.ts'
import type { CheckedHost, HealthChecker } from '../health/health-checker.ts'
import type { OutlierDetector, OutlierHost } from '../health/outlier-detector.ts'
import { prepareKey } from './prepared-key.ts'
import type { RequestKey } from './prepared-key.ts'
import type { ProxyTelling } from '../telling/proxy-telling.ts'
import type { TlsContexts } from '../tls/tls-contexts.ts'
import type { UpstreamPools } from '../upstream/pools.ts'

export interface ServingCluster {
  readonly name: string
  readonly connectTimeoutMs: number
  readonly protocol: NonNullable<Cluster['protocol']>
  /** Its own, or while it has none those of the first cluster down the fallback chain that has some. */
  readonly endpoints: readonly ServingEndpoint[]
  /** Counts requests that were meant for the cluster but reached no endpoint. */
  readonly nobody: DestinationTraffic
  readonly chooser: Chooser
  /** For tries after the first, which would shift the turns of the others: with two endpoints all requests would begin at one. */
  readonly again: Chooser
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
  readonly log: Log
  readonly random: Random
  readonly health: HealthChecker
  readonly telling: ProxyTelling
  /** Whose turns the endpoints have; absent: those of requests. */
  readonly turns?: string
}

export const NOBODY = { workloadNamespace: '', workload: '', version: '' }

/** All of the snapshot by name, one in each step. */
export function* prepareClusters(
  snapshot: RoutingSnapshot,
  listener: string,
  deps: ServingDeps,
): Steps<ReadonlyMap<string, ServingCluster>> {
  const clusters = new Map<string, ServingCluster>()
  for (const cluster of snapshot.clusters) {
    yield
    clusters.set(cluster.name, prepareCluster(cluster, snapshot, listener, deps))
  }
  return clusters
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
  const way = { tls: deps.tls.client(source.tls), protocol: source.protocol ?? 'http1' } as const
  const outliers = deps.continuity.outliers(cluster.name, cluster.outlier)
  const endpoints = source.endpoints.map((endpoint) =>
    prepareEndpoint(endpoint, { listener, service, way, outliers, cluster }, deps),
  )
  const candidates = source.endpoints.flatMap((endpoint, index): Candidate[] => {
    const serving = endpoints[index]
    return serving === undefined ? [] : [{ ...serving, endpoint }]
  })
  const { health } = deps
  const changes = (): number => health.changes + (outliers === null ? 0 : outliers.changes)
  const chooserDeps = { ...deps, here: snapshot.locality, changes }
  const chooser = prepareChooser(cluster, candidates, chooserDeps)
  const hasTurns = (cluster.balance?.kind ?? 'round-robin') === 'round-robin'
  return {
    name: cluster.name,
    connectTimeoutMs: cluster.connectTimeoutMs,
    protocol: way.protocol,
    nobody: deps.recorder.destination({ ...NOBODY, listener, service }),
    endpoints,
    chooser,
    again: hasTurns ? prepareChooser(cluster, candidates, { ...chooserDeps, turns: 'again' }) : chooser,
    key: cluster.balance !== undefined && 'key' in cluster.balance ? prepareKey(cluster.balance.key) : null,
    random: deps.random,
    gate: deps.continuity.gate(cluster.name, cluster.limits),
  }
}

interface EndpointContext {
  readonly listener: string
  readonly service: string
  /** What the endpoints of a cluster are spoken to in: its own, or that of the one that it falls back to. */
  readonly way: Pick<PoolAddress, 'tls' | 'protocol'>
  readonly outliers: OutlierDetector | null
  readonly cluster: Cluster
}

function prepareEndpoint(
  { address, port, workload }: Endpoint,
  { way, outliers, cluster, ...labels }: EndpointContext,
  { pools, recorder, health, log }: ServingDeps,
): ServingEndpoint {
  const at = { address, port, ...way }
  const pool = pools.use(at, log)
  return {
    pool,
    outlier: outliers === null ? null : outliers.use(pool.endpoint),
    checked: cluster.healthCheck === undefined ? null : health.use(cluster.name, cluster.healthCheck, at),
    traffic: recorder.destination({
      ...labels,
      workloadNamespace: workload?.namespace ?? '',
      workload: workload?.name ?? '',
      version: workload?.version ?? '',
      ...(workload?.app === undefined ? {} : { app: workload.app }),
    }),
  }
}

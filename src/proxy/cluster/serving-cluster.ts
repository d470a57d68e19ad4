/**
 * A cluster made ready to serve: its endpoints with their pools, and who is chosen among them. All listeners and routes of a
 * proxy share it, and it stays the same object as long as snapshots name the cluster, so a route need not change with it.
 */
import type { Holdings } from '../../base/holdings.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import type { Cluster, Endpoint, Locality } from '../../routing/cluster-model.ts'

import type { Chooser } from '../balance/chooser.ts'
import { prepareChooser } from '../balance/cluster-chooser.ts'
import type { Candidate } from '../balance/cluster-chooser.ts'
import type { ClusterGate } from '../upstream/cluster-gate.ts'
import type { ContinuityStore } from '../balance/continuity.ts'
import type { EndpointPool, PoolAddress } from '../upstream/endpoint-pool.ts'
import type { CheckedHost, HealthChecker } from '../health/health-checker.ts'
import type { OutlierDetector, OutlierHost } from '../health/outlier-detector.ts'
import { DestinationCounters } from './destination-counters.ts'
import { prepareKey } from './prepared-key.ts'
import type { RequestKey } from './prepared-key.ts'
import type { TlsContexts } from '../tls/tls-contexts.ts'
import type { UpstreamPools } from '../upstream/pools.ts'

export interface PreparedCluster {
  readonly name: string
  readonly connectTimeoutMs: number
  readonly protocol: NonNullable<Cluster['protocol']>
  /** Its own, or while it has none those of the first cluster down the fallback chain that has some. */
  readonly endpoints: readonly ServingEndpoint[]
  /** For requests that were meant for the cluster but reached no endpoint. */
  readonly unreached: DestinationCounters
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

/** What the newest snapshot says of the cluster. */
export class ServingCluster implements PreparedCluster {
  readonly name: string
  connectTimeoutMs: number
  protocol: PreparedCluster['protocol']
  endpoints: PreparedCluster['endpoints']
  unreached: DestinationCounters
  chooser: Chooser
  again: Chooser
  key: RequestKey | null
  readonly random: Random
  gate: ClusterGate | null

  constructor(prepared: PreparedCluster) {
    this.name = prepared.name
    this.connectTimeoutMs = prepared.connectTimeoutMs
    this.protocol = prepared.protocol
    this.endpoints = prepared.endpoints
    this.unreached = prepared.unreached
    this.chooser = prepared.chooser
    this.again = prepared.again
    this.key = prepared.key
    this.random = prepared.random
    this.gate = prepared.gate
  }

  /** Another snapshot is served from now on. */
  become(prepared: PreparedCluster): void {
    this.connectTimeoutMs = prepared.connectTimeoutMs
    this.protocol = prepared.protocol
    this.endpoints = prepared.endpoints
    this.unreached = prepared.unreached
    this.chooser = prepared.chooser
    this.again = prepared.again
    this.key = prepared.key
    this.gate = prepared.gate
  }
}

export interface ServingEndpoint {
  readonly pool: EndpointPool
  /** Null where the cluster does not detect outliers. */
  readonly outlier: OutlierHost | null
  /** Null where the cluster checks no health. */
  readonly checked: CheckedHost | null
  readonly counters: DestinationCounters
}

export interface ClusterDeps {
  readonly pools: UpstreamPools
  readonly tls: TlsContexts
  readonly continuity: ContinuityStore
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  readonly health: HealthChecker
}

/** A cluster of one snapshot. */
export interface ClusterSource {
  readonly cluster: Cluster
  /** Whose endpoints it uses: its own, or those of a cluster that it falls back to. */
  readonly source: Cluster
  /** Where the data plane runs. */
  readonly here: Locality | undefined
  /** Name of the round-robin positions. Absent: those of requests. */
  readonly turns?: string | undefined
}

/** What it uses is kept until the holdings are released. */
export function prepareCluster(
  { cluster, source, here, turns }: ClusterSource,
  deps: ClusterDeps,
  holdings: Holdings,
): PreparedCluster {
  const service = `${cluster.service.namespace}/${cluster.service.name}`
  const way = { tls: deps.tls.client(source.tls), protocol: source.protocol ?? 'http1' } as const
  const continuity = deps.continuity.heldBy(holdings)
  const outliers = continuity.outliers(cluster.name, cluster.outlier)
  const endpoints = source.endpoints.map((endpoint) =>
    prepareEndpoint(endpoint, { service, way, outliers, cluster }, deps, holdings),
  )
  const candidates = source.endpoints.flatMap((endpoint, index): Candidate[] => {
    const serving = endpoints[index]
    return serving === undefined ? [] : [{ ...serving, endpoint }]
  })
  const { health, random } = deps
  const changes = (): number => health.changes + (outliers === null ? 0 : outliers.changes)
  const chooserDeps = { continuity, random, here, changes, ...(turns === undefined ? {} : { turns }) }
  const chooser = prepareChooser(cluster, candidates, chooserDeps)
  const hasTurns = (cluster.balance?.kind ?? 'round-robin') === 'round-robin'
  return {
    name: cluster.name,
    connectTimeoutMs: cluster.connectTimeoutMs,
    protocol: way.protocol,
    unreached: new DestinationCounters({ ...NO_WORKLOAD, service }),
    endpoints,
    chooser,
    again: hasTurns ? prepareChooser(cluster, candidates, { ...chooserDeps, turns: 'again' }) : chooser,
    key: cluster.balance !== undefined && 'key' in cluster.balance ? prepareKey(cluster.balance.key) : null,
    random,
    gate: continuity.gate(cluster.name, cluster.limits),
  }
}

const NO_WORKLOAD = { workloadNamespace: '', workload: '', version: '' }

interface EndpointContext {
  readonly service: string
  /** What the endpoints of a cluster are spoken to in: its own, or that of the one that it falls back to. */
  readonly way: Pick<PoolAddress, 'tls' | 'protocol'>
  readonly outliers: OutlierDetector | null
  readonly cluster: Cluster
}

// oxlint-disable-next-line max-params -- what, of what, with whose help, for whom
function prepareEndpoint(
  { address, port, workload }: Endpoint,
  { service, way, outliers, cluster }: EndpointContext,
  { pools, health, log }: ClusterDeps,
  holdings: Holdings,
): ServingEndpoint {
  const at = { address, port, ...way }
  const pool = pools.use(at, log, holdings)
  return {
    pool,
    outlier: outliers === null ? null : outliers.use(pool.endpoint),
    checked: cluster.healthCheck === undefined ? null : health.use(cluster.name, cluster.healthCheck, at, holdings),
    counters: new DestinationCounters({
      service,
      workloadNamespace: workload?.namespace ?? '',
      workload: workload?.name ?? '',
      version: workload?.version ?? '',
      ...(workload?.app === undefined ? {} : { app: workload.app }),
    }),
  }
}

/** What `/clusters` shows: the clusters that are served, with what all workers together have open to their endpoints. */
import { hostPort } from '../base/host-port.ts'
import type { Cluster, Endpoint, Locality, WorkloadIdentity } from '../routing/cluster-model.ts'
import type { EndpointState, Nearness } from '../routing/explanation.ts'
import type { RoutingSnapshot } from '../routing/model.ts'

import type { GateState } from './upstream/cluster-gate.ts'
import type { PoolState } from './upstream/endpoint-pool.ts'
import type { NearLevelState } from './balance/near-levels.ts'

/** What one proxy has open, and whom it leaves out. */
export interface ProxyDescription {
  readonly pools: readonly PoolState[]
  readonly clusters: readonly ClusterState[]
}

export interface ClusterState {
  readonly name: string
  /** Of clusters with limits. */
  readonly gate?: GateState
  /** `address:port` of endpoints that are left out because they fail. */
  readonly ejected: readonly string[]
  /** `address:port` of endpoints that fail their health checks. */
  readonly unhealthy: readonly string[]
  /** By `address:port`, how much of its weight an endpoint gets while it starts slowly. */
  readonly warming?: Readonly<Record<string, number>>
  /** Of clusters that prefer near endpoints. */
  readonly levels?: readonly NearLevelState[]
}

interface Counts {
  /** Requests sent there since the workers began to use the endpoint. */
  readonly requests: number
  /** Requests on their way now. */
  readonly active: number
  /** Those of them that go on for as long as both sides want: upgraded connections, CONNECT, TCP. */
  readonly tunnels: number
  /** Those of them that will be closed soon: their route no longer gets there. */
  readonly drainingTunnels: number
  readonly connections: number
  /** Connections that wait to be used again. */
  readonly idle: number
}

interface EndpointReport extends Counts {
  readonly endpoint: string
  /** The worst that a worker says. */
  readonly state: EndpointState
  readonly workload?: WorkloadIdentity
  /** How much of its weight it gets, by the worker that gives it least; absent: all of it. */
  readonly slowStart?: number
  readonly locality?: Locality
  /** Where the cluster prefers near endpoints. */
  readonly nearness?: Nearness
}

interface LevelReport {
  readonly nearness: Nearness
  readonly endpoints: number
  /** By the worker that can use least of them. */
  readonly usable: number
  /** Of the cluster's requests, over all workers. */
  readonly share: number
}

interface ClusterReport extends Counts {
  readonly name: string
  /** Requests that wait for a connection, where the cluster has limits. */
  readonly pending: number
  /** The nearest first, where the cluster prefers near endpoints. */
  readonly levels?: readonly LevelReport[]
  readonly endpoints: readonly EndpointReport[]
}

export interface ClustersReport {
  readonly clusters: readonly ClusterReport[]
  /** Endpoints that left the snapshot and still answer a request. */
  readonly draining: readonly ({ readonly endpoint: string } & Counts)[]
}

/** One description for each worker. Clusters that share an endpoint share its counts. */
export function reportClusters(snapshot: RoutingSnapshot, workers: readonly ProxyDescription[]): ClustersReport {
  const byEndpoint = Map.groupBy(
    workers.flatMap(({ pools }) => pools),
    ({ endpoint }) => endpoint,
  )
  const byCluster = Map.groupBy(
    workers.flatMap(({ clusters }) => clusters),
    ({ name }) => name,
  )
  const named = new Set(snapshot.clusters.flatMap(({ endpoints }) => endpoints.map(keyOf)))
  return {
    clusters: snapshot.clusters.map((cluster) => reportCluster(cluster, byCluster.get(cluster.name) ?? [], byEndpoint)),
    draining: [...byEndpoint]
      .filter(([endpoint, states]) => !named.has(endpoint) && states.some(({ active }) => active > 0))
      .map(([endpoint, states]) => ({ endpoint, ...sum(states) })),
  }
}

function reportCluster(
  { name, endpoints }: Cluster,
  states: readonly ClusterState[],
  byEndpoint: ReadonlyMap<string, readonly PoolState[]>,
): ClusterReport {
  const reports = endpoints.map((each): EndpointReport => {
    const endpoint = keyOf(each)
    const pools = byEndpoint.get(endpoint) ?? []
    return { endpoint, state: stateOf(endpoint, states, pools), ...sum(pools), ...aboutEndpoint(each, states) }
  })
  const levels = reportLevels(states)
  const pending = states.reduce((so, { gate }) => so + (gate?.pending ?? 0), 0)
  return { name, ...sum(reports), pending, ...(levels.length === 0 ? {} : { levels }), endpoints: reports }
}

/** Who it is, and why it gets less than others. */
function aboutEndpoint(each: Endpoint, states: readonly ClusterState[]): Partial<EndpointReport> {
  const { workload, locality } = each
  const endpoint = keyOf(each)
  const factors = states.flatMap(({ warming }) => warming?.[endpoint] ?? [])
  const level = states.flatMap(({ levels = [] }) => levels).find(({ endpoints }) => endpoints.includes(endpoint))
  return {
    ...(workload === undefined ? {} : { workload }),
    ...(factors.length === 0 ? {} : { slowStart: rounded(Math.min(...factors)) }),
    ...(locality === undefined ? {} : { locality }),
    ...(level === undefined ? {} : { nearness: level.nearness }),
  }
}

function reportLevels(states: readonly ClusterState[]): readonly LevelReport[] {
  const workers = states.flatMap(({ levels }) => (levels === undefined ? [] : [levels]))
  const [first = []] = workers
  return first.map(({ nearness, endpoints }) => {
    const same = workers.flatMap((levels) => levels.filter((level) => level.nearness === nearness))
    const share = same.reduce((total, level) => total + level.share, 0) / workers.length
    const usable = Math.min(...same.map((level) => level.usable))
    return { nearness, endpoints: endpoints.length, usable, share: rounded(share) }
  })
}

function rounded(share: number): number {
  return Math.round(share * 1_000) / 1_000
}

function stateOf(endpoint: string, states: readonly ClusterState[], pools: readonly PoolState[]): EndpointState {
  if (states.some(({ unhealthy }) => unhealthy.includes(endpoint))) return 'unhealthy'
  if (states.some(({ ejected }) => ejected.includes(endpoint))) return 'ejected'
  return pools.some(({ isAvoided }) => isAvoided) ? 'avoided' : 'ready'
}

function keyOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return hostPort(address, port)
}

function sum(all: readonly Partial<Counts>[]): Counts {
  const total = (count: keyof Counts): number => all.reduce((so, each) => so + (each[count] ?? 0), 0)
  return {
    requests: total('requests'),
    active: total('active'),
    tunnels: total('tunnels'),
    drainingTunnels: total('drainingTunnels'),
    connections: total('connections'),
    idle: total('idle'),
  }
}

/** What `/clusters` shows: the clusters that are served, with what all workers together have open to their endpoints. */
import type { Cluster, RoutingSnapshot, WorkloadIdentity } from '../routing/model.ts'

import type { GateState } from './cluster-gate.ts'
import { poolKey } from './endpoint-pool.ts'
import type { PoolState } from './endpoint-pool.ts'

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
}

interface Counts {
  /** Requests sent there since the workers began to use the endpoint. */
  readonly requests: number
  /** Requests on their way now. */
  readonly active: number
  readonly connections: number
  /** Connections that wait to be used again. */
  readonly idle: number
}

interface EndpointReport extends Counts {
  readonly endpoint: string
  /**
   * The worst that a worker says. `avoided`: it could not connect a moment ago and prefers others; `ejected`: left out
   * for failing; `unhealthy`: left out for failing its health checks.
   */
  readonly state: 'ready' | 'avoided' | 'ejected' | 'unhealthy'
  readonly workload?: WorkloadIdentity
}

interface ClusterReport extends Counts {
  readonly name: string
  /** Requests that wait for a connection, where the cluster has limits. */
  readonly pending: number
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
    const workload = each.workload === undefined ? {} : { workload: each.workload }
    return { endpoint, state: stateOf(endpoint, states, pools), ...sum(pools), ...workload }
  })
  const pending = states.reduce((so, { gate }) => so + (gate?.pending ?? 0), 0)
  return { name, ...sum(reports), pending, endpoints: reports }
}

function stateOf(
  endpoint: string,
  states: readonly ClusterState[],
  pools: readonly PoolState[],
): EndpointReport['state'] {
  if (states.some(({ unhealthy }) => unhealthy.includes(endpoint))) return 'unhealthy'
  if (states.some(({ ejected }) => ejected.includes(endpoint))) return 'ejected'
  return pools.some(({ isAvoided }) => isAvoided) ? 'avoided' : 'ready'
}

function keyOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return poolKey(address, port)
}

function sum(all: readonly Counts[]): Counts {
  const total = (count: keyof Counts): number => all.reduce((so, each) => so + each[count], 0)
  return {
    requests: total('requests'),
    active: total('active'),
    connections: total('connections'),
    idle: total('idle'),
  }
}

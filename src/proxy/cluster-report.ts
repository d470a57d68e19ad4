/** What `/clusters` shows: the clusters that are served, with what all workers together have open to their endpoints. */
import type { Cluster, RoutingSnapshot, WorkloadIdentity } from '../routing/model.ts'

import { poolKey } from './endpoint-pool.ts'
import type { PoolState } from './endpoint-pool.ts'

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
  /** `avoided`: a worker could not connect a moment ago and prefers others. */
  readonly state: 'ready' | 'avoided'
  readonly workload?: WorkloadIdentity
}

interface ClusterReport extends Counts {
  readonly name: string
  readonly endpoints: readonly EndpointReport[]
}

export interface ClustersReport {
  readonly clusters: readonly ClusterReport[]
  /** Endpoints that left the snapshot and still answer a request. */
  readonly draining: readonly ({ readonly endpoint: string } & Counts)[]
}

/** `pools` has one list for each worker. Clusters that share an endpoint share its counts. */
export function reportClusters(snapshot: RoutingSnapshot, pools: readonly (readonly PoolState[])[]): ClustersReport {
  const byEndpoint = Map.groupBy(pools.flat(), ({ endpoint }) => endpoint)
  const named = new Set(snapshot.clusters.flatMap(({ endpoints }) => endpoints.map(keyOf)))
  return {
    clusters: snapshot.clusters.map((cluster) => reportCluster(cluster, byEndpoint)),
    draining: [...byEndpoint]
      .filter(([endpoint, states]) => !named.has(endpoint) && states.some(({ active }) => active > 0))
      .map(([endpoint, states]) => ({ endpoint, ...sum(states) })),
  }
}

function reportCluster(
  { name, endpoints }: Cluster,
  byEndpoint: ReadonlyMap<string, readonly PoolState[]>,
): ClusterReport {
  const reports = endpoints.map((each): EndpointReport => {
    const states = byEndpoint.get(keyOf(each)) ?? []
    const state = states.some(({ isAvoided }) => isAvoided) ? 'avoided' : 'ready'
    const workload = each.workload === undefined ? {} : { workload: each.workload }
    return { endpoint: keyOf(each), state, ...sum(states), ...workload }
  })
  return { name, ...sum(reports), endpoints: reports }
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

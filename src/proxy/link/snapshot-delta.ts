/**
 * What changed from the snapshot that a proxy was sent last to the next one: named resources, with the endpoints of a cluster
 * apart from the cluster. Applied to the same snapshot it gives the next one, in which everything else is the same object.
 */
import { hostPort } from '../../base/host-port.ts'
import type { Cluster, Endpoint, Locality } from '../../routing/cluster-model.ts'
import type { Listener, TcpListener } from '../../routing/listener-model.ts'
import type { RoutingSnapshot, SourceGeneration } from '../../routing/model.ts'
import { referenceText } from '../../routing/object-reference.ts'
import type { RouteTable, VirtualHost } from '../../routing/route-model.ts'

import { applyListDelta, compareLists, isSameText, ListDeltaError, listDelta, newListDelta } from './list-delta.ts'
import type { ListDelta, Placed } from './list-delta.ts'

export interface SnapshotDelta {
  /** Generation of the snapshot to which it is applied: the last one that was sent on the connection. */
  readonly base: number
  /** To be acknowledged. */
  readonly generation: number
  /** Absent here and below: unchanged. Null: there is none any more. */
  readonly locality?: Locality | null | undefined
  readonly sources?: ListDelta<SourceGeneration> | undefined
  readonly listeners?: ListDelta<Listener> | undefined
  readonly tcpListeners?: ListDelta<TcpListener> | undefined
  readonly routeTables?: ListDelta<TableDelta> | undefined
  readonly clusters?: ListDelta<ClusterHead> | undefined
  /** Each with the place of its cluster in the new snapshot. */
  readonly endpoints?: readonly Placed<EndpointsDelta>[] | undefined
}

/** A table that is new or has other virtual hosts; `virtualHosts` is absent where only the head changed. */
interface TableDelta extends Omit<RouteTable, 'virtualHosts'> {
  readonly virtualHosts?: ListDelta<VirtualHost> | undefined
}

export type ClusterHead = Omit<Cluster, 'endpoints'>

export interface EndpointsDelta {
  readonly cluster: string
  readonly endpoints: ListDelta<Endpoint>
}

export function snapshotDelta(before: RoutingSnapshot, after: RoutingSnapshot): SnapshotDelta {
  const { generation, sources, listeners, tcpListeners = [], routeTables, clusters, locality, ...others } = after
  // A field that is new in the model does not compile until it is sent here.
  others satisfies Record<string, never>
  return {
    base: before.generation,
    generation,
    locality: isSameText(before.locality, locality) ? undefined : (locality ?? null),
    sources: listDelta(before.sources, sources, nameOfSource),
    listeners: listDelta(before.listeners, listeners, idOf),
    tcpListeners: listDelta(before.tcpListeners ?? [], tcpListeners, idOf),
    routeTables: tablesDelta(before.routeTables, routeTables),
    ...clustersDelta(before.clusters, clusters),
  }
}

/** Throws `ListDeltaError` where `before` is not the snapshot that the delta was made for. */
export function applySnapshotDelta(before: RoutingSnapshot, delta: SnapshotDelta): RoutingSnapshot {
  const { generation, locality = before.locality } = delta
  const tcpListeners = applyPlain(before.tcpListeners ?? [], delta.tcpListeners, idOf)
  return {
    generation,
    sources: applyPlain(before.sources, delta.sources, nameOfSource),
    listeners: applyPlain(before.listeners, delta.listeners, idOf),
    ...(tcpListeners.length === 0 ? {} : { tcpListeners }),
    routeTables: applyTables(before.routeTables, delta.routeTables),
    clusters: applyClusters(before.clusters, delta),
    ...(locality === undefined || locality === null ? {} : { locality }),
  }
}

function tablesDelta(before: readonly RouteTable[], after: readonly RouteTable[]): ListDelta<TableDelta> | undefined {
  const { names, changes } = compareLists(before, after, idOf)
  const items = changes.flatMap(({ at, before: old, after: { virtualHosts, ...head } }): Placed<TableDelta>[] => {
    const hosts = listDelta(old?.virtualHosts ?? [], virtualHosts, nameOf)
    if (old !== undefined && hosts === undefined && isSameText({ ...old, virtualHosts }, { ...head, virtualHosts }))
      return []
    return [[at, hosts === undefined ? head : { ...head, virtualHosts: hosts }]]
  })
  return newListDelta(names, items)
}

function applyTables(before: readonly RouteTable[], delta: SnapshotDelta['routeTables']): readonly RouteTable[] {
  return delta === undefined ? before : applyListDelta(before, delta, { nameOf: idOf, merge: mergeTable })
}

function mergeTable({ virtualHosts, ...head }: TableDelta, old: RouteTable | undefined): RouteTable {
  return { ...head, virtualHosts: applyPlain(old?.virtualHosts ?? [], virtualHosts, nameOf) }
}

function clustersDelta(
  before: readonly Cluster[],
  after: readonly Cluster[],
): Pick<SnapshotDelta, 'clusters' | 'endpoints'> {
  const { names, changes } = before === after ? NO_CHANGES : compareLists(before, after, nameOf)
  const heads: Placed<ClusterHead>[] = []
  const endpoints: Placed<EndpointsDelta>[] = []
  for (const { at, before: old, after: cluster } of changes) {
    const head = headOf(cluster)
    if (old === undefined || !isSameText(headOf(old), head)) heads.push([at, head])
    const changed = listDelta(old?.endpoints ?? [], cluster.endpoints, nameOfEndpoint)
    if (changed !== undefined) endpoints.push([at, { cluster: cluster.name, endpoints: changed }])
  }
  return { clusters: newListDelta(names, heads), endpoints: endpoints.length === 0 ? undefined : endpoints }
}

const NO_CHANGES = { names: undefined, changes: [] } as const

function applyClusters(
  before: readonly Cluster[],
  { clusters, endpoints }: Pick<SnapshotDelta, 'clusters' | 'endpoints'>,
): readonly Cluster[] {
  const withHeads = clusters === undefined ? before : applyListDelta(before, clusters, { nameOf, merge: mergeHead })
  if (endpoints === undefined) return withHeads
  return applyListDelta(withHeads, { items: endpoints }, { nameOf, merge: mergeEndpoints })
}

function mergeHead(head: ClusterHead, old: Cluster | undefined): Cluster {
  return { ...head, endpoints: old?.endpoints ?? [] }
}

function mergeEndpoints({ cluster: name, endpoints }: EndpointsDelta, cluster: Cluster | undefined): Cluster {
  if (cluster?.name !== name) throw new ListDeltaError(`cluster "${name}" stands elsewhere`)
  return { ...cluster, endpoints: applyPlain(cluster.endpoints, endpoints, nameOfEndpoint) }
}

function applyPlain<Item>(
  before: readonly Item[],
  delta: ListDelta<Item> | undefined,
  name: (item: Item) => string,
): readonly Item[] {
  return delta === undefined ? before : applyListDelta(before, delta, { nameOf: name, merge: (item) => item })
}

function headOf(cluster: Cluster): ClusterHead {
  const { endpoints: _, ...head } = cluster
  return head
}

function idOf({ id }: { readonly id: string }): string {
  return id
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}

function nameOfEndpoint({ address, port }: Endpoint): string {
  return hostPort(address, port)
}

function nameOfSource(source: SourceGeneration): string {
  return `${referenceText(source)} ${source.uid}`
}

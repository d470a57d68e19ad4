/**
 * A large snapshot, or a large change of one, on its way to a proxy: in pieces, each read in a moment, so that no request waits
 * for the whole. Pieces come in order, before what they belong to, which is then without them.
 */
import type { Cluster } from '../../routing/cluster-model.ts'
import type { RoutingSnapshot, SourceGeneration } from '../../routing/model.ts'
import type { VirtualHost } from '../../routing/route-model.ts'

import type { ListDelta, Placed } from './list-delta.ts'
import type { ClusterHead, EndpointsDelta, SnapshotDelta } from './snapshot-delta.ts'

/** Virtual hosts or clusters in one piece: some 100 kB of them. */
const PIECE_ITEMS_MAX = 200

/** `table`: its place in the snapshot. */
export type SnapshotPiece =
  | { readonly kind: 'clusters'; readonly clusters: readonly Cluster[] }
  | { readonly kind: 'virtual-hosts'; readonly table: number; readonly virtualHosts: readonly VirtualHost[] }

/** `table`: its place among the changed tables. */
export type DeltaPiece =
  | { readonly kind: 'sources'; readonly items: readonly Placed<SourceGeneration>[] }
  | { readonly kind: 'clusters'; readonly items: readonly Placed<ClusterHead>[] }
  | { readonly kind: 'endpoints'; readonly items: readonly Placed<EndpointsDelta>[] }
  | { readonly kind: 'virtual-hosts'; readonly table: number; readonly items: readonly Placed<VirtualHost>[] }

/** The snapshot without its pieces, and these; none for a small one. */
export function cutSnapshot(snapshot: RoutingSnapshot): {
  readonly pieces: readonly SnapshotPiece[]
  readonly rest: RoutingSnapshot
} {
  const { clusters, routeTables } = snapshot
  const hosts = routeTables.reduce((sum, { virtualHosts }) => sum + virtualHosts.length, 0)
  if (clusters.length + hosts <= PIECE_ITEMS_MAX) return { pieces: [], rest: snapshot }
  const pieces = [
    ...slices(clusters).map((slice): SnapshotPiece => ({ kind: 'clusters', clusters: slice })),
    ...routeTables.flatMap(({ virtualHosts }, table) =>
      slices(virtualHosts).map((slice): SnapshotPiece => ({ kind: 'virtual-hosts', table, virtualHosts: slice })),
    ),
  ]
  const emptied = routeTables.map((table) => ({ ...table, virtualHosts: [] }))
  return { pieces, rest: { ...snapshot, clusters: [], routeTables: emptied } }
}

/** The snapshot that was cut. */
export function joinSnapshot(rest: RoutingSnapshot, pieces: readonly SnapshotPiece[]): RoutingSnapshot {
  if (pieces.length === 0) return rest
  return {
    ...rest,
    clusters: pieces.flatMap((piece) => (piece.kind === 'clusters' ? piece.clusters : [])),
    routeTables: rest.routeTables.map((each, table) => ({
      ...each,
      virtualHosts: pieces.flatMap((piece) =>
        piece.kind === 'virtual-hosts' && piece.table === table ? piece.virtualHosts : [],
      ),
    })),
  }
}

/** The same of a change. */
export function cutDelta(delta: SnapshotDelta): {
  readonly pieces: readonly DeltaPiece[]
  readonly rest: SnapshotDelta
} {
  const { sources, clusters, endpoints = [], routeTables } = delta
  const hosts = (routeTables?.items ?? []).map(([, { virtualHosts }]) => virtualHosts?.items ?? [])
  const lists = [sources?.items ?? [], clusters?.items ?? [], endpoints, ...hosts]
  if (lists.reduce((sum, { length }) => sum + length, 0) <= PIECE_ITEMS_MAX) return { pieces: [], rest: delta }
  const pieces = [
    ...slices(sources?.items ?? []).map((items): DeltaPiece => ({ kind: 'sources', items })),
    ...slices(clusters?.items ?? []).map((items): DeltaPiece => ({ kind: 'clusters', items })),
    ...slices(endpoints).map((items): DeltaPiece => ({ kind: 'endpoints', items })),
    ...hosts.flatMap((list, table) =>
      slices(list).map((items): DeltaPiece => ({ kind: 'virtual-hosts', table, items })),
    ),
  ]
  return { pieces, rest: withItems(delta, () => []) }
}

/** The change that was cut. */
export function joinDelta(rest: SnapshotDelta, pieces: readonly DeltaPiece[]): SnapshotDelta {
  if (pieces.length === 0) return rest
  return withItems(rest, (kind, table) =>
    pieces.flatMap((piece): readonly unknown[] =>
      piece.kind === kind && (piece.kind !== 'virtual-hosts' || piece.table === table) ? piece.items : [],
    ),
  )
}

/** The change with other items in the lists that are cut. */
function withItems(
  delta: SnapshotDelta,
  itemsOf: (kind: DeltaPiece['kind'], table: number) => readonly unknown[],
): SnapshotDelta {
  const filled = <Item>(list: ListDelta<Item> | undefined, kind: DeltaPiece['kind'], table = 0): typeof list =>
    list === undefined ? undefined : { ...list, items: itemsOf(kind, table) as readonly Placed<Item>[] }
  const { sources, clusters, endpoints, routeTables } = delta
  const tables = routeTables?.items.map(([at, table], index): (typeof routeTables.items)[number] => [
    at,
    { ...table, virtualHosts: filled(table.virtualHosts, 'virtual-hosts', index) },
  ])
  return {
    ...delta,
    sources: filled(sources, 'sources'),
    clusters: filled(clusters, 'clusters'),
    endpoints: endpoints === undefined ? undefined : (itemsOf('endpoints', 0) as typeof endpoints),
    routeTables: routeTables === undefined || tables === undefined ? undefined : { ...routeTables, items: tables },
  }
}

function slices<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / PIECE_ITEMS_MAX) }, (_, index) =>
    items.slice(index * PIECE_ITEMS_MAX, (index + 1) * PIECE_ITEMS_MAX),
  )
}

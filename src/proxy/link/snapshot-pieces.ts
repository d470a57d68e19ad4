/** A large snapshot on its way to a proxy: in pieces, each read in a moment, so that no request waits for the whole. */
import type { Cluster } from '../../routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import type { VirtualHost } from '../../routing/route-model.ts'

/** Virtual hosts or clusters in one piece: some 100 kB of them. */
const PIECE_ITEMS_MAX = 200

/** They come in order, before the snapshot that they belong to, which is then without them. */
export type SnapshotPiece =
  | { readonly kind: 'clusters'; readonly clusters: readonly Cluster[] }
  /** `table`: its place in the snapshot. */
  | { readonly kind: 'virtual-hosts'; readonly table: number; readonly virtualHosts: readonly VirtualHost[] }

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

/** Puts the snapshots of one connection together again. */
export class SnapshotAssembly {
  #pieces: SnapshotPiece[] = []

  add(piece: SnapshotPiece): void {
    this.#pieces.push(piece)
  }

  complete(rest: RoutingSnapshot): RoutingSnapshot {
    const pieces = this.#pieces
    if (pieces.length === 0) return rest
    this.#pieces = []
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
}

function slices<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / PIECE_ITEMS_MAX) }, (_, index) =>
    items.slice(index * PIECE_ITEMS_MAX, (index + 1) * PIECE_ITEMS_MAX),
  )
}

/** Snapshots as messages on the connection to one proxy: whole at first, then as what changed since the one before. */
import type { RoutingSnapshot } from '../../routing/model.ts'

import { ListDeltaError } from './list-delta.ts'
import { applySnapshotDelta, snapshotDelta } from './snapshot-delta.ts'
import type { SnapshotDelta } from './snapshot-delta.ts'
import { cutDelta, cutSnapshot, joinDelta, joinSnapshot } from './snapshot-pieces.ts'
import type { DeltaPiece, SnapshotPiece } from './snapshot-pieces.ts'

export type SnapshotMessage =
  | { readonly kind: 'piece'; readonly piece: SnapshotPiece }
  /** With the pieces before it, if there were any. */
  | { readonly kind: 'snapshot'; readonly snapshot: RoutingSnapshot }
  | { readonly kind: 'delta-piece'; readonly piece: DeltaPiece }
  /** With the pieces before it, if there were any; to be applied to the snapshot that came last, served or refused. */
  | { readonly kind: 'delta'; readonly delta: SnapshotDelta }

export function wholeMessages(snapshot: RoutingSnapshot, takesPieces: boolean): readonly SnapshotMessage[] {
  const { pieces, rest } = takesPieces ? cutSnapshot(snapshot) : { pieces: [], rest: snapshot }
  return [...pieces.map((piece) => ({ kind: 'piece', piece }) as const), { kind: 'snapshot', snapshot: rest }]
}

export function deltaMessages(before: RoutingSnapshot, after: RoutingSnapshot): readonly SnapshotMessage[] {
  const { pieces, rest } = cutDelta(snapshotDelta(before, after))
  return [...pieces.map((piece) => ({ kind: 'delta-piece', piece }) as const), { kind: 'delta', delta: rest }]
}

/** `incomplete`: more comes. `lost`: only a whole snapshot helps. */
export type Received =
  | { readonly kind: 'snapshot'; readonly snapshot: RoutingSnapshot }
  | { readonly kind: 'incomplete' | 'lost' }

/** Puts the snapshots of one connection together again. */
export class SnapshotReceiver {
  #pieces: SnapshotPiece[] = []
  #deltaPieces: DeltaPiece[] = []
  /** The one that came last, served or refused. */
  #last: RoutingSnapshot | null = null

  receive(message: SnapshotMessage): Received {
    switch (message.kind) {
      case 'piece':
        this.#pieces.push(message.piece)
        return { kind: 'incomplete' }
      case 'delta-piece':
        this.#deltaPieces.push(message.piece)
        return { kind: 'incomplete' }
      case 'snapshot':
        return this.#complete(joinSnapshot(message.snapshot, this.#pieces))
      case 'delta':
        return this.#apply(message.delta)
    }
  }

  #complete(snapshot: RoutingSnapshot): Received {
    this.#pieces = []
    this.#deltaPieces = []
    this.#last = snapshot
    return { kind: 'snapshot', snapshot }
  }

  #apply(delta: SnapshotDelta): Received {
    try {
      if (this.#last?.generation !== delta.base) throw new ListDeltaError('another snapshot came last')
      return this.#complete(applySnapshotDelta(this.#last, joinDelta(delta, this.#deltaPieces)))
    } catch (error) {
      if (!(error instanceof ListDeltaError)) throw error
      this.#deltaPieces = []
      this.#last = null
      return { kind: 'lost' }
    }
  }
}

import type { Socket } from 'node:net'

/**
 * What a worker and the process that holds its listening sockets say to each other over the worker's IPC channel. The
 * holder outlives updates of Sluice, so it may be of an older release: unknown messages are ignored.
 */
export type ToHolder =
  /** Give me my sockets for the address; `key` names it from then on. */
  | { readonly kind: 'open'; readonly key: string; readonly address: string; readonly port: number }
  /** I accept on these, and on no others. */
  | { readonly kind: 'using'; readonly keys: readonly string[] }
  /** I accept nobody any more and am about to end. */
  | { readonly kind: 'leaving' }
  /** Again and again: my event loop turns. */
  | { readonly kind: 'alive' }

export type FromHolder =
  /** Goes with a socket to accept on. `index` tells those of one key apart. */
  | { readonly kind: 'socket'; readonly key: string; readonly index: number }
  /** All sockets that are yours have been sent. */
  | { readonly kind: 'opened'; readonly key: string; readonly port: number }
  | { readonly kind: 'failed'; readonly key: string; readonly error: string }
  /** Whose socket it is accepts again. */
  | { readonly kind: 'give-back'; readonly key: string; readonly index: number }
  /** Nobody but you has sockets of the key any more. */
  | { readonly kind: 'closed'; readonly key: string }

/** Any free port belongs to the listener that asked; a definite one to whoever has it now. */
export function keyOf({ id, address, port }: { readonly id: string; readonly address: string; readonly port: number }) {
  return port === 0 ? `${address} 0 ${id}` : `${address} ${port}`
}

/** A worker’s end of the channel. */
export interface HolderChannel {
  readonly isOpen: boolean
  send(message: ToHolder): void
  /** `socket` must be listened on in the same turn: it is bound, not connected, and read from after that. */
  onMessage(listener: (message: FromHolder, socket: Socket | null) => void): void
  onClosed(listener: () => void): void
  close(): void
}

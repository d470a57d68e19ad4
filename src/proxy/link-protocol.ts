/**
 * What control and proxies say to each other over the control socket: one JSON document per line. Both ends are of one
 * product, but may be of two releases for a while: unknown messages are ignored.
 */
import type { Socket } from 'node:net'

import type { BoundListener } from '../routing/data-plane.ts'
import type { TrafficReport } from '../telemetry/report.ts'

import type { ProxyDescription } from './cluster-report.ts'
import type { SnapshotMessage } from './link/snapshot-messages.ts'

/** A snapshot of some ten thousand routes fits; what does not fit is a mistake of the other side. */
export const MESSAGE_BYTES_MAX = 64 * 1024 * 1024

export type ToProxy =
  | SnapshotMessage
  /** Drain and exit: another process has your place. */
  | { readonly kind: 'stop' }
  /** Tell what you have open and whom you leave out. */
  | { readonly kind: 'describe' }

export type FromProxy =
  | {
      readonly kind: 'hello'
      readonly id: string
      readonly pid: number
      readonly startedAtMs: number
      /** On the machine's clock that never goes back: which of two processes is the newer one. */
      readonly startedUptimeMs?: number
      /** It takes snapshots in pieces. */
      readonly pieces?: boolean
      /** It takes what changed since the snapshot before, in pieces too. */
      readonly deltas?: boolean
    }
  /** It cannot apply what changed: send the whole snapshot. */
  | { readonly kind: 'lost-track' }
  /** New requests use the snapshot. */
  | ({ readonly kind: 'ack'; readonly generation: number } & ProxyStanding)
  | { readonly kind: 'nack'; readonly generation: number; readonly reason: string }
  | ({ readonly kind: 'standing' } & ProxyStanding)
  | { readonly kind: 'description'; readonly description: ProxyDescription }
  | { readonly kind: 'report'; readonly report: TrafficReport }

interface ProxyStanding {
  readonly listeners: readonly BoundListener[]
  readonly draining: readonly string[]
}

export function sendMessage(socket: Socket, message: ToProxy | FromProxy): boolean {
  return socket.write(encodeMessage(message))
}

export function encodeMessage(message: ToProxy | FromProxy): string {
  return `${JSON.stringify(message)}\n`
}

export interface MessageHandlers<Message> {
  readonly onMessage: (message: Message) => void
  readonly onBroken: (why: string) => void
}

/** Calls `onMessage` for every message that comes; `onBroken`, once, when the stream is not what it should be. */
export function readMessages<Message extends ToProxy | FromProxy>(
  socket: Socket,
  handlers: MessageHandlers<Message>,
): void {
  let parts: Buffer[] = []
  let bytes = 0
  socket.on('data', (chunk: Buffer) => {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      parts.push(chunk.subarray(start, end))
      const message = decode(Buffer.concat(parts))
      parts = []
      bytes = 0
      start = end + 1
      if (message === undefined) return handlers.onBroken('not a message')
      // Both ends are ours, so beyond the kind the shape is taken as declared.
      handlers.onMessage(message as Message)
    }
    parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > MESSAGE_BYTES_MAX) handlers.onBroken('message too large')
  })
}

function decode(line: Buffer): { readonly kind: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return typeof value === 'object' && value !== null && 'kind' in value ? value : undefined
  } catch {
    // Said by the undefined value: the link is broken.
    return undefined
  }
}

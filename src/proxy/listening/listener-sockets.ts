/** Where listeners get the sockets from that they accept clients on. */
import type { Server } from 'node:net'

export interface ListeningAddress {
  readonly id: string
  readonly address: string
  /** 0: any. */
  readonly port: number
}

export interface OpenListener {
  /** The one that it has. */
  readonly port: number
  /** Resolves once it accepts nobody any more. */
  close(): Promise<void>
}

export interface ListenerSockets {
  /** `createServer` is called for every socket to accept on, now or later. Rejects when the address cannot be had. */
  open(at: ListeningAddress, createServer: () => Server): Promise<OpenListener>
  /** Listeners of these addresses are served from now on, and no others: those are closed next. */
  using(addresses: readonly ListeningAddress[]): void
  /** This process accepts nobody any more. */
  leave(): void
}

export const BACKLOG = 1024

/** What an exchange has to do with: its client, and the proxy around it. */
import type { Scheme } from './forwarded-heads.ts'
import type { MessageOutput } from './message-output.ts'
import type { ServingListener } from './serving-state.ts'

/** The client's side of the connection, as its exchange sees it. */
export interface ClientSide extends MessageOutput {
  readonly clientAddress: string
  readonly scheme: Scheme
  pauseInput(): void
  resumeInput(): void
  /** From now on all bytes go through. */
  enterTunnel(): void
  /** No more bytes will be written. */
  endOutput(): void
  /** The exchange is over. `keep`: the connection can take the next request. */
  onExchangeOver(keep: boolean): void
  /** The response cannot be completed: the client must notice. */
  abort(): void
}

export interface ExchangeDeps {
  readonly monotonicMs: () => number
  readonly newRequestId: () => string
  /** What new requests are served with: the newest snapshot. */
  readonly serving: () => ServingListener
  /** Whether connections are to be closed after their request. */
  readonly isDraining: () => boolean
}

export interface RequestBody {
  /** What came with the head. */
  readonly first: Buffer | null
  readonly done: boolean
}

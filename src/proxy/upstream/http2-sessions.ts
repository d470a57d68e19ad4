/** The HTTP/2 sessions to one endpoint: as few as there can be. */
import type { Log } from '../../base/log.ts'
import type { ClusterGate } from './cluster-gate.ts'
import type { ClientTlsContext } from '../tls/client-tls.ts'

import { Http2UpstreamSession } from './http2-session.ts'
import type { SessionOwner } from './http2-session.ts'
import type { Http2UpstreamStream } from './http2-stream.ts'

/** Requests beyond what they take are answered with 503 and flag UO. */
const SESSIONS_PER_ENDPOINT_MAX = 1_024
/** What endpoints should take at least (RFC 9113 §6.5.2): so many requests wait for a session that is being made. */
const STREAMS_EXPECTED = 100

interface Endpoint {
  readonly address: string
  readonly port: number
  readonly tls: ClientTlsContext | null
}

export class Http2Sessions implements SessionOwner {
  readonly address: string
  readonly port: number
  readonly tls: ClientTlsContext | null
  readonly #log: Log
  /** Oldest first. */
  readonly #sessions = new Set<Http2UpstreamSession>()
  #streamsMax = STREAMS_EXPECTED
  #lastProblem = ''

  constructor({ address, port, tls }: Endpoint, log: Log) {
    this.address = address
    this.port = port
    this.tls = tls
    this.#log = log
  }

  get count(): number {
    return this.#sessions.size
  }

  get idle(): number {
    return [...this.#sessions].filter(({ isIdle }) => isIdle).length
  }

  /** Whether no further session may be opened. */
  get isFull(): boolean {
    return this.#sessions.size >= SESSIONS_PER_ENDPOINT_MAX
  }

  /** A stream of a session that there is, if one has room. The first ones are filled first, so that the others become idle. */
  take(): Http2UpstreamStream | undefined {
    return (this.#withRoom(false) ?? this.#withRoom(true))?.take()
  }

  /** A stream of a session that is new. */
  open(deadlineMs: number, gate: ClusterGate | null): Http2UpstreamStream {
    return (this.#withRoom(true) ?? this.#create(deadlineMs, gate)).take()
  }

  learn(streamsMax: number): void {
    this.#streamsMax = streamsMax
    this.#lastProblem = ''
  }

  /** Told once for each reason until it does. */
  onNotHttp2(reason: string): void {
    if (reason === this.#lastProblem) return
    this.#lastProblem = reason
    const { address, port } = this
    this.#log.warn('an endpoint does not speak HTTP/2', { address, port, reason })
  }

  forget(session: Http2UpstreamSession): void {
    this.#sessions.delete(session)
  }

  /** Their streams finish, then they close. */
  drain(): void {
    for (const session of this.#sessions) session.drain()
  }

  closeAll(): void {
    for (const session of this.#sessions) session.destroy()
  }

  /** One of those that count there. False: there is none. */
  closeIdle(gate: ClusterGate): boolean {
    for (const session of this.#sessions) {
      if (!session.isIdle || session.gate !== gate) continue
      session.destroy()
      return true
    }
    return false
  }

  sweep(nowMs: number): void {
    for (const session of this.#sessions) session.sweep(nowMs)
  }

  #withRoom(isConnecting: boolean): Http2UpstreamSession | undefined {
    for (const session of this.#sessions) {
      if (session.isConnecting === isConnecting && session.hasRoom) return session
    }
    return undefined
  }

  #create(deadlineMs: number, gate: ClusterGate | null): Http2UpstreamSession {
    // The new one may find another state of the endpoint; of those without use one is kept.
    for (const session of this.#sessions) {
      if (session.isUseless) session.destroy()
    }
    const session = new Http2UpstreamSession(this, { deadlineMs, gate, streamsMax: this.#streamsMax })
    this.#sessions.add(session)
    return session
  }
}

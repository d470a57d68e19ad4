/**
 * One HTTP/2 connection of a client. Each stream is a request by itself; what all of them share is here: how many there may
 * be, and how the connection ends without losing one.
 */
import { constants, performServerHandshake } from 'node:http2'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

import { plainAddress } from '../../base/host-port.ts'

import type { Scheme } from '../serving/forwarded-heads.ts'
import { peerOf } from '../telling/access-entry.ts'
import type { ClientPeer } from '../telling/access-entry.ts'

import { Http2ClientStream } from './http2-stream.ts'
import type { StreamDeps, StreamOwner } from './http2-stream.ts'
import type { FieldList } from '../http2/message-text.ts'
import { SESSION_WINDOW_BYTES, sessionOptions } from './session-limits.ts'

/** Exchanges of finished streams that wait for new ones. */
const FREE_STREAMS_MAX = 16
/**
 * A GOAWAY that says that the session ends, and refuses no stream yet: the last one may be 2^31-1 (RFC 9113 §6.8). The library
 * can only send one that makes it ignore all streams that come later.
 */
const GOAWAY_NOTICE = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
/** From that to the last GOAWAY, for requests that were on their way when the client got the first. */
const NOTICE_MS = 250
/** A session that ends asks its client so often whether it is there, and takes its silence until the next time for a no. */
const PING_INTERVAL_MS = 10_000
/** How long a client whose last stream is over may leave the connection open. */
const LINGER_MS = 1_000

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM } = constants

/**
 * `noticed`: the client knows that it should go; `leaving`: it goes by itself; `ending`: no new streams, those under way finish;
 * `closing`: there are none any more.
 */
type Phase = 'open' | 'noticed' | 'leaving' | 'ending' | 'closing' | 'closed'

export interface Http2SessionDeps extends StreamDeps {
  readonly scheme: Scheme
  readonly onClosed: (session: Http2ClientSession) => void
}

export class Http2ClientSession implements StreamOwner {
  readonly clientAddress: string
  readonly scheme: Scheme
  readonly deps: Http2SessionDeps
  readonly #socket: Socket
  #peer: ClientPeer | null = null
  readonly #session: ServerHttp2Session
  readonly #closeSession: () => void
  readonly #streams = new Set<Http2ClientStream>()
  readonly #free: Http2ClientStream[] = []
  #phase: Phase = 'open'
  /** The client has said what it can do, as it must at once. */
  #isGreeted = false
  #phaseSinceMs: number
  /** When there was a stream last; the sweep keeps it. */
  #idleSinceMs: number
  #moved = false
  #pingedMs = -Infinity
  #isPingAnswered = true

  /** What the socket gave already must have been put back into it. */
  constructor(socket: Socket, deps: Http2SessionDeps) {
    this.deps = deps
    this.scheme = deps.scheme
    this.clientAddress = plainAddress(socket.remoteAddress ?? '')
    this.#phaseSinceMs = this.#idleSinceMs = deps.monotonicMs()
    this.#socket = socket
    // Half a connection is none in HTTP/2: who ends one side gets no answers on the other.
    socket.allowHalfOpen = false
    socket.on('close', () => this.#onClosed())
    this.#session = performServerHandshake(socket, sessionOptions(deps.serving().http))
    this.#closeSession = this.#session.close.bind(this.#session)
    // For the library to call when the client says that it goes. A session that is closed while it has streams forgets them,
    // and its socket, if the client makes a mistake then.
    this.#session.close = () => this.#leave()
    this.#session
      .on('stream', (stream, _fields, flags, list) => this.#onStream(stream, flags, list))
      .on('remoteSettings', () => (this.#isGreeted = true))
      .on('connect', () => this.#session.setLocalWindowSize(SESSION_WINDOW_BYTES))
      // A mistake or an attack of the client: the library has ended the session.
      .on('error', ignore)
  }

  peer(): ClientPeer {
    return (this.#peer ??= peerOf(this.#socket))
  }

  release(stream: Http2ClientStream): void {
    this.#streams.delete(stream)
    this.#moved = true
    if (this.#free.length < FREE_STREAMS_MAX) this.#free.push(stream)
    if (this.#phase === 'ending' && this.#streams.size === 0) this.#endWithStreams(this.#idleSinceMs)
  }

  /** Tells the client to take its next requests elsewhere, then ends; streams under way finish. */
  closeWhenIdle(): void {
    if (this.#phase === 'leaving') this.#end()
    if (this.#phase !== 'open') return
    this.#enter('noticed')
    for (const stream of this.#streams) stream.drainTunnel()
    // Between the library's writes, which are whole frames. Over TLS two writes at a time would end the process.
    if (this.#isGreeted && this.scheme === 'http') this.#socket.write(GOAWAY_NOTICE)
  }

  /** The socket first: the library would tell the client that responses under way are complete. */
  destroy(): void {
    this.#socket.destroy()
    this.#onClosed()
  }

  sweep(nowMs: number): void {
    for (const stream of this.#streams) stream.sweep(nowMs)
    if (this.#moved || this.#streams.size > 0) this.#idleSinceMs = nowMs
    this.#moved = false
    if (this.deps.isDraining()) this.closeWhenIdle()
    this.#checkTime(nowMs)
  }

  #checkTime(nowMs: number): void {
    const { headTimeoutMs, keepAliveTimeoutMs } = this.deps.serving().http
    const elapsedMs = nowMs - this.#phaseSinceMs
    const idleMs = nowMs - this.#idleSinceMs
    if (this.#phase === 'noticed' && elapsedMs >= NOTICE_MS) this.#end()
    else if (this.#phase === 'leaving' || this.#phase === 'ending') this.#endWithStreams(nowMs)
    else if (this.#phase === 'closing' && Math.min(elapsedMs, idleMs) >= LINGER_MS) this.destroy()
    else if (!this.#isGreeted && elapsedMs >= headTimeoutMs) this.destroy()
    else if (idleMs >= keepAliveTimeoutMs) this.closeWhenIdle()
  }

  #onStream(stream: ServerHttp2Stream, flags: number, list: FieldList): void {
    // That something went wrong is told by its `close`; unheard, the error would end the process.
    stream.on('error', ignore)
    // Reset before it was looked at: to be cheap here is what makes floods of them bearable.
    if (stream.destroyed || stream.closed) return
    // It crossed the GOAWAY, which has told the client already that it was not looked at.
    if (this.#phase === 'ending' || this.#phase === 'closing') return stream.close(NGHTTP2_REFUSED_STREAM)
    this.#moved = true
    try {
      const served = this.#free.pop() ?? new Http2ClientStream(this)
      this.#streams.add(served)
      served.serve(stream, list, (flags & NGHTTP2_FLAG_END_STREAM) !== 0)
    } catch (error) {
      this.deps.onCrash(error)
      stream.close(NGHTTP2_INTERNAL_ERROR)
    }
  }

  /** The client goes. Streams of it that nobody has looked at yet may be there: the sweep sees when there are none. */
  #leave(): void {
    if (this.#phase === 'open' || this.#phase === 'noticed') this.#enter('leaving')
  }

  /** Streams that come from now on are refused, in a way that the client can try them elsewhere. */
  #end(): void {
    this.#enter('ending')
    if (!this.#session.destroyed) this.#session.goaway()
    this.#endWithStreams(this.#phaseSinceMs)
  }

  #endWithStreams(nowMs: number): void {
    if (this.#streams.size > 0) return this.#probe(nowMs)
    this.#enter('closing')
    this.#closeSession()
  }

  /** After a GOAWAY of either side the library does not tell that it has given up a client for a mistake, or that it is gone. */
  #probe(nowMs: number): void {
    if (nowMs - this.#pingedMs < PING_INTERVAL_MS || this.#session.destroyed) return
    if (!this.#isPingAnswered) return this.destroy()
    this.#pingedMs = nowMs
    this.#isPingAnswered = false
    this.#session.ping((error) => (this.#isPingAnswered = error === null))
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#phaseSinceMs = this.deps.monotonicMs()
  }

  #onClosed(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.deps.onClosed(this)
  }
}

function ignore(): void {}

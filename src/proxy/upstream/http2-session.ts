/**
 * One HTTP/2 connection to an endpoint. Its streams are the ways of as many requests at once; those that come while it is
 * being made wait for it. It counts as made when the endpoint's SETTINGS are there: only then is it known that the endpoint
 * speaks HTTP/2, and how many streams it takes, so nothing of a request is sent before.
 *
 * What must stay true: when it ends, each of its streams learns of it, once; `owner.forget` and the gate's `closed` are called
 * once.
 */
import { connect as connectHttp2, constants } from 'node:http2'
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  ClientSessionOptions,
  ClientSessionRequestOptions,
  Settings,
} from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

import { hostPort } from '../../base/host-port.ts'
import { defined } from '../../base/assert.ts'
import type { ClusterGate } from './cluster-gate.ts'
import { HEADER_FIELDS_MAX, HEAD_BYTES_MAX } from '../http1/section-limits.ts'
import type { ClientTlsContext } from '../tls/client-tls.ts'
import type { UpstreamFailure } from './side.ts'

import { PeerSilence } from './peer-silence.ts'
import { Http2UpstreamStream } from './http2-stream.ts'
import type { StreamSession } from './http2-stream.ts'

/** Streams at once, where the endpoint would take more. */
const STREAMS_PER_SESSION_MAX = 1_024
/** All that one connection can number. */
const STREAM_IDS_MAX = 2 ** 30 - 1
/** What of a response may be on its way, or here, unread: so much memory does a slow client need. */
const STREAM_WINDOW_BYTES = 1024 * 1024
/** The same of all responses of a session together. It bounds their speed, not memory: streams are paused alone. */
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024
/** Of unsent frames and header tables, by the library's count, in MB. */
const SESSION_MEMORY_MB = 64
const SENT_HEAD_BYTES_MAX = 256 * 1024
/** Frames that do not belong where they come. */
const INVALID_FRAMES_MAX = 100
/** SETTINGS entries in one frame. */
const SETTINGS_MAX = 32
/** Without streams. Longer than with HTTP/1.1: endpoints tell before they close, and what they have not looked at is sent again. */
const IDLE_TIMEOUT_MS = 60_000
/** For an endpoint that has answered, and does not take the rest of the request. */
const RELEASED_STREAM_TIMEOUT_MS = 30_000

const OPTIONS: ClientSessionOptions & {
  readonly strictSingleValueFields: boolean
  readonly maxSessionInvalidFrames: number
} = {
  maxSessionMemory: SESSION_MEMORY_MB,
  // Beyond our own limits, which are told as such.
  maxHeaderListPairs: 2 * HEADER_FIELDS_MAX,
  maxSendHeaderBlockLength: SENT_HEAD_BYTES_MAX,
  maxSessionInvalidFrames: INVALID_FRAMES_MAX,
  maxSettings: SETTINGS_MAX,
  maxReservedRemoteStreams: 0,
  // What passes in HTTP/1.1 passes here.
  strictSingleValueFields: false,
  settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxHeaderListSize: 2 * HEAD_BYTES_MAX },
}

/** Whose session it is. */
export interface SessionOwner {
  readonly address: string
  readonly port: number
  /** Null: in clear text. */
  readonly tls: ClientTlsContext | null
  /** How many streams the endpoint takes, as it has said. */
  learn(streamsMax: number): void
  /** What was connected to speaks something else. */
  onNotHttp2(reason: string): void
  /** The session is over. */
  forget(session: Http2UpstreamSession): void
}

export interface SessionStart {
  readonly deadlineMs: number
  /** Of the cluster that it is opened for. */
  readonly gate: ClusterGate | null
  /** How many streams to expect before the endpoint has said it. */
  readonly streamsMax: number
}

type State = 'connecting' | 'open' | 'closed'

export class Http2UpstreamSession implements StreamSession {
  readonly scheme: 'http' | 'https'
  readonly #owner: SessionOwner
  /** Where it counts. */
  readonly gate: ClusterGate | null
  readonly #connectDeadlineMs: number
  readonly #socket: Socket
  /** Those that have a place in it. */
  readonly #streams = new Set<Http2UpstreamStream>()
  readonly #libraryStreams = new Set<ClientHttp2Stream>()
  /** Those whose requests are over, since when. */
  readonly #released = new Map<Http2UpstreamStream, number>()
  /** Null until it is open. */
  #silence: PeerSilence | null = null
  #session: ClientHttp2Session | null = null
  #state: State = 'connecting'
  #streamsMax: number
  #takesProtocols = false
  #served = 0
  /** It takes no new streams. */
  #isDraining = false
  /** The library's session is about to be destroyed. */
  #isEnding = false
  /** Of the last stream that the endpoint looked at, once it has said that there are no more. */
  #lastId = Infinity
  /** 0: not idle, as far as is known. */
  #idleSinceMs = 0

  constructor(owner: SessionOwner, { deadlineMs, gate, streamsMax }: SessionStart) {
    this.#owner = owner
    this.gate = gate
    this.#connectDeadlineMs = deadlineMs
    this.#streamsMax = streamsMax
    const { address, port, tls } = owner
    this.scheme = tls === null ? 'http' : 'https'
    this.#socket =
      tls === null
        ? connect({ host: address, port, noDelay: true })
        : tls.connect(address, port, { protocols: ['h2'], allowHalfOpen: false })
    this.#socket
      .once(tls === null ? 'connect' : 'secureConnect', () => this.#try(() => this.#start()))
      .on('error', (error) => this.#try(() => this.#onError(error)))
      .on('close', () => this.#try(() => this.#onSocketClosed()))
    gate?.connected()
  }

  get isConnecting(): boolean {
    return this.#state === 'connecting'
  }

  get takesProtocols(): boolean {
    return this.#takesProtocols
  }

  get isDead(): boolean {
    return this.#state === 'closed' || this.#isEnding
  }

  get hasRoom(): boolean {
    return !this.#isDraining && this.#streams.size < this.#streamsMax && !this.isDead
  }

  /** The endpoint takes no streams, for now at least. */
  get isUseless(): boolean {
    return this.isIdle && this.#streamsMax === 0
  }

  get isIdle(): boolean {
    return this.#state === 'open' && this.#streams.size === 0
  }

  /** A way for one request; it must have room. */
  take(): Http2UpstreamStream {
    const stream = new Http2UpstreamStream(this, this.#state === 'open')
    this.#streams.add(stream)
    this.#served++
    this.#idleSinceMs = 0
    if (this.#isSpent()) this.#isDraining = true
    return stream
  }

  /** Its streams finish, then it closes. */
  drain(): void {
    this.#isDraining = true
    if (this.#streams.size === 0) this.destroy()
  }

  /** Closes without telling the requests. */
  destroy(): void {
    if (this.#state === 'closed') return
    for (const stream of this.#streams) stream.detach()
    this.#close()
  }

  sweep(nowMs: number): void {
    if (this.#state === 'open') this.#try(() => this.#sweepOpen(nowMs))
    else if (nowMs >= this.#connectDeadlineMs) this.#try(() => this.#end('connect-timeout'))
  }

  hasRefused(id: number): boolean {
    return id > this.#lastId
  }

  request(list: readonly string[], options: ClientSessionRequestOptions): ClientHttp2Stream {
    const stream = defined(this.#session, 'session').request(list, options)
    this.#libraryStreams.add(stream)
    return stream.once('close', () => this.#libraryStreams.delete(stream))
  }

  onReceived(): void {
    this.#silence?.onReceived()
  }

  release(stream: Http2UpstreamStream, nowMs: number): void {
    this.#released.set(stream, nowMs)
  }

  leave(stream: Http2UpstreamStream): void {
    this.#released.delete(stream)
    if (!this.#streams.delete(stream)) return
    this.gate?.freed()
    if (this.#isDraining && this.#streams.size === 0) this.destroy()
  }

  #try(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#crash(error)
    }
  }

  /** An error of ours: the requests that are here end by it, and no others. */
  #crash(error: unknown): void {
    const streams = [...this.#streams]
    for (const stream of streams) stream.crash(error)
    this.destroy()
  }

  #start(): void {
    const { address, port } = this.#owner
    const authority = `${this.scheme}://${hostPort(address, port)}`
    const session = connectHttp2(authority, { ...OPTIONS, createConnection: () => this.#socket })
    this.#session = session
    const destroy = session.destroy.bind(session)
    session.destroy = (error, code) => this.#destroyStreamsFirst(error, () => destroy(error, code))
    session
      .on('connect', () => session.setLocalWindowSize(SESSION_WINDOW_BYTES))
      .on('remoteSettings', (settings) => this.#try(() => this.#onSettings(settings)))
      .on('goaway', (code, lastId) => this.#try(() => this.#onGoAway(code, lastId)))
      .on('error', (error: NodeJS.ErrnoException) => this.#try(() => this.#onError(error)))
      .on('close', () => this.#try(() => this.#end('connect-failed')))
  }

  /**
   * The library ends a session with its streams, also by itself, for a mistake of the endpoint. Where that was in the middle of a
   * head, what was there of it outlives the session, and Node ends the process when it collects the two.
   */
  #destroyStreamsFirst(error: Error | undefined, destroy: () => void): void {
    if (this.#isEnding) return
    this.#isEnding = true
    if (error !== undefined) this.#try(() => this.#onError(error))
    for (const stream of this.#libraryStreams) stream.destroy(error)
    setImmediate(() => setImmediate(destroy))
  }

  #onSettings({ maxConcurrentStreams = STREAMS_PER_SESSION_MAX, enableConnectProtocol = false }: Settings): void {
    this.#takesProtocols = enableConnectProtocol
    this.#streamsMax = Math.min(STREAMS_PER_SESSION_MAX, maxConcurrentStreams)
    this.#owner.learn(this.#streamsMax)
    this.gate?.freed()
    if (this.#state !== 'connecting') return
    this.#state = 'open'
    const waiting = [...this.#streams]
    for (const [index, stream] of waiting.entries()) {
      if (index < this.#streamsMax) {
        stream.onOpen()
      } else {
        this.#streams.delete(stream)
        stream.onNotOpened('refused-stream')
      }
    }
  }

  #sweepOpen(nowMs: number): void {
    for (const [stream, sinceMs] of this.#released) {
      if (nowMs - sinceMs >= RELEASED_STREAM_TIMEOUT_MS) stream.destroy()
    }
    this.#silence ??= new PeerSilence(nowMs)
    const state = this.#silence.check(nowMs, this.#streams.size > 0)
    if (state === 'dead') return this.#end('upstream-closed')
    if (state === 'ping') this.#session?.ping(() => this.#silence?.onPong())
    if (!this.isIdle) return
    if (this.#idleSinceMs === 0) this.#idleSinceMs = nowMs
    else if (nowMs - this.#idleSinceMs >= IDLE_TIMEOUT_MS) this.destroy()
  }

  #onGoAway(code: number, lastId: number): void {
    this.#lastId = lastId
    // The library ends the session after an error.
    if (code !== constants.NGHTTP2_NO_ERROR) this.#rescue()
    this.drain()
  }

  /** The library drops what its streams hold once the connection is closed; it is told after us. */
  #onSocketClosed(): void {
    this.#rescue()
    this.#end('connect-failed')
  }

  #rescue(): void {
    for (const stream of this.#streams) stream.rescue()
  }

  /** Of the connection or of the session, which ends the connection with its own. */
  #onError(error: NodeJS.ErrnoException): void {
    const isProtocol = error.code === 'ERR_HTTP2_ERROR'
    if (this.#session === null) this.#owner.tls?.noteFailure(error, this.#owner.address, this.#owner.port)
    else if (isProtocol && this.#state === 'connecting') this.#owner.onNotHttp2(error.message)
    this.#rescue()
    this.#end(isProtocol ? 'upstream-protocol' : 'connect-failed')
  }

  /** `failure`: for those that wait for the session. Streams that are under way are told by the library, each by itself. */
  #end(failure: UpstreamFailure): void {
    if (this.#state === 'closed') return
    const waiting = this.#state === 'connecting' ? [...this.#streams] : []
    this.#close()
    for (const stream of waiting) stream.onNotOpened(failure)
  }

  #close(): void {
    this.#state = 'closed'
    this.#streams.clear()
    this.#session?.destroy(undefined, constants.NGHTTP2_NO_ERROR)
    if (this.#session === null) this.#socket.destroy()
    this.#owner.forget(this)
    this.gate?.closed()
  }

  #isSpent(): boolean {
    const max = this.gate === null ? 0 : this.gate.limits.requestsPerConnectionMax
    return (this.#served >= max && max > 0) || this.#served >= STREAM_IDS_MAX
  }
}

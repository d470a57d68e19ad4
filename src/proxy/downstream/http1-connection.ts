/**
 * One connection of a client: cuts its bytes into requests and gives them, one after the other, to its exchange. Pipelined
 * requests wait here, so answers come in order.
 */
import type { Socket } from 'node:net'

import { assertNever } from '../../base/assert.ts'
import { plainAddress } from '../../base/host-port.ts'

import { encodeAnswer, plainAnswer } from '../policy/answers.ts'
import type { Failure } from '../policy/answers.ts'
import type { ClientSide, ExchangeDeps } from '../exchange/sides.ts'
import { Http1Response } from './http1-response.ts'
import type { Scheme } from '../serving/forwarded-heads.ts'
import { RequestHead } from '../http1/request-head.ts'
import { cleanHead } from '../serving/http-policy.ts'
import type { ServingHttp } from '../serving/http-policy.ts'
import { RequestExchange } from '../exchange/request-exchange.ts'
import { probeUnread } from './socket-probe.ts'
import { peerOf } from '../telling/access-entry.ts'
import { Http1Body, TOO_LARGE, bodyFailure } from './http1-body.ts'
import type { ClientPeer } from '../telling/access-entry.ts'
import type { RefusedRequest } from '../telling/bare-entry.ts'

/** How long a client may leave a response unread. Long: a slow one takes minutes for what is already in the buffers. */
const SEND_IDLE_TIMEOUT_MS = 300_000
/** How long the rest of a refused request is read, so that the client sees the answer and not a reset. */
const LINGER_MS = 1_000
/** How much of the input is read as text to find a head in it. */
const HEAD_TEXT_BYTES = 4_096

/** How HTTP/2 begins without TLS (RFC 9113 §3.4): as a request that HTTP/1.1 refuses. */
const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\n'

const EMPTY = Buffer.alloc(0)
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n'

/** `head`: between requests or inside a head; `body`: inside a body; `waiting`: request read, response not over. */
type Phase = 'head' | 'body' | 'waiting' | 'tunnel' | 'closing' | 'closed'

export interface Http1ConnectionDeps extends ExchangeDeps {
  /** What the socket's bytes go over: another one where there is TLS. */
  readonly wire: Socket
  readonly scheme: Scheme
  readonly onRefused: (refused: RefusedRequest) => void
  /** An error of ours; the connection is gone. */
  readonly onCrash: (error: unknown) => void
  readonly onClosed: (connection: Http1ClientConnection) => void
  /** The client speaks HTTP/2: what it has sent is in the socket again, and this here has no more to do with it. */
  readonly onHttp2: (connection: Http1ClientConnection) => void
}

export class Http1ClientConnection implements ClientSide {
  readonly clientAddress: string
  readonly scheme: Scheme
  readonly response = new Http1Response(this)
  readonly #socket: Socket
  readonly #deps: Http1ConnectionDeps
  readonly #head = new RequestHead()
  readonly #exchange: RequestExchange
  readonly #body = new Http1Body()
  /** Null until it is asked for. */
  #peer: ClientPeer | null = null
  #phase: Phase = 'head'
  /** Bytes that came but were not read yet. */
  #input: Buffer = EMPTY
  /** How the listener treats clients, as of the request that came last. */
  #http: ServingHttp
  /** No request has come yet. */
  #isFresh = true
  #isAdvancing = false
  #inputEnded = false
  /** After the end of its input, whether it is still there. */
  #wasAsked = false
  /** When the phase began, or something last moved in it; the sweep keeps it, so that bytes cost no clock. */
  #sinceMs: number
  #moved = false
  /** Bytes that the client has not taken yet, at the last sweep. */
  #unsent = 0

  constructor(socket: Socket, deps: Http1ConnectionDeps) {
    this.#socket = socket
    this.#deps = deps
    this.scheme = this.#head.scheme = deps.scheme
    this.#http = deps.serving().http
    this.#exchange = new RequestExchange(this, deps)
    this.clientAddress = plainAddress(socket.remoteAddress ?? '')
    this.#sinceMs = deps.monotonicMs()
    socket
      .on('data', (chunk: Buffer) => this.#onData(chunk))
      .on('drain', () => this.#try(() => this.#onDrain()))
      .on('end', () => this.#try(() => this.#onEnd()))
      .on('error', () => this.#onGone())
      .on('close', () => this.#onGone())
  }

  get protocol(): string {
    return this.#head.minorVersion === 0 ? 'HTTP/1.0' : 'HTTP/1.1'
  }

  peer(): ClientPeer {
    return (this.#peer ??= peerOf(this.#socket))
  }

  get holdsOutput(): boolean {
    return this.#socket.writableLength > 0
  }

  get isIdle(): boolean {
    return this.#phase === 'head' && this.#input.length === 0
  }

  write(text: string, body: Buffer | null): boolean {
    if (body === null) return this.#socket.write(text, 'latin1')
    if (text === '') return this.#socket.write(body)
    this.#socket.cork()
    this.#socket.write(text, 'latin1')
    const more = this.#socket.write(body)
    this.#socket.uncork()
    return more
  }

  pauseInput(): void {
    this.#socket.pause()
  }

  resumeInput(): void {
    if (this.#phase !== 'waiting' || this.#input.length === 0) this.#socket.resume()
  }

  enterTunnel(): void {
    this.#phase = 'tunnel'
    const input = this.#input
    this.#input = EMPTY
    if (input.length > 0) this.#exchange.sendTunnelled(input)
    this.#socket.resume()
    if (this.#inputEnded) this.#exchange.endTunnel()
  }

  endOutput(): void {
    this.#socket.end()
  }

  /** Over TLS, too: there is no `close_notify` then, but not every client minds. */
  abort(): void {
    if (this.response.isEndedByConnection) this.#deps.wire.resetAndDestroy()
    this.destroy()
  }

  onExchangeOver(keep: boolean): void {
    if (this.#phase === 'closed') return
    if (!keep || this.#inputEndedWithoutMore()) return this.#close()
    this.#phase = 'head'
    this.#moved = true
    if (this.#socket.isPaused()) this.#socket.resume()
    if (this.#input.length > 0) this.#advance()
  }

  /** After the request that is under way, or at once where there is none; a tunnel has some time left. */
  closeWhenIdle(): void {
    if (this.isIdle) this.#close()
    else this.#exchange.drainTunnel()
  }

  destroy(): void {
    this.#socket.destroy()
    this.#onGone()
  }

  /** An error of ours while a request is served ends its connection, and nobody else's. */
  crash(error: unknown): void {
    this.#deps.onCrash(error)
    this.destroy()
  }

  sweep(nowMs: number): void {
    try {
      this.#sweep(nowMs)
    } catch (error) {
      this.crash(error)
    }
  }

  #sweep(nowMs: number): void {
    this.#exchange.sweep(nowMs)
    const unsent = this.#socket.writableLength
    if (this.#moved || unsent !== this.#unsent) this.#sinceMs = nowMs
    this.#moved = false
    this.#unsent = unsent
    this.#checkIdle(nowMs - this.#sinceMs)
    if (this.#inputEnded && !this.#wasAsked) this.#ask()
    probeUnread(this.#socket, this.#deps.wire)
  }

  /**
   * The client has ended its side: it may wait for its answer, or be gone. An interim response tells, for whoever is gone resets
   * the connection on it. Clients of HTTP/1.0 know none: for them it takes the response.
   */
  #ask(): void {
    this.#wasAsked = true
    if (this.#phase !== 'waiting' || this.response.status !== 0 || this.#head.minorVersion === 0) return
    this.#socket.write(PROCESSING, 'latin1')
  }

  #checkIdle(elapsedMs: number): void {
    const isBetween = this.#phase === 'head' || this.#phase === 'closing'
    if (isBetween && this.#unsent > 0) {
      if (elapsedMs >= SEND_IDLE_TIMEOUT_MS) this.destroy()
    } else if (this.#phase === 'head' && this.#input.length === 0) {
      if (elapsedMs >= this.#http.keepAliveTimeoutMs) this.destroy()
    } else if (this.#phase === 'head') {
      if (elapsedMs >= this.#http.headTimeoutMs) this.#refuse(408, 'the request head was not complete in time')
    } else if (this.#phase === 'body') {
      // While the endpoint does not take more, the client is not to blame; the exchange bounds that wait.
      const isHeldUp = this.#socket.isPaused()
      if (!isHeldUp && elapsedMs >= this.#http.bodyIdleTimeoutMs) this.#refuseBody('request-timeout')
    } else if (this.#phase === 'closing' && elapsedMs >= LINGER_MS) {
      this.destroy()
    }
  }

  #inputEndedWithoutMore(): boolean {
    return this.#inputEnded && this.#input.length === 0
  }

  #try(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.crash(error)
    }
  }

  #onData(chunk: Buffer): void {
    try {
      this.#take(chunk)
    } catch (error) {
      this.crash(error)
    }
  }

  #take(chunk: Buffer): void {
    switch (this.#phase) {
      case 'tunnel':
        this.#exchange.sendTunnelled(chunk)
        return
      case 'closing':
      case 'closed':
        return
      case 'head':
        // A head's time runs from its first byte: only the first chunk moves it.
        if (this.#input.length === 0) this.#moved = true
        break
      case 'body':
        this.#moved = true
        break
      case 'waiting':
        break
    }
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
    this.#advance()
  }

  /** Reads requests as far as the input goes and the exchange is free. A loop: pipelined requests must not nest. */
  #advance(): void {
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    while (this.#input.length > 0 && this.#step());
    this.#isAdvancing = false
  }

  /** False: nothing more can be done with the input now. */
  #step(): boolean {
    switch (this.#phase) {
      case 'head':
        // A client that sends requests and reads no answers is served no further: answers would pile up here.
        if (this.#socket.writableNeedDrain) return this.#stopInput()
        return this.#readHead()
      case 'body':
        return this.#readBody()
      case 'waiting':
        return this.#stopInput()
      case 'tunnel':
      case 'closing':
      case 'closed':
        return false
      default:
        return assertNever(this.#phase, 'phase')
    }
  }

  #stopInput(): boolean {
    this.#socket.pause()
    return false
  }

  #onDrain(): void {
    this.#moved = true
    this.#exchange.onClientDrain()
    if (this.#phase !== 'head') return
    this.#socket.resume()
    this.#advance()
  }

  #readHead(): boolean {
    const head = this.#head
    const input = this.#input
    const http = (this.#http = this.#deps.serving().http)
    head.limit(http.sections)
    const state = this.#parseHead(input)
    if (state === 'incomplete') return false
    if (state === 'refused') {
      if (this.#isHttp2(input)) this.#handOver(input)
      else this.#refuse(head.problemStatus, head.problem)
      return false
    }
    this.#isFresh = false
    cleanHead(head, http)
    if (!this.#body.begin(head.fields, http)) return this.#refuseWithBody(TOO_LARGE)
    const from = head.end
    const to = this.#body.read(input, from)
    if (to < 0) return this.#refuseWithBody(to)
    const done = this.#body.isDone
    this.#phase = done ? 'waiting' : 'body'
    this.#input = to === input.length ? EMPTY : input.subarray(to)
    this.#exchange.start(head, { first: from === to ? null : input.subarray(from, to), done })
    return true
  }

  /** `problem`: of the part of the body that came with the head. */
  #refuseWithBody(problem: number): boolean {
    this.#exchange.reject(this.#head, bodyFailure(problem))
    return false
  }

  #parseHead(input: Buffer): 'complete' | 'incomplete' | 'refused' {
    const state = this.#head.parse(input.toString('latin1', 0, Math.min(input.length, HEAD_TEXT_BYTES)), 0)
    return state === 'incomplete' && input.length > HEAD_TEXT_BYTES
      ? this.#head.parse(input.toString('latin1', 0, input.length), 0)
      : state
  }

  #readBody(): boolean {
    const input = this.#input
    const to = this.#body.read(input, 0)
    if (to < 0) {
      this.#refuseBody(bodyFailure(to))
      return false
    }
    const done = this.#body.isDone
    if (done) this.#phase = 'waiting'
    this.#input = to === input.length ? EMPTY : input.subarray(to)
    this.#exchange.sendBody(to === input.length ? input : input.subarray(0, to), done)
    return true
  }

  /** Only at the very beginning: between requests it is one more malformed request. */
  #isHttp2(input: Buffer): boolean {
    return this.#isFresh && input.toString('latin1', 0, HTTP2_PREFACE.length) === HTTP2_PREFACE
  }

  #handOver(input: Buffer): void {
    this.#phase = 'closed'
    this.#input = EMPTY
    this.#socket.pause()
    this.#socket.removeAllListeners('data')
    this.#socket.unshift(input)
    this.#deps.onHttp2(this)
  }

  /** Before there is a request that could be routed. */
  #refuse(status: number, problem: string): void {
    const answer = plainAnswer(status, 'DPE', problem)
    const nowMs = this.#deps.monotonicMs()
    // Where something has come since the sweep, it is what is refused.
    const startedMs = this.#moved ? nowMs : this.#sinceMs
    this.#deps.onRefused({ status, bytesSent: answer.body.length, startedMs, durationMs: nowMs - startedMs })
    this.write(encodeAnswer(answer, { withBody: true, connection: 'close', date: this.#deps.date.text }), null)
    this.#close()
  }

  #refuseBody(failure: Failure): void {
    this.#phase = 'waiting'
    this.#exchange.refuse(failure)
    if (this.#phase === 'waiting') this.#close()
  }

  /** Sends what is still to be sent, then closes; what the client sends until then is read and dropped. */
  #close(): void {
    this.#phase = 'closing'
    this.#input = EMPTY
    this.#moved = true
    this.#socket.end()
    this.#socket.resume()
    if (this.#inputEnded) this.#socket.destroySoon()
  }

  #onEnd(): void {
    this.#inputEnded = true
    switch (this.#phase) {
      case 'head':
      case 'closing':
        this.#socket.destroySoon()
        return
      case 'body':
        this.destroy()
        return
      case 'tunnel':
        this.#exchange.endTunnel()
        return
      case 'waiting':
      case 'closed':
    }
  }

  #onGone(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#input = EMPTY
    try {
      this.#exchange.cancel()
    } catch (error) {
      this.#deps.onCrash(error)
    }
    this.#deps.onClosed(this)
  }
}

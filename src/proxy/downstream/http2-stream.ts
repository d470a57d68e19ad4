/**
 * One request of an HTTP/2 client after the other, each on a stream of its own: made into the message that it would be in
 * HTTP/1.1 and given to the exchange.
 */
import { constants } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'

import { assertNever } from '../../base/assert.ts'
import type { ClientSide, ExchangeDeps } from '../exchange/sides.ts'
import type { Scheme } from '../serving/forwarded-heads.ts'
import { cleanHead } from '../serving/http-policy.ts'
import type { ServingHttp } from '../serving/http-policy.ts'
import { chunkOf } from '../http1/chunk.ts'
import { RequestHead } from '../http1/request-head.ts'
import { RequestExchange } from '../exchange/request-exchange.ts'
import type { ClientPeer } from '../telling/access-entry.ts'
import type { RefusedRequest } from '../telling/bare-entry.ts'

import { Http2Response } from './http2-response.ts'
import { requestText, trailerText } from '../http2/message-text.ts'
import { resetStream } from '../http2/reset-stream.ts'
import type { FieldList } from '../http2/message-text.ts'

/** How long a client may leave the end of a response unread. */
const SEND_IDLE_TIMEOUT_MS = 300_000
/**
 * From an answer to the refusal of what is still to come of its request. Most clients end or reset the stream themselves by then;
 * some (curl 7) drop an answer that the refusal comes together with.
 */
const REST_REFUSED_AFTER_MS = 50

const { NGHTTP2_PROTOCOL_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL, NGHTTP2_CONNECT_ERROR } = constants

export interface StreamOwner {
  readonly clientAddress: string
  readonly scheme: Scheme
  readonly deps: StreamDeps
  peer(): ClientPeer
  /** The stream is closed: this can take another. */
  release(stream: Http2ClientStream): void
}

export interface StreamDeps extends ExchangeDeps {
  readonly onRefused: (refused: RefusedRequest) => void
  /** An error of ours has ended a stream. */
  readonly onCrash: (error: unknown) => void
}

/** `body`: more of the request is to come; `waiting`: it is read, its response not over; `over`: nothing left to do for it. */
type Phase = 'body' | 'waiting' | 'tunnel' | 'over'

export class Http2ClientStream implements ClientSide {
  readonly clientAddress: string
  readonly scheme: Scheme
  readonly protocol = 'HTTP/2'
  readonly response: Http2Response
  /** The library writes when it sees fit. */
  readonly holdsOutput = true
  readonly #owner: StreamOwner
  readonly #head = new RequestHead()
  readonly #exchange: RequestExchange
  #stream: ServerHttp2Stream | null = null
  #phase: Phase = 'over'
  /** The client has not ended its side of the stream. */
  #isInputOpen = false
  /** Nothing of it is wanted for now. */
  #isInputHeld = false
  #isEndHeld = false
  #isChunked = false
  /** Of a body with a content length. */
  #remaining = 0
  /** How much more of a body of unknown length is taken. */
  #bodyBytesLeft = 0
  #trailers: string | null = ''
  #http: ServingHttp
  #sinceMs = 0
  #moved = false
  /** Bytes that the client has not taken yet, at the last sweep. */
  #unsent = 0

  constructor(owner: StreamOwner) {
    this.#owner = owner
    this.clientAddress = owner.clientAddress
    this.scheme = this.#head.scheme = owner.scheme
    this.#http = owner.deps.serving().http
    this.response = new Http2Response(() => this.#try(() => this.#onDrain()))
    this.#exchange = new RequestExchange(this, owner.deps)
  }

  /** Takes a new stream with its request. `isComplete`: that is the whole request. */
  serve(stream: ServerHttp2Stream, list: FieldList, isComplete: boolean): void {
    this.#stream = stream
    this.#phase = 'waiting'
    this.#isInputOpen = !isComplete
    this.#isInputHeld = false
    this.#isEndHeld = false
    this.#moved = true
    this.response.open(stream)
    stream.on('close', this.#onClose)
    try {
      this.#begin(list, isComplete)
    } catch (error) {
      this.crash(error)
    }
  }

  peer(): ClientPeer {
    return this.#owner.peer()
  }

  pauseInput(): void {
    this.#isInputHeld = true
    this.#stream?.pause()
  }

  resumeInput(): void {
    this.#isInputHeld = false
    if (this.#isInputOpen) this.#stream?.resume()
    // As what is read comes: later, and not if it is held again.
    else if (this.#isEndHeld) queueMicrotask(this.#onEnd)
  }

  enterTunnel(): void {
    this.#phase = 'tunnel'
    this.#readInput()
    this.#stream?.resume()
    if (!this.#isInputOpen) this.#exchange.endTunnel()
  }

  endOutput(): void {
    this.response.end()
  }

  onExchangeOver(): void {
    const isTunnelCut = this.#phase === 'tunnel' && !this.response.isEnded
    this.#phase = 'over'
    this.#moved = true
    if (isTunnelCut) return this.#reset(NGHTTP2_CONNECT_ERROR)
    this.response.end()
    if (this.#isInputOpen) this.#stream?.resume()
  }

  abort(): void {
    this.#phase = 'over'
    this.#reset(NGHTTP2_INTERNAL_ERROR)
  }

  /** The listener is gone: a tunnel has some time left. */
  drainTunnel(): void {
    this.#exchange.drainTunnel()
  }

  /** An error of ours while a request is served ends its stream, and no other. */
  crash(error: unknown): void {
    this.#owner.deps.onCrash(error)
    this.#cancel()
    this.#reset(NGHTTP2_INTERNAL_ERROR)
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
    const unsent = this.#stream?.bufferSize ?? 0
    if (this.#moved || unsent !== this.#unsent) this.#sinceMs = nowMs
    this.#moved = false
    this.#unsent = unsent
    const elapsedMs = nowMs - this.#sinceMs
    if (this.#phase === 'body') {
      // While the endpoint does not take more, the client is not to blame; the exchange bounds that wait.
      const isHeldUp = this.#stream?.isPaused() === true
      if (!isHeldUp && elapsedMs >= this.#http.bodyIdleTimeoutMs) this.#exchange.refuse('request-timeout')
    } else if (this.#phase === 'over') {
      if (elapsedMs >= SEND_IDLE_TIMEOUT_MS) this.#reset(NGHTTP2_CANCEL)
      else if (this.#isInputOpen && unsent === 0 && elapsedMs >= REST_REFUSED_AFTER_MS) this.response.refuseRest()
    }
  }

  #begin(list: FieldList, isComplete: boolean): void {
    const head = this.#head
    const http = (this.#http = this.#owner.deps.serving().http)
    const text = requestText(list, { hasBody: !isComplete, newKey: this.#newKey })
    if (text === null) return this.#refuseMalformed()
    head.limit(http.sections)
    if (head.parse(text, 0) !== 'complete') return this.#refuse(head.problemStatus, head.problem)
    const { contentLength, chunked } = head.fields
    cleanHead(head, http)
    if (contentLength > http.bodyBytesMax) return this.#exchange.reject(head, 'body-too-large')
    this.#isChunked = chunked
    this.#remaining = contentLength
    this.#bodyBytesLeft = http.bodyBytesMax
    this.#trailers = ''
    const done = !chunked && contentLength <= 0
    if (!done) {
      this.#phase = 'body'
      this.#readInput()
    }
    this.#exchange.start(head, { first: null, done })
  }

  readonly #newKey = (): string =>
    Buffer.from(this.#owner.deps.newRequestId().replaceAll('-', ''), 'hex').toString('base64')

  /** Whoever sends it should know better (RFC 9113 §8.1.1). */
  #refuseMalformed(): void {
    this.#tellRefused(400)
    this.#phase = 'over'
    this.#reset(NGHTTP2_PROTOCOL_ERROR)
  }

  /** Before there is a request that could be routed. */
  #refuse(status: number, problem: string): void {
    this.#phase = 'over'
    this.response.refuse(status, problem, this.#owner.deps.date.text)
    this.#tellRefused(status)
    this.response.end()
    if (this.#isInputOpen) this.#stream?.resume()
  }

  #tellRefused(status: number): void {
    const { monotonicMs, onRefused } = this.#owner.deps
    onRefused({ status, bytesSent: this.response.bytes, startedMs: monotonicMs(), durationMs: 0 })
  }

  #readInput(): void {
    this.#stream
      ?.on('data', this.#onData)
      .on('trailers', this.#onTrailers)
      .on('end', this.#onEnd)
      // A stream that is paused tells its close late.
      .on('aborted', this.#onAborted)
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#take(chunk)
    } catch (error) {
      this.crash(error)
    }
  }

  #take(chunk: Buffer): void {
    switch (this.#phase) {
      case 'tunnel':
        return this.#exchange.sendTunnelled(chunk)
      case 'body':
        return this.#takeBody(chunk)
      case 'waiting':
      case 'over':
        return
      default:
        assertNever(this.#phase, 'phase')
    }
  }

  #takeBody(chunk: Buffer): void {
    this.#moved = true
    this.#bodyBytesLeft -= chunk.length
    if (this.#bodyBytesLeft < 0) return this.#exchange.refuse('body-too-large')
    if (this.#isChunked) return this.#exchange.sendBody(chunkOf(chunk), false, chunk.length)
    // The library has seen to it that there is no more than was said.
    this.#remaining -= chunk.length
    const done = this.#remaining <= 0
    if (done) this.#phase = 'waiting'
    this.#exchange.sendBody(chunk, done)
  }

  readonly #onTrailers = (_fields: IncomingHttpHeaders, _flags: number, list: FieldList): void => {
    this.#trailers = trailerText(list, this.#http.sections, this.#http.isEdge)
  }

  /** A stream that is paused tells its end all the same where there is no content before it. */
  readonly #onEnd = (): void => {
    this.#isInputOpen = false
    this.#isEndHeld = this.#isInputHeld
    if (!this.#isEndHeld) this.#try(() => this.#endInput())
  }

  #endInput(): void {
    if (this.#phase === 'tunnel') return this.#exchange.endTunnel()
    if (this.#phase !== 'body') return
    if (!this.#isChunked) return this.#refuseMalformedBody()
    if (this.#trailers === null) return this.#exchange.refuse('trailers-too-large')
    this.#phase = 'waiting'
    this.#exchange.sendBody(Buffer.from(`0\r\n${this.#trailers}\r\n`, 'latin1'), true, 0)
  }

  /** The body is shorter than was said. */
  #refuseMalformedBody(): void {
    this.#cancel('DPE')
    this.#reset(NGHTTP2_PROTOCOL_ERROR)
  }

  #onDrain(): void {
    this.#moved = true
    this.#exchange.onClientDrain()
  }

  readonly #onAborted = (): void => this.#cancel(this.#endFlag)

  readonly #onClose = (): void => {
    this.#cancel(this.#endFlag)
    this.#stream = null
    this.response.close()
    this.#owner.release(this)
  }

  /** What of a request breaks the protocol the library resets by itself. */
  get #endFlag(): 'DC' | 'DPE' {
    return this.#stream?.rstCode === NGHTTP2_PROTOCOL_ERROR ? 'DPE' : 'DC'
  }

  /** Nobody wants the response any more. */
  #cancel(flag: 'DC' | 'DPE' = 'DC'): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    try {
      this.#exchange.cancel(flag)
    } catch (error) {
      this.#owner.deps.onCrash(error)
    }
  }

  #reset(code: number): void {
    if (this.#stream !== null) resetStream(this.#stream, code)
  }

  #try(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.crash(error)
    }
  }
}

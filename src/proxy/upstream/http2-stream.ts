/**
 * One request to an endpoint that speaks HTTP/2: a stream of a session. What is sent and what comes back has the form of
 * HTTP/1.1 on the request's side.
 *
 * What must stay true: the end of a stream never touches its session, and each stream leaves its session once.
 */
import { constants } from 'node:http2'
import type { ClientHttp2Stream, ClientSessionRequestOptions, IncomingHttpHeaders } from 'node:http2'

import { ResponseHead } from '../http1/response-head.ts'
import { SECTION_LIMITS } from '../http1/section-limits.ts'
import { chunkOf } from '../http1/chunk.ts'
import type { BodyFraming } from '../http1/response-head.ts'
import type { Body, Exchange, UpstreamFailure, UpstreamSide } from './side.ts'

import { connectList, requestList, responseText, trailerText, wishedProtocol } from '../http2/message-text.ts'
import { isGrpc } from '../http2/grpc.ts'
import { resetStream } from '../http2/reset-stream.ts'
import { requestFraming, UnframedBody } from './http2-body.ts'
import { Http2Switch } from './http2-switch.ts'

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } =
  constants

/** The endpoint found, or did, something that HTTP/2 does not allow. */
const PROTOCOL_ERRORS: ReadonlySet<number> = new Set([
  NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_FLOW_CONTROL_ERROR,
  constants.NGHTTP2_STREAM_CLOSED,
  constants.NGHTTP2_FRAME_SIZE_ERROR,
  constants.NGHTTP2_COMPRESSION_ERROR,
  constants.NGHTTP2_HTTP_1_1_REQUIRED,
])

const EMPTY = Buffer.alloc(0)

/** The session, as its streams see it. */
export interface StreamSession {
  readonly scheme: 'http' | 'https'
  readonly isConnecting: boolean
  /** Whether the endpoint can switch protocols (RFC 8441). */
  readonly takesProtocols: boolean
  /** Nothing comes through it any more. */
  readonly isDead: boolean
  /** Whether the endpoint has said that it has not looked at the stream. */
  hasRefused(id: number): boolean
  request(list: readonly string[], options: ClientSessionRequestOptions): ClientHttp2Stream
  /** Something has come from the endpoint. */
  onReceived(): void
  /** The stream is over for its request; it is closed soon. */
  release(stream: Http2UpstreamStream, nowMs: number): void
  /** The stream's place is free. */
  leave(stream: Http2UpstreamStream): void
}

export class Http2UpstreamStream implements UpstreamSide {
  readonly wasUsed: boolean
  readonly hasPartialResponse = false
  readonly #session: StreamSession
  readonly #head = new ResponseHead()
  readonly #body: Body = { buffer: EMPTY, from: 0, to: 0, isLent: false }
  #exchange: Exchange | null = null
  /** Null until the request is sent. */
  #stream: ClientHttp2Stream | null = null
  #output: UnframedBody | null = null
  #isAnswered = false
  #framing: BodyFraming = 'none'
  #remaining = 0
  #trailers: string | null = ''
  #error: NodeJS.ErrnoException | null = null
  #isPaused = false
  /** Null: the request does not ask to switch protocols, or the endpoint cannot. */
  #switch: Http2Switch | null = null
  #isTunnel = false

  constructor(session: StreamSession, wasUsed: boolean) {
    this.#session = session
    this.wasUsed = wasUsed
  }

  get isConnecting(): boolean {
    return this.#session.isConnecting
  }

  attach(exchange: Exchange): void {
    this.#exchange = exchange
  }

  send(text: string, body: Buffer | null): boolean {
    if (this.#isTunnel) return body === null || this.#stream?.write(body) !== false
    let more = this.#output === null ? this.#begin(text) : true
    if (body !== null && this.#output !== null) more = this.#output.write(body)
    return more
  }

  pause(): void {
    this.#isPaused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#stream?.resume()
  }

  /** Never: a CONNECT has a connection of its own. */
  openTunnel(): void {}

  endTunnel(): void {
    if (this.#isTunnel) this.#stream?.end()
  }

  release(nowMs: number): void {
    this.#exchange = null
    // What is left (nothing, or trailers behind a body of known length) is of no use to anybody.
    this.#stream?.resume()
    if (this.#stream?.destroyed === false) this.#session.release(this, nowMs)
  }

  destroy(): void {
    this.#exchange = null
    if (this.#stream === null) this.#session.leave(this)
    else resetStream(this.#stream, NGHTTP2_CANCEL)
  }

  /** For its session: it is closed, and the request is not told. */
  detach(): void {
    this.#exchange = null
  }

  /** For its session: the request can be sent. */
  onOpen(): void {
    this.#try(() => this.#exchange?.onConnected())
  }

  /** For its session: nothing of the request was sent, and nothing can be. */
  onNotOpened(failure: UpstreamFailure): void {
    const exchange = this.#exchange
    this.#exchange = null
    try {
      exchange?.onFailure(failure)
    } catch (error) {
      exchange?.onCrash(error)
    }
  }

  /** For its session, which ends: a response that is here as a whole and waits for a slow client is not lost. */
  rescue(): void {
    const stream = this.#stream
    if (this.#exchange === null || !this.#isAnswered || stream === null || !isComplete(stream)) return
    this.#try(() => {
      // What is read comes as `data`.
      while (stream.read() !== null);
      this.#onEnd()
    })
  }

  /** For its session: an error of ours. */
  crash(error: unknown): void {
    const exchange = this.#exchange
    this.destroy()
    exchange?.onCrash(error)
  }

  #try(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.crash(error)
    }
  }

  /** `text`: a head, and maybe a part of the body. */
  #begin(text: string): boolean {
    const headEnd = text.indexOf('\r\n\r\n') + 4
    const head = text.slice(0, headEnd)
    const list = requestList(head, this.#session.scheme)
    const framing = requestFraming(head, list)
    const protocol = this.#session.takesProtocols && framing === 0 ? wishedProtocol(head) : ''
    if (protocol !== '') this.#switch = new Http2Switch(head, protocol)
    const stream =
      protocol === ''
        ? this.#session.request(list, { endStream: framing === 0, waitForTrailers: framing === 'chunked' })
        : this.#session.request(connectList(list, protocol), { endStream: false })
    this.#stream = stream
    this.#listen(stream)
    this.#output = new UnframedBody(stream, framing)
    return text.length === headEnd || this.#output.write(Buffer.from(text.slice(headEnd), 'latin1'))
  }

  #listen(stream: ClientHttp2Stream): void {
    stream
      .on('headers', (_headers, _flags, list) => this.#try(() => this.#onInterim(list)))
      .on('response', (headers, flags, list) => this.#try(() => this.#onResponse(headers, flags, list)))
      .on('trailers', (_headers: IncomingHttpHeaders, _flags: number, list: string[] = []) => {
        this.#trailers = trailerText(list, SECTION_LIMITS)
      })
      .on('drain', () => this.#try(() => this.#exchange?.onSendable()))
      .on('end', () => this.#try(() => this.#onEnd()))
      .on('error', (error: NodeJS.ErrnoException) => {
        this.#error = error
      })
      .on('close', () => this.#try(() => this.#onClose(stream)))
  }

  #onInterim(list: string[]): void {
    this.#session.onReceived()
    if (!this.#parse(list, '', false)) return this.#fail('upstream-protocol')
    // Nothing can be switched to in HTTP/2.
    if (this.#head.status === 101) return this.#fail('upstream-protocol')
    // Flow control holds back content only: what a client does not take of these would pile up.
    if (!this.#isPaused) this.#exchange?.onInterim(this.#head)
  }

  #onResponse(headers: IncomingHttpHeaders & { ':status'?: number | undefined }, flags: number, list: string[]): void {
    this.#session.onReceived()
    const exchange = this.#exchange
    if (exchange === null) return
    const isWhole = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const status = headers[':status'] ?? 0
    if (this.#switch !== null && status >= 200 && status < 300) return this.#openTunnel(this.#switch, list, exchange)
    // An answer is no tunnel, so nothing more comes from the client.
    if (this.#switch !== null) this.#stream?.end()
    const mayHaveBody = exchange.requestMethod !== 'HEAD' && status !== 204 && status !== 304
    const hidesLength = !isWhole && hasTrailers(headers)
    const isUnknown = mayHaveBody && (hidesLength || headers['content-length'] === undefined)
    const isRead = isUnknown
      ? this.#parse(hidesLength ? withoutLength(list) : list, isWhole ? 'content-length: 0\r\n' : '', !isWhole)
      : this.#parse(list, '', false)
    if (!isRead) return this.#fail('upstream-protocol')
    this.#isAnswered = true
    this.#framing = this.#head.framing(exchange.requestMethod)
    this.#remaining = this.#framing === 'length' ? this.#head.fields.contentLength : 0
    if (isWhole && this.#remaining > 0) return this.#fail('upstream-protocol')
    this.#stream?.on('data', (chunk: Buffer) => this.#try(() => this.#onData(chunk)))
    this.#body.from = this.#body.to = 0
    exchange.onResponse(this.#head, this.#framing, this.#body, isWhole)
  }

  #openTunnel(asked: Http2Switch, list: string[], exchange: Exchange): void {
    const text = asked.switchingText(list)
    if (text === null || this.#head.parse(text, 0) !== 'complete') return this.#fail('upstream-protocol')
    this.#isAnswered = true
    this.#isTunnel = true
    this.#stream?.on('data', (chunk: Buffer) => this.#try(() => this.#exchange?.onTunnelled(chunk)))
    this.#body.from = this.#body.to = 0
    exchange.onResponse(this.#head, 'none', this.#body, false)
  }

  #parse(list: readonly string[], added: string, isChunked: boolean): boolean {
    const text = responseText(list, { isChunked, added })
    return text !== null && this.#head.parse(text, 0) === 'complete'
  }

  #onData(chunk: Buffer): void {
    this.#session.onReceived()
    if (this.#exchange === null || chunk.length === 0) return
    if (this.#framing === 'chunked') return this.#give(chunkOf(chunk), false)
    this.#remaining -= chunk.length
    if (this.#remaining < 0) this.#fail('upstream-protocol')
    else this.#give(chunk, false)
  }

  /** All of the response is here. Without one, `close` says why. */
  #onEnd(): void {
    if (this.#exchange === null || !this.#isAnswered) return
    if (this.#isTunnel) return this.#exchange.onTunnelEnd()
    if (this.#remaining > 0 || this.#trailers === null) return this.#fail('upstream-protocol')
    this.#give(this.#framing === 'chunked' ? Buffer.from(`0\r\n${this.#trailers}\r\n`, 'latin1') : EMPTY, true)
  }

  #give(part: Buffer, done: boolean): void {
    this.#body.buffer = part
    this.#body.from = 0
    this.#body.to = part.length
    this.#exchange?.onBody(this.#body, done)
    this.#body.buffer = EMPTY
  }

  #onClose(stream: ClientHttp2Stream): void {
    this.#session.leave(this)
    const exchange = this.#exchange
    this.#exchange = null
    exchange?.onFailure(this.#failure(stream))
  }

  #failure({ id, rstCode }: ClientHttp2Stream): UpstreamFailure {
    // Without an id nothing was sent.
    if (id === undefined || rstCode === NGHTTP2_REFUSED_STREAM || this.#session.hasRefused(id)) return 'refused-stream'
    if (this.#session.isDead) return this.#error?.code === 'ERR_HTTP2_ERROR' ? 'upstream-protocol' : 'upstream-closed'
    return PROTOCOL_ERRORS.has(rstCode) ? 'upstream-protocol' : 'upstream-reset'
  }

  #fail(failure: UpstreamFailure): void {
    const exchange = this.#exchange
    this.#exchange = null
    if (this.#stream !== null) resetStream(this.#stream, NGHTTP2_PROTOCOL_ERROR)
    exchange?.onFailure(failure)
  }
}

/** Whether the endpoint has ended it, and well. */
function isComplete(stream: ClientHttp2Stream): boolean {
  return stream.closed ? stream.rstCode === NGHTTP2_NO_ERROR : stream.state.remoteClose === 1
}

/** In HTTP/1.1, which is what messages are within, there are none behind a known length. */
function hasTrailers(headers: IncomingHttpHeaders): boolean {
  return headers.trailer !== undefined || isGrpc(headers['content-type'])
}

function withoutLength(list: readonly string[]): string[] {
  return list.filter((_, at) => list[at - (at % 2)] !== 'content-length')
}

/**
 * One connection to an endpoint. It sends what its exchange gives it, finds head and body of each response, and hands them
 * to the exchange. After a complete response it goes back to its pool.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

import { hostPort } from '../../base/host-port.ts'
import { assertNever } from '../../base/assert.ts'
import { messageOf } from '../../base/errors.ts'

import { ChunkedReader } from '../http1/chunked-reader.ts'
import { ResponseHead } from '../http1/response-head.ts'
import { sharedReads } from './shared-reads.ts'
import type { BodyFraming } from '../http1/response-head.ts'
import type { ClientTlsContext } from '../tls/client-tls.ts'
import { holdFailedWrites } from './held-writes.ts'
import type { Body, Exchange, UpstreamFailure, UpstreamSide } from './side.ts'

/** Whose connection it is. */
export interface ConnectionOwner {
  readonly address: string
  readonly port: number
  /** Null: in clear text. */
  readonly tls: ClientTlsContext | null
  /** The connection is idle. */
  keep(connection: Http1UpstreamConnection): void
  /** The connection is closed. */
  forget(connection: Http1UpstreamConnection): void
}

type State = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'closed'

/** How much of a chunk is read as text to find the head in it. */
const HEAD_TEXT_BYTES = 4_096
const EMPTY = Buffer.alloc(0)

export class Http1UpstreamConnection implements UpstreamSide {
  readonly #pool: ConnectionOwner
  readonly #socket: Socket
  readonly #head = new ResponseHead()
  readonly #chunks = new ChunkedReader()
  readonly #body: Body = { buffer: EMPTY, from: 0, to: 0, isLent: false }
  #state: State = 'connecting'
  #exchange: Exchange | null = null
  #connectDeadlineMs: number
  #idleSinceMs = 0
  #framing: BodyFraming = 'none'
  #remaining = 0
  connectProblem = ''
  /** Empty until it is asked for. */
  #localAddress = ''
  /** A head that is not complete yet. */
  #partial: Buffer = EMPTY
  #served = 0
  /** Parts of bodies are sent by it, and an answer may come before the last one. */
  #holdsFailedWrites = false
  #isSendingOver = false

  constructor(pool: ConnectionOwner, connectDeadlineMs: number) {
    this.#pool = pool
    this.#connectDeadlineMs = connectDeadlineMs
    const { address, port, tls } = pool
    const onread = sharedReads((chunk, isLent) => this.#onRead(chunk, isLent))
    this.#socket =
      tls === null
        ? connect({ host: address, port, noDelay: true, allowHalfOpen: true, onread })
        : tls.connect(address, port, { protocols: ['http/1.1'], allowHalfOpen: false })
    this.#socket
      .on(tls === null ? 'connect' : 'secureConnect', () => this.#try(() => this.#onConnect()))
      .on('drain', () => this.#try(() => this.#exchange?.onSendable()))
      .on('end', () => this.#try(() => this.#onEnd()))
      .on('error', (error) => this.#try(() => this.#onError(error)))
      .on('close', () => this.#try(() => this.#onClosed()))
    if (tls !== null) this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
  }

  get localAddress(): string {
    const { localAddress = '', localPort = 0 } = this.#socket
    return (this.#localAddress ||= hostPort(localAddress, localPort))
  }

  get isUsable(): boolean {
    return this.#state === 'idle' && this.#socket.readable && this.#socket.writable
  }

  get isConnecting(): boolean {
    return this.#state === 'connecting'
  }

  get wasUsed(): boolean {
    return this.#served > 0
  }

  get hasPartialResponse(): boolean {
    return this.#partial.length > 0
  }

  isIdleSince(timeMs: number): boolean {
    return this.#idleSinceMs <= timeMs
  }

  attach(exchange: Exchange): void {
    this.#exchange = exchange
    if (this.#state === 'idle') this.#state = 'head'
  }

  send(text: string, body: Buffer | null): boolean {
    if (body === null) return this.#socket.write(text, 'latin1')
    if (text === '') return this.#sendPart(body)
    this.#socket.cork()
    this.#socket.write(text, 'latin1')
    const more = this.#socket.write(body)
    this.#socket.uncork()
    return more
  }

  #sendPart(body: Buffer): boolean {
    if (!this.#holdsFailedWrites) {
      this.#holdsFailedWrites = true
      holdFailedWrites(this.#socket, () => (this.#isSendingOver = true))
    }
    return this.#socket.write(body)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  openTunnel(): void {
    this.#state = 'tunnel'
  }

  endTunnel(): void {
    this.#socket.end()
  }

  release(nowMs: number): void {
    this.#exchange = null
    this.#served++
    if (this.#state === 'closed') return
    if (!this.#head.keepAlive || this.#framing === 'close' || this.#isSendingOver || !this.#socket.writable) {
      this.destroy()
      return
    }
    this.#state = 'idle'
    this.#idleSinceMs = nowMs
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#pool.keep(this)
  }

  destroy(): void {
    this.#exchange = null
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#pool.forget(this)
    // What an endpoint does not take would stay in the kernel, and hide from it that nobody waits any more.
    if (this.#pool.tls === null && this.#socket.writableLength > 0) this.#socket.resetAndDestroy()
    this.#socket.destroy()
  }

  sweep(nowMs: number): void {
    if (this.#state === 'connecting' && nowMs >= this.#connectDeadlineMs) this.#try(() => this.#fail('connect-timeout'))
  }

  #onConnect(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'head'
    this.#exchange?.onConnected()
  }

  #try(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#crash(error)
    }
  }

  /** An error of ours: the request that is here ends by it, and no other. */
  #crash(error: unknown): void {
    const exchange = this.#exchange
    this.destroy()
    exchange?.onCrash(error)
  }

  /** Whether the chunk must stay as it is. */
  #onRead(chunk: Buffer, isLent: boolean): boolean {
    const exchange = this.#exchange
    this.#body.isLent = isLent
    this.#onData(chunk)
    this.#body.isLent = false
    return this.#partial.length > 0 || exchange === null || exchange.keepsLent
  }

  #onData(chunk: Buffer): void {
    try {
      this.#take(chunk)
    } catch (error) {
      this.#crash(error)
    }
  }

  #take(chunk: Buffer): void {
    switch (this.#state) {
      case 'head':
        this.#onHead(chunk)
        return
      case 'body':
        this.#onBody(chunk, 0, false)
        return
      case 'tunnel':
        this.#exchange?.onTunnelled(chunk)
        return
      case 'connecting':
      case 'idle':
      case 'closed':
        // Bytes that nobody asked for would be taken for the answer to the next request.
        this.#fail('upstream-protocol')
    }
  }

  #onHead(chunk: Buffer): void {
    const input = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    this.#partial = EMPTY
    for (let from = 0; ;) {
      const parsed = this.#parse(input, from)
      if (parsed === 'refused') return this.#fail('upstream-protocol')
      if (parsed === 'incomplete') {
        this.#partial = from === 0 ? input : input.subarray(from)
        return
      }
      from += this.#head.end
      if (this.#head.status >= 200) return this.#startResponse(input, from)
      if (this.#head.status === 101) return this.#startTunnel(input, from)
      this.#exchange?.onInterim(this.#head)
      if (this.#state !== 'head') return
    }
  }

  #parse(input: Buffer, from: number): 'complete' | 'incomplete' | 'refused' {
    const until = Math.min(input.length, from + HEAD_TEXT_BYTES)
    const parsed = this.#head.parse(input.toString('latin1', from, until), 0)
    return parsed === 'incomplete' && until < input.length
      ? this.#head.parse(input.toString('latin1', from, input.length), 0)
      : parsed
  }

  #startResponse(input: Buffer, from: number): void {
    const method = this.#exchange?.requestMethod ?? ''
    this.#framing = this.#head.framing(method)
    this.#remaining = this.#framing === 'length' ? this.#head.fields.contentLength : 0
    if (this.#framing === 'chunked') this.#chunks.reset()
    this.#state = 'body'
    this.#onBody(input, from, true)
  }

  #startTunnel(input: Buffer, from: number): void {
    this.#state = 'tunnel'
    this.#framing = 'none'
    this.#body.from = this.#body.to = 0
    this.#exchange?.onResponse(this.#head, 'none', this.#body, false)
    if (from < input.length) this.#exchange?.onTunnelled(input.subarray(from))
  }

  #onBody(chunk: Buffer, from: number, first: boolean): void {
    const to = this.#endOfBody(chunk, from)
    if (to < 0) return this.#fail('upstream-protocol')
    const done = this.#isBodyDone()
    const exchange = this.#exchange
    if (exchange === null) return this.destroy()
    // More bytes than the response has: the response stands, the connection cannot be trusted any more.
    if (done && to < chunk.length) this.#head.keepAlive = false
    this.#body.buffer = chunk
    this.#body.from = from
    this.#body.to = to
    if (first) exchange.onResponse(this.#head, this.#framing, this.#body, done)
    else exchange.onBody(this.#body, done)
    this.#body.buffer = EMPTY
  }

  /** Below 0: it is no body that may pass. */
  #endOfBody(chunk: Buffer, from: number): number {
    switch (this.#framing) {
      case 'none':
        return from
      case 'close':
        return chunk.length
      case 'length': {
        const to = Math.min(chunk.length, from + this.#remaining)
        this.#remaining -= to - from
        return to
      }
      case 'chunked':
        return this.#chunks.read(chunk, from, chunk.length)
      default:
        return assertNever(this.#framing, 'framing')
    }
  }

  #isBodyDone(): boolean {
    if (this.#framing === 'chunked') return this.#chunks.done
    return this.#framing !== 'close' && this.#remaining === 0
  }

  #onEnd(): void {
    const exchange = this.#exchange
    if (this.#state === 'body' && this.#framing === 'close' && exchange !== null) {
      this.#body.from = this.#body.to = 0
      exchange.onBody(this.#body, true)
    } else if (this.#state === 'tunnel') {
      exchange?.onTunnelEnd()
    } else {
      this.#onClosed()
    }
  }

  #onError(error: Error): void {
    if (this.#state === 'connecting') this.connectProblem = messageOf(error)
    if (this.#state === 'connecting') this.#pool.tls?.noteFailure(error, this.#pool.address, this.#pool.port)
    this.#onClosed()
  }

  /** Before a TLS handshake is over nothing of a request was sent. */
  #onClosed(): void {
    this.#fail(this.#state === 'connecting' ? 'connect-failed' : 'upstream-closed')
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#state === 'closed') return
    const exchange = this.#exchange
    this.destroy()
    exchange?.onFailure(failure)
  }
}

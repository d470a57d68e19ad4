/** The response as a client of HTTP/2 gets it: changed as the route wants, its fields without those of a connection. */
import { constants } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'

import { contentOf, encodeAnswer, plainAnswer } from '../policy/answers.ts'
import type { Answer } from '../policy/answers.ts'
import type { ClientResponse } from '../exchange/sides.ts'
import { PASSED_AS_IT_IS, responseHead, switchingHead } from '../serving/forwarded-heads.ts'
import { ChunkedReader } from '../http1/chunked-reader.ts'
import { MEASURED } from '../http1/section-limits.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'
import { editHead } from '../policy/head-edit.ts'
import type { HeadEdit } from '../policy/head-edit.ts'
import type { Body } from '../upstream/side.ts'

import { grpcFailureHead, grpcFailureTrailers, grpcStatusFor, isGrpc } from '../http2/grpc.ts'
import { fieldsByName, responseList, trailerList } from '../http2/message-text.ts'
import type { FieldList } from '../http2/message-text.ts'

const { NGHTTP2_NO_ERROR } = constants

/** An endpoint may send any number of interim responses, and nothing says whether the client takes them. */
const INTERIM_HEADS_MAX = 16

/** The date is in the head already: the endpoint's, or ours. */
const WITH_BODY = { sendDate: false, endStream: false }
const WITHOUT_BODY = { sendDate: false, endStream: true }
const WITH_TRAILERS = { sendDate: false, endStream: false, waitForTrailers: true }

/** One after the other for the streams of a session. */
export class Http2Response implements ClientResponse {
  readonly #onDrain: () => void
  #stream: ServerHttp2Stream | null = null
  #request: RequestHead | null = null
  status = 0
  bytes = 0
  /** A stream has one response. */
  keep = false
  edit: HeadEdit | null = null
  #chunks: ChunkedReader | null = null
  /** In the head of a response that is nothing but trailers. */
  #grpcStatus = ''
  #interims = 0
  #isDrainAwaited = false
  /** The library will ask for them once all of the body is on its way. */
  #owesTrailers = false
  #isEnded = false

  constructor(onDrain: () => void) {
    this.#onDrain = onDrain
  }

  /** Whether the client will be told, or was, that nothing more comes. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  get grpcStatus(): number | undefined {
    if (!this.#isCall) return undefined
    const status = this.trailer('grpc-status') || this.#grpcStatus
    return /^[0-9]{1,9}$/.test(status) ? Number(status) : -1
  }

  /** Of gRPC. A CONNECT is none, whatever it says: it would take the 200 of a failed call for its tunnel. */
  get #isCall(): boolean {
    return (
      this.#request !== null && this.#request.method !== 'CONNECT' && isGrpc(this.#request.fields.get('content-type'))
    )
  }

  trailer(name: string): string {
    const list = trailerList(this.#chunks?.trailers ?? '')
    return list.filter((_, index) => index % 2 === 1 && list[index - 1] === name).join(',')
  }

  /** The next stream. */
  open(stream: ServerHttp2Stream): void {
    this.#stream = stream
    this.#chunks = null
    this.#grpcStatus = ''
    this.#interims = 0
    this.#isDrainAwaited = false
    this.#owesTrailers = false
    this.#isEnded = false
    this.status = 0
    this.bytes = 0
    this.edit = null
  }

  /** The stream is closed. */
  close(): void {
    this.#stream = null
    this.#request = null
    this.#chunks = null
  }

  reset(head: RequestHead): void {
    this.#request = head
  }

  interim(head: ResponseHead): boolean {
    if (++this.#interims > INTERIM_HEADS_MAX) return true
    this.#writable()?.additionalHeaders(fieldsByName(responseList(responseHead(head, PASSED_AS_IT_IS))))
    return true
  }

  connected(date: string): void {
    this.status = 200
    this.#writable()?.respond(responseList(`HTTP/1.1 200 OK\r\n${date}\r\n`), WITH_BODY)
  }

  /** Success is 200 here, and the key was ours (RFC 8441 §5). */
  switch(head: ResponseHead, added: string): void {
    this.status = 200
    const list = responseList(this.#edited(switchingHead(head, added)))
    const accept = list.indexOf('sec-websocket-accept')
    if (accept !== -1) list.splice(accept, 2)
    this.#writable()?.respond(list.with(1, '200'), WITH_BODY)
  }

  // oxlint-disable-next-line max-params -- what the upstream connection tells, and one thing of ours
  begin(head: ResponseHead, framing: BodyFraming, body: Body, added: string): boolean {
    this.status = this.#statusFor(head.status)
    const isChunked = framing === 'chunked'
    this.#grpcStatus = head.fields.get('grpc-status') ?? ''
    const text = responseHead(head, { ...PASSED_AS_IT_IS, dropsChunked: isChunked, added })
    const list = responseList(this.#edited(text))
    if (this.status !== head.status) list[1] = String(this.status)
    if (isChunked) return this.#beginChunked(list, body)
    this.#isEnded = framing === 'none'
    this.#writable()?.respond(list, framing === 'none' ? WITHOUT_BODY : WITH_BODY)
    return this.part(body)
  }

  part(body: Body): boolean {
    const { buffer, from, to } = body
    if (from === to) return true
    if (this.#chunks !== null) return this.#writeChunks(this.#chunks, body)
    this.bytes += to - from
    return this.#write(from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to))
  }

  tunnelled(chunk: Buffer): boolean {
    this.bytes += chunk.length
    return this.#write(chunk)
  }

  answer(answer: Answer, date: string): void {
    this.status = answer.status
    const isFailure = answer.flag !== '' || answer.status >= 400
    if (isFailure && this.#isCall) {
      this.#grpcStatus = String(answer.grpcStatus ?? grpcStatusFor(answer.status))
      return this.#respond(grpcFailureHead(answer, date), '')
    }
    const content = this.#request?.method === 'HEAD' ? '' : contentOf(answer)
    this.#respond(encodeAnswer(answer, { withBody: false, connection: '', date }), content)
  }

  failCall(answer: Answer): boolean {
    if (this.#chunks === null) return false
    this.#chunks.trailers = grpcFailureTrailers(answer)
    return true
  }

  /** Where the request could not be read. */
  refuse(status: number, problem: string, date: string): void {
    const answer = plainAnswer(status, 'DPE', problem)
    this.status = status
    this.#respond(encodeAnswer(answer, { withBody: false, connection: '', date }), answer.body)
  }

  /** Nothing more comes but trailers. */
  end(): void {
    if (!this.#isEnded) this.#writable()?.end()
    this.#isEnded = true
  }

  /** Of an answer that is sent: what the client still sends is of no use (RFC 9113 §8.1). */
  refuseRest(): void {
    if (!this.#owesTrailers) this.#writable()?.close(NGHTTP2_NO_ERROR)
  }

  /** All of the body is on its way. */
  #sendTrailers(stream: ServerHttp2Stream): void {
    this.#owesTrailers = false
    if (stream.destroyed || stream.closed) return
    stream.sendTrailers(fieldsByName(trailerList(this.#chunks?.trailers ?? '')))
  }

  #beginChunked(list: FieldList, { buffer, from, to }: Body): boolean {
    const chunks = (this.#chunks = new ChunkedReader(MEASURED))
    chunks.keepsTrailers = true
    const parts: Buffer[] = []
    chunks.read(buffer, from, to, (start, end) => parts.push(buffer.subarray(start, end)))
    // Where all is here, so are the trailers; otherwise they may come.
    const hasTrailers = !chunks.done || chunks.trailers !== ''
    for (const part of parts) this.bytes += part.length
    const stream = this.#writable()
    this.#owesTrailers = hasTrailers
    if (stream !== null && hasTrailers) stream.once('wantTrailers', () => this.#sendTrailers(stream))
    stream?.respond(list, hasTrailers ? WITH_TRAILERS : WITH_BODY)
    let more = true
    for (const part of parts) more = this.#write(part)
    return more
  }

  #writeChunks(chunks: ChunkedReader, { buffer, from, to }: Body): boolean {
    let more = true
    chunks.read(buffer, from, to, (start, end) => {
      this.bytes += end - start
      more = this.#write(buffer.subarray(start, end))
    })
    return more
  }

  /** A response of our own. */
  #respond(text: string, body: string): void {
    const stream = this.#writable()
    if (stream === null) return
    this.#isEnded = true
    this.bytes = Buffer.byteLength(body)
    stream.respond(responseList(this.#edited(text)), body === '' ? WITHOUT_BODY : WITH_BODY)
    if (body !== '') stream.end(body)
  }

  /**
   * 2xx would tell the client that protocols were switched, where only a 101 of the endpoint says so: an answer that leaves
   * them as they are has failed.
   */
  #statusFor(status: number): number {
    const isSwitching = this.#request !== null && this.#request.fields.upgrade !== -1
    return isSwitching && status >= 200 && status < 300 ? 502 : status
  }

  #edited(head: string): string {
    return this.edit === null ? head : editHead(head, this.edit)
  }

  #write(chunk: Buffer): boolean {
    const stream = this.#writable()
    if (stream === null) return true
    const more = stream.write(chunk)
    if (!more && !this.#isDrainAwaited) {
      this.#isDrainAwaited = true
      stream.on('drain', this.#onDrain)
    }
    return more
  }

  /** Null: the client has given the stream up; that it is closed will be told in a moment. */
  #writable(): ServerHttp2Stream | null {
    const stream = this.#stream
    return stream === null || stream.destroyed || stream.closed ? null : stream
  }
}

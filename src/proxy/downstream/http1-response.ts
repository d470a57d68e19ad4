/** The response as a client of HTTP/1 gets it: changed as the route wants, in the framing that the client knows. */
import { encodeAnswer } from '../policy/answers.ts'
import type { Answer } from '../policy/answers.ts'
import type { ClientResponse } from '../exchange/sides.ts'
import { PASSED_AS_IT_IS, responseHead, switchingHead } from '../serving/forwarded-heads.ts'
import { ChunkedReader } from '../http1/chunked-reader.ts'
import { MEASURED } from '../http1/section-limits.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'
import { writePart } from '../upstream/message-output.ts'
import type { MessageOutput } from '../upstream/message-output.ts'
import { editHead } from '../policy/head-edit.ts'
import type { HeadEdit } from '../policy/head-edit.ts'
import type { Body } from '../upstream/side.ts'

/** One after the other for the requests of a connection. */
export class Http1Response implements ClientResponse {
  readonly #output: MessageOutput
  status = 0
  bytes = 0
  /** Calls of gRPC need HTTP/2. */
  readonly grpcStatus = undefined
  keep = false
  edit: HeadEdit | null = null
  /** Nothing else tells the client that the response is complete. */
  isEndedByConnection = false
  #isOld = false
  #isBodyless = false
  #dechunk: ChunkedReader | null = null

  constructor(output: MessageOutput) {
    this.#output = output
  }

  /** They pass by as they are. */
  trailer(): string {
    return ''
  }

  failCall(): boolean {
    return false
  }

  reset({ keepAlive, minorVersion, method }: RequestHead): void {
    this.status = 0
    this.bytes = 0
    // Behind a CONNECT the client may have sent bytes for its tunnel already: they must not be read as a request.
    this.keep = keepAlive && method !== 'CONNECT'
    this.edit = null
    this.isEndedByConnection = false
    this.#isOld = minorVersion === 0
    this.#isBodyless = method === 'HEAD'
    this.#dechunk = null
  }

  interim(head: ResponseHead): boolean {
    if (this.#isOld) return true
    return this.#output.write(responseHead(head, PASSED_AS_IT_IS), null)
  }

  connected(date: string): void {
    this.status = 200
    this.keep = false
    this.#output.write(`HTTP/1.1 200 OK\r\n${date}\r\n`, null)
  }

  switch(head: ResponseHead, added: string): void {
    this.status = head.status
    this.keep = false
    this.#output.write(this.#edited(switchingHead(head, added)), null)
  }

  // oxlint-disable-next-line max-params -- what the upstream connection tells, and one thing of ours
  begin(head: ResponseHead, framing: BodyFraming, body: Body, added: string): boolean {
    this.status = head.status
    // HTTP/1.0 knows no transfer codings, so the field does not go there even where there is no body (RFC 9112 §6.1).
    const dropsChunked = this.#isOld && head.fields.chunked
    const isDechunked = dropsChunked && framing === 'chunked'
    this.isEndedByConnection = framing === 'close' || isDechunked
    this.keep &&= !this.isEndedByConnection
    this.#dechunk = isDechunked ? new ChunkedReader(MEASURED) : null
    const keepsUpgrade = head.status === 426 && !this.#isOld
    const text = responseHead(head, { connection: this.#connection(), dropsChunked, keepsUpgrade, added })
    return this.#write(this.#edited(text), body)
  }

  part(body: Body): boolean {
    return this.#write('', body)
  }

  tunnelled(chunk: Buffer): boolean {
    this.bytes += chunk.length
    return this.#output.write('', chunk)
  }

  answer(answer: Answer, date: string): void {
    this.status = answer.status
    const text = encodeAnswer(answer, { withBody: !this.#isBodyless, connection: this.#connection(), date })
    const headEnd = text.indexOf('\r\n\r\n') + 4
    this.bytes = text.length - headEnd
    this.#output.write(this.edit === null ? text : this.#edited(text.slice(0, headEnd)) + text.slice(headEnd), null)
  }

  #connection(): string {
    if (!this.keep) return 'close'
    return this.#isOld ? 'keep-alive' : ''
  }

  #edited(head: string): string {
    return this.edit === null ? head : editHead(head, this.edit)
  }

  #write(text: string, body: Body): boolean {
    if (this.#dechunk !== null) return this.#writeContent(text, body, this.#dechunk)
    this.bytes += body.to - body.from
    return writePart(this.#output, text, body)
  }

  /** Of a chunked part, for a client that does not know chunks. */
  #writeContent(text: string, { buffer, from, to }: Body, chunks: ChunkedReader): boolean {
    let more = text === '' || this.#output.write(text, null)
    chunks.read(buffer, from, to, (start, end) => {
      this.bytes += end - start
      more = this.#output.write('', buffer.subarray(start, end))
    })
    return more
  }
}

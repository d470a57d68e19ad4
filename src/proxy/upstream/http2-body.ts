/** The body of a request on its way into an HTTP/2 stream: out of the framing of HTTP/1.1, which says where it ends. */
import type { ClientHttp2Stream } from 'node:http2'

import { assert } from '../../base/assert.ts'
import { ChunkedReader } from '../http1/chunked-reader.ts'
import { MEASURED } from '../http1/section-limits.ts'

import { fieldsByName, trailerList } from '../http2/message-text.ts'

/** How the body behind a head is framed; a number: its length. */
export type RequestFraming = number | 'chunked'

/** `head` has been read strictly: it frames its body in one way. `list` are its fields. */
export function requestFraming(head: string, list: readonly string[]): RequestFraming {
  if (/\r\ntransfer-encoding:/i.test(head)) return 'chunked'
  for (let at = 0; at + 1 < list.length; at += 2) {
    if (list[at] === 'content-length') return Number(list[at + 1])
  }
  return 0
}

export class UnframedBody {
  readonly #stream: ClientHttp2Stream
  readonly #chunks: ChunkedReader | null
  #remaining: number

  /** The stream must have been begun with `waitForTrailers` if the framing is chunked, and without its end if there is a body. */
  constructor(stream: ClientHttp2Stream, framing: RequestFraming) {
    this.#stream = stream
    this.#remaining = framing === 'chunked' ? 0 : framing
    this.#chunks = framing === 'chunked' ? new ChunkedReader(MEASURED) : null
    if (this.#chunks === null) return
    this.#chunks.keepsTrailers = true
    stream.on('wantTrailers', () => this.#sendTrailers())
  }

  /** False: it waits in a buffer. */
  write(part: Buffer): boolean {
    return this.#chunks === null ? this.#writeLength(part) : this.#writeChunked(part, this.#chunks)
  }

  #writeLength(part: Buffer): boolean {
    this.#remaining -= part.length
    assert(this.#remaining >= 0, 'a request body is longer than its length')
    const more = this.#stream.write(part)
    if (this.#remaining === 0) this.#stream.end()
    return more
  }

  #writeChunked(part: Buffer, chunks: ChunkedReader): boolean {
    let more = true
    const end = chunks.read(part, 0, part.length, (from, to) => {
      more = this.#stream.write(part.subarray(from, to))
    })
    assert(end >= 0, 'a malformed chunk has passed')
    if (chunks.done) this.#stream.end()
    return more
  }

  #sendTrailers(): void {
    this.#stream.sendTrailers(fieldsByName(trailerList(this.#chunks === null ? '' : this.#chunks.trailers)))
  }
}

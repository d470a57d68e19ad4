/** How far the body of one request after the other goes in what its client sends, and whether it may be as long (RFC 9112 §6). */
import { ChunkedReader, MALFORMED, TRAILERS_TOO_LARGE } from '../http1/chunked-reader.ts'
import type { HeadFields } from '../http1/head-fields.ts'
import type { Failure } from '../policy/answers.ts'
import type { ServingHttp } from '../serving/http-policy.ts'

/** Instead of a position: the body is larger than it may be. */
export const TOO_LARGE = Math.min(MALFORMED, TRAILERS_TOO_LARGE) - 1

/** What is wrong where `read` gave no position. */
export function bodyFailure(problem: number): Failure {
  if (problem === TOO_LARGE) return 'body-too-large'
  return problem === TRAILERS_TOO_LARGE ? 'trailers-too-large' : 'bad-chunk'
}

export class Http1Body {
  readonly #chunks = new ChunkedReader()
  #isChunked = false
  /** Of a body with a content length. */
  #remaining = 0
  /** How much more is taken, framing included. */
  #bytesLeft = 0

  get isDone(): boolean {
    return this.#isChunked ? this.#chunks.done : this.#remaining === 0
  }

  /** False: it says itself that it is too large. */
  begin({ contentLength, chunked }: HeadFields, { bodyBytesMax, isEdge, sections }: ServingHttp): boolean {
    this.#isChunked = chunked
    this.#remaining = Math.max(0, contentLength)
    this.#bytesLeft = bodyBytesMax
    if (chunked) this.#chunks.reset(isEdge, sections)
    return contentLength <= bodyBytesMax
  }

  /** Where what belongs to it ends, from `from` on; below 0: see `bodyFailure`. */
  read(input: Buffer, from: number): number {
    const to = this.#isChunked ? this.#chunks.read(input, from, input.length) : this.#readPlain(input, from)
    if (to < 0) return to
    this.#bytesLeft -= to - from
    return this.#bytesLeft < 0 ? TOO_LARGE : to
  }

  #readPlain(input: Buffer, from: number): number {
    const to = Math.min(input.length, from + this.#remaining)
    this.#remaining -= to - from
    return to
  }
}

/** A request as it is sent to an endpoint, kept to be sent again as long as it is small. */
import { INLINE_BODY_BYTES_MAX } from '../upstream/message-output.ts'
import type { MessageOutput } from '../upstream/message-output.ts'

/** Of requests for whose whole body there is a use (retries, mirrors, endpoints that may refuse it). Larger ones are sent once, to one endpoint. */
const KEPT_BODY_BYTES_MAX = 64 * 1024

export class KeptRequest {
  #text = ''
  #first: Buffer | null = null
  /** Parts of the body that came after the head. */
  #rest: Buffer[] | null = null
  #bytes = 0
  #bytesMax = 0
  /** Whether nothing of the request that has come so far is missing here. */
  isWhole = true

  /** `first`: the part of the body that came with the head. `isBodyKept`: the rest is wanted, too. */
  start(head: string, first: Buffer | null, isBodyKept: boolean): void {
    const inline = first !== null && first.length <= INLINE_BODY_BYTES_MAX
    this.#text = inline ? head + first.toString('latin1') : head
    this.#first = inline ? null : first
    this.#rest = null
    this.#bytes = first === null ? 0 : first.length
    this.#bytesMax = isBodyKept ? KEPT_BODY_BYTES_MAX : 0
    this.isWhole = true
  }

  add(part: Buffer): void {
    if (!this.isWhole || part.length === 0) return
    this.#bytes += part.length
    this.isWhole = this.#bytes <= this.#bytesMax
    if (!this.isWhole) this.#rest = null
    else if (this.#rest === null) this.#rest = [part]
    else this.#rest.push(part)
  }

  /** Of the body, in its framing. */
  get bodyBytes(): number {
    return this.#bytes
  }

  /** With another head. Later changes of this one do not reach it. */
  copy(edit: (head: string) => string): KeptRequest {
    const copy = new KeptRequest()
    const headEnd = this.#text.indexOf('\r\n\r\n') + 4
    copy.#text = edit(this.#text.slice(0, headEnd)) + this.#text.slice(headEnd)
    copy.#first = this.#first
    copy.#rest = this.#rest === null ? null : [...this.#rest]
    copy.#bytes = this.#bytes
    return copy
  }

  /** All of it. False: it waits in a buffer. */
  sendTo(output: { send: MessageOutput['write'] }): boolean {
    let more = output.send(this.#text, this.#first)
    for (const part of this.#rest ?? []) more = output.send('', part)
    return more
  }

  clear(): void {
    this.#text = ''
    this.#first = null
    this.#rest = null
  }
}

/**
 * Lines of a log, one behind the other, a byte per character. Written character by character, and looked through on the way:
 * strings that are joined first must be made flat again, which costs several times as much for the short ones of a line.
 */
import { IS_PLAIN } from './escape.ts'

/** From here on one call of Node's is cheaper than a loop. */
const LONG_TEXT = 128
const ZERO = 0x30

export class LineBytes {
  #bytes: Buffer
  /** Where the next text goes; set it back, and what is behind it was not written. */
  used = 0

  constructor(reserved: number) {
    this.#bytes = Buffer.allocUnsafeSlow(reserved)
  }

  get reserved(): number {
    return this.#bytes.length
  }

  first(count: number): Buffer {
    return this.#bytes.subarray(0, count)
  }

  /** The first ones. */
  drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.used)
    this.used -= count
  }

  /** Latin1. */
  put(text: string): void {
    const bytes = this.#room(text.length)
    const from = this.used
    if (text.length >= LONG_TEXT) bytes.write(text, from, 'latin1')
    else for (let index = 0; index < text.length; index++) bytes[from + index] = text.charCodeAt(index)
    this.used = from + text.length
  }

  /** What is delicate in the text goes through `escape` before. */
  putEscaped(text: string, escape: (text: string) => string): void {
    const bytes = this.#room(text.length)
    const from = this.used
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (IS_PLAIN[code] !== 1) return this.put(escape(text))
      bytes[from + index] = code
    }
    this.used = from + text.length
  }

  /** Of a number that is not below 0, what stands before its point. */
  putWhole(value: number): void {
    if (!(value <= Number.MAX_SAFE_INTEGER)) return this.put(String(value))
    let rest = Math.floor(value)
    let length = 1
    for (let above = 10; rest >= above; above *= 10) length++
    const bytes = this.#room(length)
    const from = this.used
    for (let at = from + length - 1; at >= from; at--) {
      const tenth = Math.floor(rest / 10)
      bytes[at] = ZERO + (rest - 10 * tenth)
      rest = tenth
    }
    this.used = from + length
  }

  #room(length: number): Buffer {
    if (this.used + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.used + length))
      this.#bytes.copy(larger, 0, 0, this.used)
      this.#bytes = larger
    }
    return this.#bytes
  }
}

/**
 * Lines of a log, one behind the other, a byte per character. Written character by character, and looked through on the way:
 * strings that are joined first must be made flat again, which costs several times as much for the short ones of a line.
 */
import { IS_PLAIN } from './escape.ts'

/** From here on one call of Node's is cheaper than a loop. */
const LONG_TEXT = 128

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

  #room(length: number): Buffer {
    if (this.used + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.used + length))
      this.#bytes.copy(larger, 0, 0, this.used)
      this.#bytes = larger
    }
    return this.#bytes
  }
}

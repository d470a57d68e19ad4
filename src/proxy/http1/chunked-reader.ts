/**
 * Finds the end of a chunked body (RFC 9112 §7.1) while its bytes pass through unchanged.
 *
 * chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; last-chunk = 1*"0" [ chunk-ext ] CRLF trailer-section CRLF
 */
import { assertNever } from '../../base/assert.ts'

/** A chunk's size line; extensions beyond it serve nobody. */
const SIZE_LINE_BYTES_MAX = 4096
/** 13 hex digits are 2^52: what a double counts exactly. */
const SIZE_DIGITS_MAX = 13
const TRAILER_BYTES_MAX = 16 * 1024

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b

type State =
  | 'size'
  | 'extension'
  | 'size-line-feed'
  | 'data'
  | 'data-carriage-return'
  | 'data-line-feed'
  | 'trailer-start'
  | 'trailer'
  | 'trailer-line-feed'
  | 'end-line-feed'
  | 'done'

export const MALFORMED = -1

export class ChunkedReader {
  #state: State = 'size'
  #remaining = 0
  #digits = 0
  /** Bytes of the current size line, then of the trailer section. */
  #lineBytes = 0
  #colonSeen = false

  reset(): void {
    this.#state = 'size'
    this.#remaining = 0
    this.#digits = 0
    this.#lineBytes = 0
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  /**
   * Reads on; returns the position after the last byte that belongs to the body (`to`, unless it ended before), or
   * `MALFORMED`. `onData` gets the ranges that are content.
   */
  read(buffer: Buffer, from: number, to: number, onData?: (from: number, to: number) => void): number {
    let position = from
    while (position < to && this.#state !== 'done') {
      if (this.#state === 'data') {
        const end = Math.min(to, position + this.#remaining)
        onData?.(position, end)
        this.#remaining -= end - position
        position = end
        if (this.#remaining === 0) this.#state = 'data-carriage-return'
      } else if (this.#step(buffer[position++] ?? 0)) {
        continue
      } else {
        return MALFORMED
      }
    }
    return position
  }

  /** Takes one byte outside of the data; false: it may not stand there. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case 'size':
        return this.#stepSize(byte)
      case 'extension':
        if (byte === CR) this.#state = 'size-line-feed'
        return byte === CR || (isText(byte) && ++this.#lineBytes <= SIZE_LINE_BYTES_MAX)
      case 'size-line-feed':
        this.#startChunk()
        return byte === LF
      case 'data-carriage-return':
        this.#state = 'data-line-feed'
        return byte === CR
      case 'data-line-feed':
        this.#state = 'size'
        return byte === LF
      case 'trailer-start':
        return this.#stepTrailerStart(byte)
      case 'trailer':
        return this.#stepTrailer(byte)
      case 'trailer-line-feed':
        this.#state = 'trailer-start'
        return byte === LF
      case 'end-line-feed':
        this.#state = 'done'
        return byte === LF
      case 'data':
      case 'done':
        return false
      default:
        return assertNever(this.#state, 'state')
    }
  }

  #stepSize(byte: number): boolean {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      this.#remaining = this.#remaining * 16 + digit
      return ++this.#digits <= SIZE_DIGITS_MAX
    }
    if (this.#digits === 0) return false
    if (byte === CR) this.#state = 'size-line-feed'
    else if (byte === SEMICOLON) this.#state = 'extension'
    else return false
    return true
  }

  #startChunk(): void {
    this.#state = this.#remaining === 0 ? 'trailer-start' : 'data'
    this.#digits = 0
    this.#lineBytes = 0
  }

  #stepTrailerStart(byte: number): boolean {
    this.#colonSeen = false
    if (byte === CR) {
      this.#state = 'end-line-feed'
      return true
    }
    this.#state = 'trailer'
    return isToken(byte) && this.#countTrailer()
  }

  #stepTrailer(byte: number): boolean {
    if (byte === CR) {
      this.#state = 'trailer-line-feed'
      return this.#colonSeen
    }
    if (this.#colonSeen) return isText(byte) && this.#countTrailer()
    this.#colonSeen = byte === 0x3a
    return (this.#colonSeen || isToken(byte)) && this.#countTrailer()
  }

  #countTrailer(): boolean {
    return ++this.#lineBytes <= TRAILER_BYTES_MAX
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function isText(byte: number): boolean {
  return byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)
}

function isToken(byte: number): boolean {
  return /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte))
}

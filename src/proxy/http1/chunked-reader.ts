/**
 * Finds the end of a chunked body (RFC 9112 §7.1) while its bytes pass through unchanged.
 *
 * chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF; last-chunk = 1*"0" [ chunk-ext ] CRLF trailer-section CRLF
 * chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ); the "bad" white space of the RFC is bad indeed, and refused.
 */
import { assertNever } from '../../base/assert.ts'
import { isInternalHeader } from '../../routing/edge-headers.ts'
import { SECTION_LIMITS } from './section-limits.ts'
import type { SectionLimits } from './section-limits.ts'

/** A chunk's size line; extensions beyond it serve nobody. */
const SIZE_LINE_BYTES_MAX = 4096
/** 13 hex digits are 2^52: what a double counts exactly. Zeros in front do not count. */
const SIZE_DIGITS_MAX = 13
/** With the zeros in front. More are refused on purpose: some parsers take no more, and the bytes pass as they are. */
const SIZE_CHARACTERS_MAX = 16

const CR = 0x0d
const LF = 0x0a
const SEMICOLON = 0x3b
const EQUALS = 0x3d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/**
 * What decides about framing, routing or the connection may not come behind the body: an endpoint that takes trailers for
 * header fields would read another request than was routed (RFC 9110 §6.5.1).
 */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** `name` in lower case; what proxies say to each other has no place in a stranger's trailers either. */
export function mayTrail(name: string, isStranger: boolean): boolean {
  return !FORBIDDEN_TRAILERS.has(name) && !(isStranger && isInternalHeader(name))
}

type State =
  | 'size'
  | 'extension-start'
  | 'extension-name'
  | 'extension-value-start'
  | 'extension-value'
  | 'extension-quoted'
  | 'extension-escaped'
  | 'extension-end'
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
/** There are more trailers than the limits allow. */
export const TRAILERS_TOO_LARGE = -2

export class ChunkedReader {
  #limits: SectionLimits
  #state: State = 'size'
  #remaining = 0
  /** Of the current size: its characters, and how many of them are zeros in front. */
  #characters = 0
  #leadingZeros = 0
  /** Bytes of the current size line, then of the trailer section. */
  #lineBytes = 0
  #trailerCount = 0
  #colonSeen = false
  #trailerName = ''
  /** Whether who sends it is a client at the edge. */
  #isStranger = false
  /** Whether to remember the trailers. */
  keepsTrailers = false
  /** The trailer section, as far as it has come, without its empty line. */
  trailers = ''

  constructor(limits: SectionLimits = SECTION_LIMITS) {
    this.#limits = limits
  }

  /** For the next body. `limits`: of its trailers. */
  reset(isStranger = false, limits: SectionLimits = this.#limits): void {
    this.#isStranger = isStranger
    this.#limits = limits
    this.trailers = ''
    this.#state = 'size'
    this.#remaining = 0
    this.#characters = 0
    this.#leadingZeros = 0
    this.#lineBytes = 0
    this.#trailerCount = 0
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  /**
   * Reads on; returns the position after the last byte that belongs to the body (`to`, unless it ended before), or
   * `MALFORMED` or `TRAILERS_TOO_LARGE`. `onData` gets the ranges that are content.
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
        return this.#areTrailersTooLarge() ? TRAILERS_TOO_LARGE : MALFORMED
      }
    }
    return position
  }

  /** Takes one byte outside of the data; false: it may not stand there. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case 'size':
        return this.#stepSize(byte)
      case 'extension-start':
      case 'extension-name':
      case 'extension-value-start':
      case 'extension-value':
      case 'extension-quoted':
      case 'extension-escaped':
      case 'extension-end':
        return ++this.#lineBytes <= SIZE_LINE_BYTES_MAX && this.#stepExtension(this.#state, byte)
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
        return this.#countTrailer(byte) && this.#stepTrailerStart(byte)
      case 'trailer':
        return this.#countTrailer(byte) && this.#stepTrailer(byte)
      case 'trailer-line-feed':
        if (this.keepsTrailers) this.trailers += '\n'
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
      if (this.#remaining === 0) this.#leadingZeros++
      return ++this.#characters <= SIZE_CHARACTERS_MAX && this.#characters - this.#leadingZeros <= SIZE_DIGITS_MAX
    }
    if (this.#characters === 0) return false
    if (byte === CR) this.#state = 'size-line-feed'
    else if (byte === SEMICOLON) this.#state = 'extension-start'
    else return false
    return true
  }

  #stepExtension(state: Extract<State, `extension-${string}`>, byte: number): boolean {
    const next = extensionAfter(state, byte)
    if (next !== null) this.#state = next
    return next !== null
  }

  #startChunk(): void {
    this.#state = this.#remaining === 0 ? 'trailer-start' : 'data'
    this.#characters = 0
    this.#leadingZeros = 0
    this.#lineBytes = 0
  }

  #stepTrailerStart(byte: number): boolean {
    this.#colonSeen = false
    if (byte === CR) {
      this.#state = 'end-line-feed'
      return true
    }
    this.#state = 'trailer'
    this.#trailerName = String.fromCharCode(byte)
    return ++this.#trailerCount <= this.#limits.fieldsMax && isToken(byte)
  }

  #stepTrailer(byte: number): boolean {
    if (byte === CR) {
      this.#state = 'trailer-line-feed'
      return this.#colonSeen
    }
    if (this.#colonSeen) return isText(byte)
    this.#colonSeen = byte === COLON
    if (this.#colonSeen) return mayTrail(this.#trailerName.toLowerCase(), this.#isStranger)
    this.#trailerName += String.fromCharCode(byte)
    return isToken(byte)
  }

  #countTrailer(byte: number): boolean {
    // Only the empty line begins with a line end.
    if (this.keepsTrailers && !(this.#state === 'trailer-start' && byte === CR)) {
      this.trailers += String.fromCharCode(byte)
    }
    return ++this.#lineBytes <= this.#limits.bytesMax
  }

  /** The limits of size lines are others: what is beyond those is malformed. */
  #areTrailersTooLarge(): boolean {
    const isInTrailers = this.#state === 'trailer' || this.#state === 'trailer-start'
    return isInTrailers && (this.#lineBytes > this.#limits.bytesMax || this.#trailerCount > this.#limits.fieldsMax)
  }
}

/** The state behind this byte, or null where the byte may not stand. */
function extensionAfter(state: Extract<State, `extension-${string}`>, byte: number): State | null {
  switch (state) {
    case 'extension-start':
      return isToken(byte) ? 'extension-name' : null
    case 'extension-name':
      if (byte === EQUALS) return 'extension-value-start'
      return isToken(byte) ? state : extensionEnd(byte)
    case 'extension-value-start':
      if (byte === QUOTE) return 'extension-quoted'
      return isToken(byte) ? 'extension-value' : null
    case 'extension-value':
      return isToken(byte) ? state : extensionEnd(byte)
    case 'extension-quoted':
      if (byte === QUOTE) return 'extension-end'
      if (byte === BACKSLASH) return 'extension-escaped'
      return isText(byte) ? state : null
    case 'extension-escaped':
      return isText(byte) ? 'extension-quoted' : null
    case 'extension-end':
      return extensionEnd(byte)
    default:
      return assertNever(state, 'state')
  }
}

function extensionEnd(byte: number): State | null {
  if (byte === SEMICOLON) return 'extension-start'
  return byte === CR ? 'size-line-feed' : null
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

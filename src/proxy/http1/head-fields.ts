/**
 * The header fields of one HTTP/1 message (RFC 9110 §5, RFC 9112 §5), read strictly: a message that two parsers could read
 * differently is refused. Fields are kept as positions in the head's text, so that passing them on copies slices, not pairs.
 *
 * field-line = field-name ":" OWS field-value OWS CRLF, field-name = token. No line folding, no bare CR, LF or NUL.
 */
import { loweredCode } from '../../base/ascii.ts'
import { isForwardedHeader, isInternalHeader } from '../../routing/edge-headers.ts'

import { FieldSet } from './field-set.ts'
import { HEADER_FIELDS_MAX } from './section-limits.ts'

/** The largest content length taken: what a double counts exactly, with room to add. */
const CONTENT_LENGTH_DIGITS_MAX = 15

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const SPACE = 0x20
const TAB = 0x09
const ZERO = 0x30

const IS_TOKEN = table((code) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)))
const IS_VALUE = table((code) => code === TAB || (code >= SPACE && code !== 0x7f))

/** Those of the fields that always end at a proxy whose length says little. */
const LONG_HOP_BY_HOP: ReadonlySet<string> = new Set(['proxy-connection', 'proxy-authenticate', 'proxy-authorization'])

/** Fields that `connection` may not take away: without them the message would mean something else, or have no id or date. */
const NEVER_REMOVED: ReadonlySet<string> = new Set([
  'date',
  'host',
  'content-length',
  'transfer-encoding',
  'x-request-id',
])

const LETTER_F = 0x66
const LETTER_L = 0x6c
const LETTER_X = 0x78

export class HeadFields {
  text = ''
  count = 0
  /** Four positions per field: name start, name end, value start, value end. A line ends at value end or later. */
  readonly #spans: number[] = []
  /** Start of the line after each field. */
  readonly #nextLines: number[] = []

  /** Indexes of the fields that end here whatever `connection` says. */
  readonly #hopByHop = new FieldSet()
  /** Whether `connection` names fields of its own. */
  #namesFields = false
  /** Indexes of the fields that only we and proxies that we trust may send. */
  readonly #internal = new FieldSet()
  readonly #hidden = new FieldSet()
  /** How many fields are let in. */
  countMax = HEADER_FIELDS_MAX

  contentLength = -1
  chunked = false
  /** Indexes of the fields, -1: not there. */
  host = -1
  date = -1
  connection = -1
  expect = -1
  upgrade = -1
  forwardedFor = -1
  forwardedProto = -1
  requestId = -1
  connectionClose = false
  connectionKeepAlive = false

  /** Reads the lines from `from` up to the empty line at `end`. Returns what is wrong, or an empty string. */
  scan(text: string, from: number, end: number): string {
    this.#reset(text)
    let position = from
    while (position < end) {
      if (this.count >= this.countMax) return 'too many header fields'
      const nameEnd = this.#scanName(position)
      if (nameEnd <= position) return 'malformed header name'
      const lineEnd = this.#scanValue(nameEnd + 1)
      if (lineEnd === -1) return 'malformed header value'
      const problem = this.#note(this.count++)
      if (problem !== '') return problem
      position = lineEnd + 2
    }
    if (this.chunked && this.contentLength !== -1) return 'both content-length and transfer-encoding'
    return ''
  }

  /** Whether one field or more may not be passed on. */
  get hasHopByHop(): boolean {
    return !this.#hopByHop.isEmpty
  }

  /** Whether there are fields that not everybody may send. */
  get hasInternal(): boolean {
    return !this.#internal.isEmpty
  }

  /** From now on they are as good as not sent; those about the way here stay where proxies on it are trusted. */
  hideInternal(trustsForwarded: boolean): void {
    for (let index = 0; index < this.count; index++) {
      if (!this.#internal.has(index) || (trustsForwarded && isForwardedHeader(this.name(index)))) continue
      this.#hide(index)
    }
    if (trustsForwarded) return
    this.forwardedFor = -1
    this.forwardedProto = -1
  }

  /** The same for the internal ones of this (lower-case) name. */
  hideNamed(name: string): void {
    for (let index = 0; index < this.count; index++) {
      if (this.#internal.has(index) && this.isNamed(index, name)) this.#hide(index)
    }
  }

  #hide(index: number): void {
    this.#hidden.add(index)
    this.#hopByHop.add(index)
  }

  /** The values of all fields of this (lower-case) name, joined by `,`. */
  get(name: string): string | undefined {
    let found: string | undefined
    for (let index = 0; index < this.count; index++) {
      if (!this.isNamed(index, name)) continue
      const value = this.value(index)
      found = found === undefined ? value : `${found},${value}`
    }
    return found
  }

  value(index: number): string {
    return this.text.slice(this.#spans[4 * index + 2], this.#spans[4 * index + 3])
  }

  /** `name` in lower case. */
  isNamed(index: number, name: string): boolean {
    if (this.#hidden.has(index)) return false
    return this.#reads(4 * index, name)
  }

  /** Whether the text between two positions is this, but for capitals. `at`: where in the spans the positions are. */
  #reads(at: number, lowered: string): boolean {
    const start = this.#spans[at] ?? 0
    if ((this.#spans[at + 1] ?? 0) - start !== lowered.length) return false
    for (let offset = 0; offset < lowered.length; offset++) {
      if (loweredCode(this.text.charCodeAt(start + offset)) !== lowered.charCodeAt(offset)) return false
    }
    return true
  }

  name(index: number): string {
    return this.text.slice(this.#spans[4 * index], this.#spans[4 * index + 1]).toLowerCase()
  }

  lineStart(index: number): number {
    return this.#spans[4 * index] ?? 0
  }

  lineEnd(index: number): number {
    return this.#nextLines[index] ?? 0
  }

  /** All field lines that may be passed on, each with its line end, without those that `dropped` names. */
  forwarded(dropped: (index: number) => boolean): string {
    let kept = ''
    let runStart = -1
    for (let index = 0; index < this.count; index++) {
      const drop = this.#isHopByHop(index) || dropped(index)
      if (drop && runStart !== -1) {
        kept += this.text.slice(runStart, this.lineStart(index))
        runStart = -1
      } else if (!drop && runStart === -1) {
        runStart = this.lineStart(index)
      }
    }
    return runStart === -1 ? kept : kept + this.text.slice(runStart, this.lineEnd(this.count - 1))
  }

  #isHopByHop(index: number): boolean {
    if (this.#hopByHop.has(index)) return true
    if (!this.#namesFields) return false
    const name = this.name(index)
    return !NEVER_REMOVED.has(name) && listHas(this.get('connection') ?? '', name)
  }

  #reset(text: string): void {
    this.text = text
    this.count = 0
    this.contentLength = -1
    this.chunked = false
    this.host = -1
    this.date = -1
    this.connection = -1
    this.expect = -1
    this.upgrade = -1
    this.forwardedFor = -1
    this.forwardedProto = -1
    this.requestId = -1
    this.#hopByHop.clear()
    this.#internal.clear()
    this.#hidden.clear()
    this.#namesFields = false
    this.connectionClose = false
    this.connectionKeepAlive = false
  }

  /** The position of the colon; a position not after `start` where there is no name. */
  #scanName(start: number): number {
    const text = this.text
    let position = start
    while (IS_TOKEN[text.charCodeAt(position)] === 1) position++
    if (text.charCodeAt(position) !== COLON) return -1
    this.#spans[4 * this.count] = start
    this.#spans[4 * this.count + 1] = position
    return position
  }

  /** The position of the line's CR, or -1. */
  #scanValue(from: number): number {
    const text = this.text
    let start = from
    while (isBlank(text.charCodeAt(start))) start++
    let position = start
    while (IS_VALUE[text.charCodeAt(position)] === 1) position++
    if (text.charCodeAt(position) !== CR || text.charCodeAt(position + 1) !== LF) return -1
    let end = position
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--
    this.#spans[4 * this.count + 2] = start
    this.#spans[4 * this.count + 3] = end
    this.#nextLines[this.count] = position + 2
    return position
  }

  /** Takes notice of the fields that decide how the message is read. By length first: most fields are none of them. */
  #note(index: number): string {
    // By the first letter first: of the usual fields, none begins as these do.
    const letter = loweredCode(this.text.charCodeAt(this.#spans[4 * index] ?? 0))
    if ((letter === LETTER_X || letter === LETTER_L || letter === LETTER_F) && isInternalHeader(this.name(index))) {
      this.#internal.add(index)
    }
    const length = (this.#spans[4 * index + 1] ?? 0) - (this.#spans[4 * index] ?? 0)
    switch (length) {
      case 2:
        if (this.isNamed(index, 'te')) this.#hopByHop.add(index)
        return ''
      case 4:
        if (this.isNamed(index, 'host')) return this.#noteHost(index)
        if (this.isNamed(index, 'date')) this.date = index
        return ''
      case 6:
        if (this.isNamed(index, 'expect')) this.expect = index
        return ''
      case 7:
        if (!this.isNamed(index, 'upgrade')) return ''
        this.upgrade = index
        this.#hopByHop.add(index)
        return ''
      case 10:
        if (this.isNamed(index, 'connection')) this.#noteConnection(index)
        else if (this.isNamed(index, 'keep-alive')) this.#hopByHop.add(index)
        return ''
      case 12:
        return this.isNamed(index, 'x-request-id') ? this.#noteRequestId(index) : ''
      case 14:
        return this.isNamed(index, 'content-length') ? this.#noteContentLength(index) : ''
      case 15:
        if (this.isNamed(index, 'x-forwarded-for')) this.forwardedFor = index
        return ''
      case 17:
        if (this.isNamed(index, 'x-forwarded-proto')) this.forwardedProto = index
        return this.isNamed(index, 'transfer-encoding') ? this.#noteTransferEncoding(index) : ''
      case 16:
      case 18:
      case 19:
        if (LONG_HOP_BY_HOP.has(this.name(index))) this.#hopByHop.add(index)
        return ''
      default:
        return ''
    }
  }

  #noteHost(index: number): string {
    if (this.host !== -1) return 'more than one host'
    this.host = index
    return ''
  }

  /** An empty one is none, and of several the first one counts. */
  #noteRequestId(index: number): string {
    if (this.requestId !== -1 || this.value(index) === '') this.#hopByHop.add(index)
    else this.requestId = index
    return ''
  }

  #noteConnection(index: number): void {
    this.connection = index
    this.#hopByHop.add(index)
    // What most say.
    if (this.#reads(4 * index + 2, 'keep-alive')) {
      this.connectionKeepAlive = true
      return
    }
    for (const name of elementsOf(this.value(index))) {
      if (name === 'close') this.connectionClose = true
      else if (name === 'keep-alive') this.connectionKeepAlive = true
      else if (name !== 'upgrade') this.#namesFields = true
    }
  }

  /** One field, digits only. Equal duplicates are refused too: somebody before us may have added one. */
  #noteContentLength(index: number): string {
    if (this.contentLength !== -1) return 'more than one content-length'
    const from = this.#spans[4 * index + 2] ?? 0
    const to = this.#spans[4 * index + 3] ?? 0
    if (to === from || to - from > CONTENT_LENGTH_DIGITS_MAX) return 'malformed content-length'
    let length = 0
    for (let position = from; position < to; position++) {
      const digit = this.text.charCodeAt(position) - ZERO
      if (digit < 0 || digit > 9) return 'malformed content-length'
      length = 10 * length + digit
    }
    this.contentLength = length
    return ''
  }

  /**
   * `chunked` alone: other codings cannot be told apart from an attempt to be read in two ways. A tab behind it is no part of
   * the value, but some parsers (Node's) take it for one and see no chunks.
   */
  #noteTransferEncoding(index: number): string {
    if (this.chunked) return 'more than one transfer-encoding'
    if (this.value(index).toLowerCase() !== 'chunked') return 'unknown transfer-encoding'
    const behind = this.text.slice(this.#spans[4 * index + 3], this.#nextLines[index])
    if (behind.includes('\t')) return 'unknown transfer-encoding'
    this.chunked = true
    return ''
  }
}

/** Whether a comma-separated list has the (lower-case) element. */
export function listHas(list: string, element: string): boolean {
  return elementsOf(list).includes(element)
}

function elementsOf(list: string): string[] {
  return list.toLowerCase().split(',').map(withoutBlanks)
}

/** Not `trim()`, which would take a byte 0xA0 for white space, and nobody else does. */
function withoutBlanks(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

function table(has: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (has(code) ? 1 : 0))
}

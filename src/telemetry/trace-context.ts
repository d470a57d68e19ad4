/**
 * What requests say about the trace that they belong to: W3C Trace Context (level 2), and Zipkin's B3 in many headers or one.
 * Read strictly: what is malformed counts as not sent, so a new trace begins.
 */
import type { Random } from '../base/random.ts'

/** W3C `traceparent`; Zipkin's `x-b3-*`; Zipkin's single `b3`. */
export type TraceHeaders = 'w3c' | 'b3' | 'b3-single'

/** What the caller said. */
export interface CallerTrace {
  /** 16 or 32 hex digits; empty: only a decision came, without a trace. */
  readonly traceId: string
  /** The caller's span. */
  readonly spanId: string
  /** Undefined: the caller leaves it to us. */
  readonly isSampled: boolean | undefined
  /** Zipkin's wish that every tracer keeps the trace. */
  readonly isDebug: boolean
  /** W3C, level 2: the trace's id is random, which whoever goes on with the trace must say again. */
  readonly isRandom?: boolean
  /** W3C `tracestate`, or empty. */
  readonly state: string
  /** In which headers it came; never empty. */
  readonly kinds: readonly TraceHeaders[]
}

/** What the next one is told. */
export interface SpanContext {
  readonly traceId: string
  readonly spanId: string
  /** Empty: the trace begins here. */
  readonly parentId: string
  readonly isSampled: boolean
  readonly isDebug: boolean
  readonly isRandom?: boolean
}

/** In lower case. Where a context is written, those that came go, but for a `tracestate` that belongs to it. */
export const TRACE_FIELDS: ReadonlySet<string> = new Set([
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
])

const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/
const TRACE_PARENT_LENGTH = 55
const TRACE_STATE = /^[a-z0-9][-a-z0-9_*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/
const TRACE_STATE_MEMBERS_MAX = 32
const B3_SINGLE = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-([0-9a-f]{16}))?)?$/
const TRACE_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/
const SPAN_ID = /^[0-9a-f]{16}$/
const SAMPLED = 0x01
const RANDOM = 0x02
const ZERO_SPAN = '0'.repeat(16)
const ZERO_TRACE = '0'.repeat(32)
const HEX_DIGITS = '0123456789abcdef'
/** Enough for some dozens of ids. */
const DIGITS_MADE_AT_ONCE = 3_072
const DIGITS_PER_NUMBER = 8

type Part = Omit<CallerTrace, 'kinds' | 'state'>

/**
 * `get` gives the value of a lower-case field name, several joined by commas. Where headers of several kinds came, W3C's
 * trace is the one that goes on, then that of the single `b3`. Null: nothing came, or nothing that is good.
 */
export function readTrace(get: (name: string) => string | undefined): CallerTrace | null {
  const w3c = readTraceParent(get('traceparent'))
  const single = readSingle(get('b3'))
  const multi = readMulti(get)
  const found = w3c ?? single ?? multi
  if (found === null) return null
  const kinds: TraceHeaders[] = []
  if (w3c !== null) kinds.push('w3c')
  if (multi !== null) kinds.push('b3')
  if (single !== null) kinds.push('b3-single')
  return { ...found, state: w3c === null ? '' : traceState(get('tracestate')), kinds }
}

/** Header fields for the next one, each with its line end; names in lower case. */
export function traceFields(context: SpanContext, kinds: readonly TraceHeaders[]): string {
  let fields = ''
  for (const kind of kinds) {
    if (kind === 'b3') fields += multiFields(context)
    else fields += kind === 'w3c' ? `traceparent: ${traceParent(context)}\r\n` : `b3: ${singleValue(context)}\r\n`
  }
  return fields
}

/** Makes ids of traces and spans, the digits of many of them at once. */
export class TraceIds {
  readonly #random: Random
  readonly #scratch = Buffer.allocUnsafeSlow(DIGITS_MADE_AT_ONCE)
  #digits = ''
  #used = 0

  constructor(random: Random) {
    this.#random = random
  }

  newTraceId(): string {
    return this.#take(ZERO_TRACE.length)
  }

  newSpanId(): string {
    return this.#take(ZERO_SPAN.length)
  }

  /** Never all zeros: that would be none. */
  #take(length: number): string {
    if (this.#used + length > this.#digits.length) {
      this.#digits = randomDigits(this.#random, this.#scratch)
      this.#used = 0
    }
    const id = this.#digits.slice(this.#used, (this.#used += length))
    return id.startsWith('0') && isZero(id) ? this.#take(length) : id
  }
}

/** Versions above 00 may have more behind; ff is none. */
function readTraceParent(text: string | undefined): Part | null {
  const match = text === undefined ? null : TRACE_PARENT.exec(text)
  if (match === null) return null
  const [, version, traceId = '', spanId = '', flags = ''] = match
  if (version === 'ff' || (version === '00' && text?.length !== TRACE_PARENT_LENGTH)) return null
  if (isZero(traceId) || isZero(spanId)) return null
  const bits = Number.parseInt(flags, 16)
  const decided = { isSampled: (bits & SAMPLED) !== 0, isDebug: false }
  return { traceId, spanId, ...decided, ...((bits & RANDOM) === 0 ? {} : { isRandom: true }) }
}

function traceState(text = ''): string {
  const members = text.split(',').map((member) => member.trim())
  const named = members.filter((member) => member !== '')
  const isGood = named.length <= TRACE_STATE_MEMBERS_MAX && named.every((member) => TRACE_STATE.test(member))
  return isGood ? named.join(',') : ''
}

function readSingle(text: string | undefined): Part | null {
  if (text === undefined) return null
  if (text === '0' || text === '1' || text === 'd') return { traceId: '', spanId: '', ...decision(text) }
  const match = B3_SINGLE.exec(text)
  if (match === null) return null
  const [, traceId = '', spanId = '', sampled] = match
  return isZero(traceId) || isZero(spanId) ? null : { traceId, spanId, ...decision(sampled) }
}

function readMulti(get: (name: string) => string | undefined): Part | null {
  const traceId = get('x-b3-traceid')
  const spanId = get('x-b3-spanid')
  const decided = get('x-b3-flags') === '1' ? decision('d') : decision(get('x-b3-sampled'))
  if (traceId === undefined && spanId === undefined) {
    return decided.isSampled === undefined ? null : { traceId: '', spanId: '', ...decided }
  }
  if (traceId === undefined || !TRACE_ID.test(traceId) || isZero(traceId)) return null
  if (spanId === undefined || !SPAN_ID.test(spanId) || isZero(spanId)) return null
  return { traceId, spanId, ...decided }
}

/** Old senders write words. */
function decision(text: string | undefined): Pick<Part, 'isSampled' | 'isDebug'> {
  if (text === 'd') return { isSampled: true, isDebug: true }
  if (text === '1' || text === 'true') return { isSampled: true, isDebug: false }
  return { isSampled: text === '0' || text === 'false' ? false : undefined, isDebug: false }
}

function traceParent({ traceId, spanId, isSampled, isRandom = false }: SpanContext): string {
  const flags = isRandom ? (isSampled ? '03' : '02') : isSampled ? '01' : '00'
  return `00-${traceId.padStart(32, '0')}-${spanId}-${flags}`
}

function singleValue({ traceId, spanId, parentId, isSampled, isDebug }: SpanContext): string {
  const sampled = isDebug ? 'd' : isSampled ? '1' : '0'
  return `${traceId}-${spanId}-${sampled}${parentId === '' ? '' : `-${parentId}`}`
}

function multiFields({ traceId, spanId, parentId, isSampled, isDebug }: SpanContext): string {
  const parent = parentId === '' ? '' : `x-b3-parentspanid: ${parentId}\r\n`
  // The wish to debug implies that it is sampled, and stands for it.
  const decided = isDebug ? 'x-b3-flags: 1' : isSampled ? 'x-b3-sampled: 1' : 'x-b3-sampled: 0'
  return `x-b3-traceid: ${traceId}\r\nx-b3-spanid: ${spanId}\r\n${parent}${decided}\r\n`
}

function isZero(id: string): boolean {
  return id === ZERO_SPAN || id === ZERO_TRACE
}

function randomDigits(random: Random, digits: Buffer): string {
  for (let from = 0; from < digits.length; from += DIGITS_PER_NUMBER) {
    let value = Math.floor(random() * 0x1_0000_0000)
    for (let index = DIGITS_PER_NUMBER - 1; index >= 0; index--) {
      digits[from + index] = HEX_DIGITS.charCodeAt(value & 0xf)
      value >>>= 4
    }
  }
  return digits.toString('latin1')
}

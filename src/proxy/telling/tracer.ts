/** Which trace a request belongs to, whether its span is kept, and what the endpoint is told of it. */
import type { Random } from '../../base/random.ts'
import type { Tracing } from '../../routing/listener-model.ts'
import type { Split } from '../../routing/split.ts'
import { TRACE_FIELDS, newSpanId, newTraceId, readTrace, traceFields } from '../../telemetry/trace-context.ts'
import type { CallerTrace, SpanContext } from '../../telemetry/trace-context.ts'
import type { HeadFields } from '../http1/head-fields.ts'

export interface TracerOptions {
  readonly tracing: Tracing
  /** The first of two: for the share that is sampled. */
  readonly samples: Split
  readonly random: Random
}

/** Fields for the endpoint, and the names, in lower case, of those that came and must not get there. */
export interface TraceEdit {
  /** Whole fields, each with its line end. */
  readonly added: string
  readonly dropped: ReadonlySet<string> | null
}

export interface RequestTrace {
  readonly traceId: string
  /** Null: the headers go through as they came, and nothing is kept. */
  readonly span: SpanContext | null
  readonly state: string
  readonly edit: TraceEdit | null
}

const NOT_OURS: RequestTrace = { traceId: '', span: null, state: '', edit: null }
/** They continue what `traceparent` says, so they go with it. */
const DROPPED_WITH_STATE: ReadonlySet<string> = new Set([...TRACE_FIELDS].filter((name) => name !== 'tracestate'))

const LETTER_B = 0x62
const LETTER_T = 0x74
const LETTER_X = 0x78

export class Tracer {
  readonly #options: TracerOptions

  constructor(options: TracerOptions) {
    this.#options = options
  }

  /** The caller's decision stands; of the others an exact share is sampled. Counts it: ask once. */
  begin(fields: HeadFields): RequestTrace {
    const { tracing, samples, random } = this.#options
    const hasFields = hasTraceFields(fields)
    const caller = hasFields ? readTrace((name) => fields.get(name)) : null
    if (caller?.isSampled === false) return { ...NOT_OURS, traceId: caller.traceId }
    const span: SpanContext = {
      traceId: caller === null || caller.traceId === '' ? newTraceId(random) : caller.traceId,
      spanId: newSpanId(random),
      parentId: caller === null ? '' : caller.spanId,
      isSampled: caller?.isSampled ?? samples.next() === 0,
      isDebug: caller?.isDebug === true,
      kinds: caller === null ? tracing.propagation : caller.kinds,
    }
    const state = caller === null ? '' : caller.state
    const edit = { added: written(span), dropped: hasFields ? dropped(caller) : null }
    return { traceId: span.traceId, span, state, edit }
  }
}

function dropped(caller: CallerTrace | null): ReadonlySet<string> {
  return caller === null || caller.state === '' ? TRACE_FIELDS : DROPPED_WITH_STATE
}

function written(span: SpanContext): string {
  let text = ''
  for (const { name, value } of traceFields(span)) text += `${name}: ${value}\r\n`
  return text
}

/** By the first letter first: most fields begin otherwise. */
function hasTraceFields(fields: HeadFields): boolean {
  for (let index = 0; index < fields.count; index++) {
    const letter = fields.text.charCodeAt(fields.lineStart(index)) | 0x20
    const isCandidate = letter === LETTER_B || letter === LETTER_T || letter === LETTER_X
    if (isCandidate && TRACE_FIELDS.has(fields.name(index))) return true
  }
  return false
}

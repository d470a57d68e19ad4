/** Which trace a request belongs to, whether its span is kept, and what the endpoint is told of it. */
import type { Random } from '../../base/random.ts'
import type { Tracing } from '../../routing/listener-model.ts'
import type { Split } from '../../routing/split.ts'
import { TRACE_FIELDS, TraceIds, readTrace, traceFields } from '../../telemetry/trace-context.ts'
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

/** The trace that a request belongs to, and its span, which is kept where it is sampled. */
export interface RequestTrace extends SpanContext, TraceEdit {
  readonly state: string
}

const NOT_OURS = { spanId: '', parentId: '', isSampled: false, isDebug: false, state: '', added: '', dropped: null }
/** They continue what `traceparent` says, so they go with it. */
const DROPPED_WITH_STATE: ReadonlySet<string> = new Set([...TRACE_FIELDS].filter((name) => name !== 'tracestate'))

const LETTER_B = 0x62
const LETTER_T = 0x74
const LETTER_X = 0x78

export class Tracer {
  readonly #options: TracerOptions
  readonly #ids: TraceIds

  constructor(options: TracerOptions) {
    this.#options = options
    this.#ids = new TraceIds(options.random)
  }

  /** The caller's decision stands; of the others an exact share is sampled. Counts it: ask once. */
  begin(fields: HeadFields): RequestTrace {
    const { tracing, samples } = this.#options
    const hasFields = hasTraceFields(fields)
    const caller = hasFields ? readTrace((name) => fields.get(name)) : null
    if (caller !== null) return this.#continued(caller)
    const traceId = this.#ids.newTraceId()
    const spanId = this.#ids.newSpanId()
    const isSampled = samples.next() === 0
    const dropped = hasFields ? TRACE_FIELDS : null
    // One object: there is one for each request.
    const trace = { traceId, spanId, parentId: '', isSampled, isDebug: false, state: '', added: '', dropped }
    trace.added = traceFields(trace, tracing.propagation)
    return trace
  }

  #continued(caller: CallerTrace): RequestTrace {
    const { isDebug, isRandom = false, state } = caller
    // The headers go through as they came, and nothing is kept.
    if (caller.isSampled === false) return { ...NOT_OURS, traceId: caller.traceId }
    const context: SpanContext = {
      traceId: caller.traceId === '' ? this.#ids.newTraceId() : caller.traceId,
      spanId: this.#ids.newSpanId(),
      parentId: caller.spanId,
      isSampled: caller.isSampled ?? this.#options.samples.next() === 0,
      isDebug,
      isRandom,
    }
    const dropped = state === '' ? TRACE_FIELDS : DROPPED_WITH_STATE
    return { ...context, state, added: traceFields(context, caller.kinds), dropped }
  }
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

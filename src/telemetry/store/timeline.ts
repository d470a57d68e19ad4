/** What one workload served, by time: seconds for a while, then minutes, then nothing. */
import { DURATION_BUCKETS_MS } from '../report.ts'

/** Longer than any window that a gate looks at in practice. */
const FINE_SPAN_MS = 10 * 60_000
const COARSE_SPAN_MS = 6 * 3_600_000
const FINE_MS = 1_000
const COARSE_MS = 60_000

export interface Increment {
  readonly status: number
  readonly isFailure: boolean
  readonly requests: number
  readonly durationBuckets: readonly number[]
}

/** Tries that were given up and sent again. */
export interface RetriedIncrement {
  readonly tries: number
  readonly isFailure: boolean
}

/** When the counted requests ended: after `fromMs`, not after `toMs`. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

interface Slot {
  fromMs: number
  toMs: number
  requests: number
  failures: number
  retried: number
  retriedFailures: number
  readonly byStatus: Map<number, number>
  readonly durationBuckets: number[]
}

export class Timeline {
  readonly #fine: Slot[] = []
  readonly #coarse: Slot[] = []

  get lastMs(): number {
    return this.#fine.at(-1)?.toMs ?? this.#coarse.at(-1)?.toMs ?? 0
  }

  add(span: Span, increment: Increment): void {
    merge(slotFor(this.#fine, span, FINE_MS), increment)
  }

  addRetried(span: Span, { tries, isFailure }: RetriedIncrement): void {
    const slot = slotFor(this.#fine, span, FINE_MS)
    slot.retried += tries
    if (isFailure) slot.retriedFailures += tries
  }

  /** Moves what is old to the coarse slots, and forgets what is very old. */
  age(nowMs: number): void {
    for (let first = this.#fine[0]; first !== undefined && first.toMs < nowMs - FINE_SPAN_MS; first = this.#fine[0]) {
      this.#fine.shift()
      mergeSlot(slotFor(this.#coarse, first, COARSE_MS), first)
    }
    while ((this.#coarse[0]?.toMs ?? Infinity) < nowMs - COARSE_SPAN_MS) this.#coarse.shift()
  }

  /** Only slots that lie wholly inside: requests from before `fromMs` are never counted. */
  sum(fromMs: number, toMs: number): Omit<Slot, keyof Span> {
    const total = emptySlot({ fromMs, toMs })
    for (const slots of [this.#coarse, this.#fine]) {
      for (let index = slots.length - 1; index >= 0; index--) {
        const slot = slots[index]
        if (slot === undefined || slot.fromMs < fromMs) break
        if (slot.toMs <= toMs) mergeSlot(total, slot)
      }
    }
    return total
  }
}

/** The slot of the span's end, new or there. Ends come in order. */
function slotFor(slots: Slot[], span: Span, sizeMs: number): Slot {
  const last = slots.at(-1)
  if (last !== undefined && Math.floor(last.toMs / sizeMs) >= Math.floor(span.toMs / sizeMs)) {
    last.fromMs = Math.min(last.fromMs, span.fromMs)
    last.toMs = Math.max(last.toMs, span.toMs)
    return last
  }
  const slot = emptySlot(span)
  slots.push(slot)
  return slot
}

function emptySlot({ fromMs, toMs }: Span): Slot {
  return {
    fromMs,
    toMs,
    requests: 0,
    failures: 0,
    retried: 0,
    retriedFailures: 0,
    byStatus: new Map(),
    durationBuckets: Array.from({ length: DURATION_BUCKETS_MS.length + 1 }, () => 0),
  }
}

function merge(slot: Slot, { status, isFailure, requests, durationBuckets }: Increment): void {
  slot.requests += requests
  if (isFailure) slot.failures += requests
  slot.byStatus.set(status, (slot.byStatus.get(status) ?? 0) + requests)
  addBuckets(slot.durationBuckets, durationBuckets)
}

function mergeSlot(into: Slot, from: Slot): void {
  into.requests += from.requests
  into.failures += from.failures
  into.retried += from.retried
  into.retriedFailures += from.retriedFailures
  for (const [status, count] of from.byStatus) into.byStatus.set(status, (into.byStatus.get(status) ?? 0) + count)
  addBuckets(into.durationBuckets, from.durationBuckets)
}

function addBuckets(into: number[], from: readonly number[]): void {
  for (const [index, count] of from.entries()) into[index] = (into[index] ?? 0) + count
}

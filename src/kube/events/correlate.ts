/**
 * Which occurrences become an event of their own, which only raise a count, and which are too many: the rules of
 * client-go's event recorder.
 */
import type { Clock } from '../../base/clock.ts'
import type { KubeObject } from '../object.ts'

/** More than so many events that differ only in their message, within the window, are combined into one. */
const SIMILAR_EVENTS_MAX = 10
const SIMILAR_WINDOW_MS = 600_000
/** Per object: a burst, then one more every five minutes. */
const BUDGET_BURST = 25
const BUDGET_REFILL_MS = 300_000
/** How many objects and events are remembered. */
const REMEMBERED_MAX = 4096

export interface Occurrence {
  readonly object: KubeObject
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export interface Correlated extends Occurrence {
  /** The name of the Event object. */
  readonly name: string
  /** 1: create it; more: it exists, raise its count. */
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

interface Group {
  readonly messages: ReadonlySet<string>
  readonly lastMs: number
}

interface Budget {
  readonly tokens: number
  readonly atMs: number
}

export class EventCorrelator {
  readonly #clock: Clock
  readonly #groups = new Map<string, Group>()
  readonly #events = new Map<string, Correlated>()
  readonly #budgets = new Map<string, Budget>()
  #serial = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined: the object has used up its budget; drop the occurrence. */
  correlate(occurrence: Occurrence): Correlated | undefined {
    if (!this.#spend(occurrence)) return undefined
    const nowMs = this.#clock.now()
    const combined = this.#combine(occurrence, nowMs)
    const key = combined.key
    const known = this.#events.get(key)
    const event: Correlated = {
      ...occurrence,
      message: combined.message,
      name: known?.name ?? this.#nameFor(occurrence, nowMs),
      count: (known?.count ?? 0) + 1,
      firstMs: known?.firstMs ?? nowMs,
      lastMs: nowMs,
    }
    remember(this.#events, key, event)
    return event
  }

  #combine(occurrence: Occurrence, nowMs: number): { readonly key: string; readonly message: string } {
    const groupKey = [subjectOf(occurrence), occurrence.type, occurrence.reason].join('\n')
    const group = this.#groups.get(groupKey)
    const isFresh = group !== undefined && nowMs - group.lastMs <= SIMILAR_WINDOW_MS
    const messages = new Set(isFresh ? group.messages : []).add(occurrence.message)
    const isTooMany = messages.size > SIMILAR_EVENTS_MAX
    if (isTooMany) messages.delete(occurrence.message)
    remember(this.#groups, groupKey, { messages, lastMs: nowMs })
    return isTooMany
      ? { key: groupKey, message: `(combined from similar events): ${occurrence.message}` }
      : { key: `${groupKey}\n${occurrence.message}`, message: occurrence.message }
  }

  #spend(occurrence: Occurrence): boolean {
    const subject = subjectOf(occurrence)
    const nowMs = this.#clock.now()
    const budget = this.#budgets.get(subject) ?? { tokens: BUDGET_BURST, atMs: nowMs }
    const tokens = Math.min(BUDGET_BURST, budget.tokens + (nowMs - budget.atMs) / BUDGET_REFILL_MS)
    remember(this.#budgets, subject, { tokens: tokens < 1 ? tokens : tokens - 1, atMs: nowMs })
    return tokens >= 1
  }

  /** `<object>.<hex>`; the time keeps names of different runs apart. */
  #nameFor({ object }: Occurrence, nowMs: number): string {
    this.#serial += 1
    return `${object.metadata.name ?? 'unnamed'}.${(nowMs * 4096 + (this.#serial % 4096)).toString(16)}`
  }
}

function subjectOf({ object }: Occurrence): string {
  const { namespace = '', name = '', uid = '' } = object.metadata
  return [object.kind, namespace, name, uid].join('/')
}

/** Puts the newest last and forgets the oldest. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= REMEMBERED_MAX) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

/** Counts the answers of the live traffic: by act, since the present routes are live, and per second. */
import type { Counts } from './checks.ts'

export type RequestKind = 'plain' | 'canary'

/** One finished request. */
export interface Sample {
  readonly act: number
  readonly kind: RequestKind
  readonly sentAtMs: number
  /** `v1`; empty when no version answered. */
  readonly version: string
  /** 0 when there was no answer. */
  readonly status: number
  /** Why there was none. */
  readonly error: string
}

export interface ActTally {
  readonly requests: number
  readonly failures: number
  readonly byVersion: Counts
  readonly failuresByVersion: Counts
  /** A few failures in words. */
  readonly examples: readonly string[]
}

const EXAMPLES_MAX = 3
const RATE_WINDOW_MS = 2_000
/** The samples of the rate window at a rate that no demo reaches. */
const RECENT_SAMPLES_MAX = 10_000

/** The samples of one step; at the end, when the demo only keeps serving, the oldest go. */
const WINDOW_SAMPLES_MAX = 20_000

const EMPTY: ActTally = { requests: 0, failures: 0, byVersion: {}, failuresByVersion: {}, examples: [] }

export class Tally {
  readonly #acts = new Map<number, ActTally>()
  #recent: number[] = []
  #markMs = Number.POSITIVE_INFINITY
  #window: Sample[] = []
  #counts: Readonly<Record<RequestKind, Counts>> = { plain: {}, canary: {} }

  add(sample: Sample): void {
    this.#acts.set(sample.act, addTo(this.act(sample.act), sample))
    if (sample.sentAtMs >= this.#markMs) this.#addToWindow(sample)
    this.#recent.push(sample.sentAtMs)
    if (this.#recent.length > RECENT_SAMPLES_MAX) this.#recent = this.#recent.slice(RECENT_SAMPLES_MAX / 2)
  }

  /** From now on the window counts requests sent at this time or later: the routes are live. */
  mark(nowMs: number): void {
    this.#markMs = nowMs
    this.#window = []
    this.#counts = { plain: {}, canary: {} }
  }

  /** Requests per version since the mark. */
  window(kind: RequestKind): Counts {
    return this.#counts[kind]
  }

  /** The same, of requests sent no later than this. */
  windowUntil(kind: RequestKind, untilMs: number): Counts {
    const within = this.#window.filter((sample) => sample.kind === kind && sample.sentAtMs <= untilMs)
    return within.reduce<Counts>((counts, { version }) => plusOne(counts, version), {})
  }

  act(number: number): ActTally {
    return this.#acts.get(number) ?? EMPTY
  }

  get requests(): number {
    return this.#sum(({ requests }) => requests)
  }

  get failures(): number {
    return this.#sum(({ failures }) => failures)
  }

  perSecond(nowMs: number): number {
    this.#recent = this.#recent.filter((sentAtMs) => sentAtMs > nowMs - RATE_WINDOW_MS)
    return this.#recent.length / (RATE_WINDOW_MS / 1_000)
  }

  #addToWindow(sample: Sample): void {
    this.#counts = { ...this.#counts, [sample.kind]: plusOne(this.#counts[sample.kind], sample.version) }
    this.#window.push(sample)
    if (this.#window.length > WINDOW_SAMPLES_MAX) this.#window = this.#window.slice(WINDOW_SAMPLES_MAX / 2)
  }

  #sum(countOf: (act: ActTally) => number): number {
    return [...this.#acts.values()].reduce((sum, act) => sum + countOf(act), 0)
  }
}

function isFailure({ status }: Sample): boolean {
  return status !== 200
}

function addTo(act: ActTally, sample: Sample): ActTally {
  const failed = isFailure(sample)
  return {
    requests: act.requests + 1,
    failures: act.failures + (failed ? 1 : 0),
    byVersion: plusOne(act.byVersion, sample.version),
    failuresByVersion: failed ? plusOne(act.failuresByVersion, sample.version) : act.failuresByVersion,
    examples: failed && act.examples.length < EXAMPLES_MAX ? [...act.examples, failureText(sample)] : act.examples,
  }
}

function failureText({ status, error, kind, version }: Sample): string {
  const from = version === '' ? '' : ` from ${version}`
  return `a ${kind} request got ${status === 0 ? 'no answer' : status}${from}${error === '' ? '' : ` (${error})`}`
}

function plusOne(counts: Counts, name: string): Counts {
  return { ...counts, [name]: (counts[name] ?? 0) + 1 }
}

/**
 * Counts requests inside a proxy. A combination of labels is looked up once per destination and snapshot; a request then
 * costs a few additions on plain fields.
 */
import { DURATION_BUCKETS_MS } from './report.ts'
import type { ProxyCounters, RetriedSeries, TrafficLabels, TrafficReport, TrafficSeries } from './report.ts'

/** Above it new combinations of labels are counted together under the workload `other`. */
const SERIES_MAX = 20_000

/** Labels known before the answer is. */
export type DestinationLabels = Omit<TrafficLabels, 'status' | 'flag'>

export interface Observation {
  readonly status: number
  readonly flag: string
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
}

interface Series {
  readonly labels: TrafficLabels
  requests: number
  requestBytes: number
  responseBytes: number
  durationSumMs: number
  readonly durationBuckets: number[]
}

interface Retried {
  readonly labels: TrafficLabels
  tries: number
}

/** What is counted, of all destinations. */
interface Counted {
  readonly series: Series[]
  readonly retried: Retried[]
}

/** All counts of one proxy, from its start on: they only grow. */
export class TrafficRecorder {
  readonly counters: ProxyCounters = { accessLogEntriesDropped: 0, spansSent: 0, spansDropped: 0 }
  readonly #proxy: string
  readonly #startedAtMs: number
  readonly #counted: Counted = { series: [], retried: [] }
  readonly #destinations = new Map<string, DestinationTraffic>()

  constructor(options: { readonly proxy: string; readonly startedAtMs: number }) {
    this.#proxy = options.proxy
    this.#startedAtMs = options.startedAtMs
  }

  /** The counts for one destination; the same labels always give the same object. */
  destination(labels: DestinationLabels): DestinationTraffic {
    const key = JSON.stringify([
      labels.listener,
      labels.service,
      labels.workloadNamespace,
      labels.workload,
      labels.version,
      labels.protocol ?? '',
    ])
    const known = this.#destinations.get(key)
    if (known !== undefined) return known
    if (this.#destinations.size >= SERIES_MAX && labels.workload !== 'other') {
      return this.destination({ listener: '', service: '', workloadNamespace: '', workload: 'other', version: '' })
    }
    const created = new DestinationTraffic(labels, this.#counted)
    this.#destinations.set(key, created)
    return created
  }

  report(): TrafficReport {
    const { series, retried } = this.#counted
    return {
      proxy: this.#proxy,
      startedAtMs: this.#startedAtMs,
      series: series.map(copy),
      counters: { ...this.counters },
      ...(retried.length === 0 ? {} : { retried: retried.map((each): RetriedSeries => ({ ...each })) }),
    }
  }
}

export class DestinationTraffic {
  readonly labels: DestinationLabels
  readonly #all: Counted
  /** Without a flag, by status: the hot path. */
  readonly #plain = new Map<number, Series>()
  readonly #flagged = new Map<string, Series>()
  readonly #retried = new Map<string, Retried>()

  constructor(labels: DestinationLabels, all: Counted) {
    this.labels = labels
    this.#all = all
  }

  count({ status, flag, durationMs, requestBytes, responseBytes }: Observation): void {
    const series = flag === '' ? this.#plainSeries(status) : this.#flaggedSeries(status, flag)
    series.requests++
    series.requestBytes += requestBytes
    series.responseBytes += responseBytes
    series.durationSumMs += durationMs
    const bucket = bucketOf(durationMs)
    series.durationBuckets[bucket] = (series.durationBuckets[bucket] ?? 0) + 1
  }

  /** A try has ended like this, and the request was sent again: the request itself is counted when it is over. */
  countRetried(status: number, flag: string): void {
    const key = `${flag} ${status}`
    const known = this.#retried.get(key)
    if (known !== undefined) {
      known.tries++
      return
    }
    const created: Retried = { labels: { ...this.labels, status, flag }, tries: 1 }
    this.#retried.set(key, created)
    this.#all.retried.push(created)
  }

  #plainSeries(status: number): Series {
    const known = this.#plain.get(status)
    if (known !== undefined) return known
    const created = this.#create(status, '')
    this.#plain.set(status, created)
    return created
  }

  #flaggedSeries(status: number, flag: string): Series {
    const key = `${flag} ${status}`
    const known = this.#flagged.get(key)
    if (known !== undefined) return known
    const created = this.#create(status, flag)
    this.#flagged.set(key, created)
    return created
  }

  #create(status: number, flag: string): Series {
    const series: Series = {
      labels: { ...this.labels, status, flag },
      requests: 0,
      requestBytes: 0,
      responseBytes: 0,
      durationSumMs: 0,
      durationBuckets: Array.from({ length: DURATION_BUCKETS_MS.length + 1 }, () => 0),
    }
    this.#all.series.push(series)
    return series
  }
}

/** Index into `durationBuckets`. Most requests fall into the first few, so a scan beats a binary search. */
export function bucketOf(durationMs: number): number {
  let bucket = 0
  while (bucket < DURATION_BUCKETS_MS.length && durationMs > (DURATION_BUCKETS_MS[bucket] ?? 0)) bucket++
  return bucket
}

function copy(series: Series): TrafficSeries {
  return { ...series, durationBuckets: [...series.durationBuckets] }
}

/**
 * What all proxies together served: totals for `/metrics`, and windows of time for the gates of releases.
 *
 * Reports are cumulative, so a lost one costs nothing. The store takes differences: against the process's last report; against
 * zero when it started (`startedAtMs` tells processes of one proxy apart) after the store did. The first report of a proxy that
 * is older than the store (control was restarted, the proxy was not) is a base line only: when those requests happened is
 * not known, so no window may count them. The totals take them: a counter that goes on is what Prometheus wants.
 */
import type { Clock } from '../base/clock.ts'

import { quantile } from './histogram.ts'
import type { Histogram } from './histogram.ts'
import { DURATION_BUCKETS_MS } from './report.ts'
import type {
  DestinationLabels,
  OpenTunnels,
  ProxyCounters,
  RetriedSeries,
  TrafficLabels,
  TrafficReport,
  TrafficSeries,
} from './report.ts'
import { Timeline } from './store/timeline.ts'
import type { Span } from './store/timeline.ts'

/** Workloads with a timeline; beyond, the one that was quiet longest is forgotten. */
const TIMELINES_MAX = 256
/** Label combinations in the totals; beyond, new ones are not kept. */
const TOTALS_MAX = 50_000
const COUNTERS = ['accessLogEntriesDropped', 'spansSent', 'spansDropped'] as const
/** Processes whose last report is remembered; more than ever report at a time. */
const PROCESSES_MAX = 256
/** A process that has not reported for so long is gone, and what it had open with it. */
const GONE_AFTER_MS = 5_000

/** The upstream's failures. A client that went away (DC) or sent nonsense (DPE) is not one. */
const FAILURE_FLAGS: ReadonlySet<string> = new Set(['NC', 'UH', 'UF', 'UC', 'UR', 'UT', 'UPE'])
/** Failures where there is no answer; an answer for which no retry was left is judged by its status. */
const LIMIT_FLAGS: ReadonlySet<string> = new Set(['UO'])

/** What Envoy takes for 5xx: unknown, deadline exceeded, unimplemented, internal, unavailable, data loss. */
const GRPC_FAILURES: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15])

export interface WorkloadSelector {
  readonly workloadNamespace: string
  readonly workload: string
}

export interface TrafficWindow {
  readonly requests: number
  /** Answered with 5xx (gRPC: with a status that stands for one, or none), or spoilt by the upstream (see the response flags). */
  readonly failures: number
  /** The same of all tries: those that were given up and sent again are here beside the requests' last ones. */
  readonly tries: { readonly requests: number; readonly failures: number; readonly retried: number }
  readonly byStatus: ReadonlyMap<number, number>
  readonly latency: Histogram
  /** Latency in ms at the share `p` (0 to 1); undefined without requests. */
  quantile(p: number): number | undefined
}

interface KnownProcess {
  atMs: number
  readonly series: Map<string, TrafficSeries>
  readonly retried: Map<string, number>
  tunnels: readonly OpenTunnels[]
  counters: Partial<Readonly<ProxyCounters>>
}

/** Takes the reports of all proxies, in whatever order they come, and forgets windows after six hours; totals stay. */
export class TelemetryStore {
  readonly #clock: Clock
  readonly #startedAtMs: number
  /** Of a proxy there are two for a while: one that drains and the one that has its place. */
  readonly #processes = new Map<string, KnownProcess>()
  readonly #timelines = new Map<string, Timeline>()
  readonly #totals = new Map<string, TrafficSeries>()
  readonly #counters: ProxyCounters = { accessLogEntriesDropped: 0, spansSent: 0, spansDropped: 0 }
  readonly #retriedTotals = new Map<string, RetriedSeries>()

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock
    this.#startedAtMs = clock.now()
  }

  ingest(report: TrafficReport): void {
    const nowMs = this.#clock.now()
    const reporter = `${report.proxy} ${report.startedAtMs}`
    const before = this.#processes.get(reporter)
    const isBaseline = before === undefined && report.startedAtMs < this.#startedAtMs
    const span = { fromMs: before?.atMs ?? report.startedAtMs, toMs: nowMs }
    const known: KnownProcess = before ?? {
      atMs: nowMs,
      series: new Map(),
      retried: new Map(),
      tunnels: [],
      counters: {},
    }
    for (const series of report.series) {
      const key = keyOf(series.labels)
      const delta = difference(series, known.series.get(key))
      known.series.set(key, series)
      if (isNothing(delta)) continue
      this.#addTotal(key, delta)
      if (!isBaseline && delta.requests > 0) this.#addToTimeline(span, delta)
    }
    this.#ingestRetried(report, known, isBaseline ? null : span)
    this.#ingestCounters(report, known)
    known.tunnels = report.tunnels ?? []
    known.atMs = nowMs
    this.#remember(reporter, known)
    for (const timeline of this.#timelines.values()) timeline.age(nowMs)
  }

  /**
   * The requests to a workload that ended after `fromMs` and not after `toMs`, as far as proxies have reported them (a few
   * times a second). A report that began before `fromMs` is left out whole, so the window never contains earlier requests.
   */
  window({ workloadNamespace, workload }: WorkloadSelector, fromMs: number, toMs: number): TrafficWindow {
    const timeline = this.#timelines.get(`${workloadNamespace}/${workload}`) ?? new Timeline()
    const { requests, failures, retried, retriedFailures, byStatus, durationBuckets } = timeline.sum(fromMs, toMs)
    const tries = { requests: requests + retried, failures: failures + retriedFailures, retried }
    const latency = { boundsMs: DURATION_BUCKETS_MS, counts: durationBuckets }
    return { requests, failures, tries, byStatus, latency, quantile: (p) => quantile(latency, p) }
  }

  /** Everything that proxies reported since they, or the store, started: it only grows. */
  totals(): readonly TrafficSeries[] {
    return [...this.#totals.values()]
  }

  /** Tries that were given up and sent again, as `totals`. */
  retried(): readonly RetriedSeries[] {
    return [...this.#retriedTotals.values()]
  }

  /** What is open now, by destination. */
  tunnels(): readonly OpenTunnels[] {
    const sums = new Map<string, OpenTunnels>()
    const sinceMs = this.#clock.now() - GONE_AFTER_MS
    const living = [...this.#processes.values()].filter(({ atMs }) => atMs > sinceMs)
    for (const each of living.flatMap(({ tunnels }) => tunnels)) {
      const key = destinationKeyOf(each.labels)
      const { active = 0, draining = 0 } = sums.get(key) ?? {}
      sums.set(key, { labels: each.labels, active: active + each.active, draining: draining + each.draining })
    }
    return [...sums.values()]
  }

  /** What proxies count beside their traffic, as `totals`. */
  counters(): Readonly<ProxyCounters> {
    return { ...this.#counters }
  }

  #ingestCounters({ counters }: TrafficReport, known: KnownProcess): void {
    if (counters === undefined) return
    for (const name of COUNTERS) this.#counters[name] += counters[name] - (known.counters[name] ?? 0)
    known.counters = counters
  }

  /** `span` null: when they happened is not known. */
  #ingestRetried({ retried = [] }: TrafficReport, known: KnownProcess, span: Span | null): void {
    for (const { labels, tries } of retried) {
      const key = keyOf(labels)
      const delta = { labels, tries: tries - (known.retried.get(key) ?? 0) }
      known.retried.set(key, tries)
      if (delta.tries === 0) continue
      this.#addRetriedTotal(key, delta)
      if (span === null || labels.workload === '' || labels.protocol === 'mirror') continue
      this.#timelineOf(labels).addRetried(span, { tries: delta.tries, isFailure: isFailure(labels) })
    }
  }

  #remember(reporter: string, known: KnownProcess): void {
    this.#processes.delete(reporter)
    this.#processes.set(reporter, known)
    const [oldest] = this.#processes.keys()
    if (this.#processes.size > PROCESSES_MAX && oldest !== undefined) this.#processes.delete(oldest)
  }

  #addTotal(key: string, delta: TrafficSeries): void {
    const total = this.#totals.get(key)
    if (total === undefined && this.#totals.size >= TOTALS_MAX) return
    this.#totals.set(key, total === undefined ? delta : sum(total, delta))
  }

  #addToTimeline(span: Span, { labels, requests, durationBuckets }: TrafficSeries): void {
    if (labels.workload === '' || labels.protocol === 'mirror') return
    const { status } = labels
    this.#timelineOf(labels).add(span, { status, isFailure: isFailure(labels), requests, durationBuckets })
  }

  #addRetriedTotal(key: string, { labels, tries }: RetriedSeries): void {
    const total = this.#retriedTotals.get(key)
    if (total === undefined && this.#retriedTotals.size >= TOTALS_MAX) return
    this.#retriedTotals.set(key, { labels, tries: tries + (total?.tries ?? 0) })
  }

  #timelineOf({ workloadNamespace, workload }: WorkloadSelector): Timeline {
    const key = `${workloadNamespace}/${workload}`
    return this.#timelines.get(key) ?? this.#createTimeline(key)
  }

  #createTimeline(key: string): Timeline {
    if (this.#timelines.size >= TIMELINES_MAX) {
      const [quietest] = [...this.#timelines].toSorted(([, a], [, b]) => a.lastMs - b.lastMs)
      if (quietest !== undefined) this.#timelines.delete(quietest[0])
    }
    const timeline = new Timeline()
    this.#timelines.set(key, timeline)
    return timeline
  }
}

function isFailure({ status, flag, grpcStatus }: TrafficLabels): boolean {
  if (status >= 500 || FAILURE_FLAGS.has(flag) || (status === 0 && LIMIT_FLAGS.has(flag))) return true
  if (grpcStatus === undefined) return false
  return GRPC_FAILURES.has(grpcStatus) || (grpcStatus < 0 && flag === '')
}

function keyOf(labels: TrafficLabels): string {
  return JSON.stringify([destinationKeyOf(labels), labels.status, labels.flag, labels.grpcStatus])
}

function destinationKeyOf(labels: DestinationLabels): string {
  const { listener, source, protocol, service, workloadNamespace, workload, version, app } = labels
  return JSON.stringify([listener, source, protocol, service, workloadNamespace, workload, version, app])
}

function isNothing({ requests, requestBytes, responseBytes, opened = 0 }: TrafficSeries): boolean {
  return requests === 0 && requestBytes === 0 && responseBytes === 0 && opened === 0
}

function difference(now: TrafficSeries, before: TrafficSeries | undefined): TrafficSeries {
  if (before === undefined) return now
  return {
    labels: now.labels,
    requests: now.requests - before.requests,
    requestBytes: now.requestBytes - before.requestBytes,
    responseBytes: now.responseBytes - before.responseBytes,
    durationSumMs: now.durationSumMs - before.durationSumMs,
    durationBuckets: now.durationBuckets.map((count, index) => count - (before.durationBuckets[index] ?? 0)),
    requestSizeBuckets: less(now.requestSizeBuckets, before.requestSizeBuckets),
    responseSizeBuckets: less(now.responseSizeBuckets, before.responseSizeBuckets),
    opened: (now.opened ?? 0) - (before.opened ?? 0),
  }
}

function sum(a: TrafficSeries, b: TrafficSeries): TrafficSeries {
  return {
    labels: a.labels,
    requests: a.requests + b.requests,
    requestBytes: a.requestBytes + b.requestBytes,
    responseBytes: a.responseBytes + b.responseBytes,
    durationSumMs: a.durationSumMs + b.durationSumMs,
    durationBuckets: a.durationBuckets.map((count, index) => count + (b.durationBuckets[index] ?? 0)),
    requestSizeBuckets: plus(a.requestSizeBuckets, b.requestSizeBuckets),
    responseSizeBuckets: plus(a.responseSizeBuckets, b.responseSizeBuckets),
    opened: (a.opened ?? 0) + (b.opened ?? 0),
  }
}

/** What a proxy does not count is nothing. */
function less(now: readonly number[] = [], before: readonly number[] = []): readonly number[] {
  return now.map((count, index) => count - (before[index] ?? 0))
}

function plus(a: readonly number[] = [], b: readonly number[] = []): readonly number[] {
  const [longer, other] = a.length >= b.length ? [a, b] : [b, a]
  return longer.map((count, index) => count + (other[index] ?? 0))
}

/**
 * Counts requests inside a proxy. A combination of labels is looked up once per destination and snapshot; a request then
 * costs a few additions on plain fields.
 */
import { DURATION_BUCKETS_MS, SIZE_BUCKETS_BYTES } from './report.ts'
import type {
  DestinationLabels,
  OpenTunnels,
  ProxyCounters,
  RetriedSeries,
  TrafficLabels,
  TrafficReport,
  TrafficSeries,
} from './report.ts'

/** Above it new combinations of labels are counted together under the workload `other`. */
const SERIES_MAX = 20_000
const GRPC_STATUS_MAX = 16

export interface Observation {
  readonly status: number
  readonly flag: string
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Of a call of gRPC; below 0: it ended without one. Undefined: it is none. */
  readonly grpcStatus?: number | undefined
}

interface Series {
  readonly labels: TrafficLabels
  requests: number
  requestBytes: number
  responseBytes: number
  durationSumMs: number
  readonly durationBuckets: number[]
  readonly requestSizeBuckets: number[]
  readonly responseSizeBuckets: number[]
  opened: number
  /** What `amountOf` was when it was reported last. */
  told: number
}

interface Retried {
  readonly labels: TrafficLabels
  tries: number
  /** When it was reported last. */
  toldTries: number
}

/** Those of one destination that are open now; who opens one closes it. */
export interface TunnelCounts {
  active: number
  draining: number
}

/** What is counted, of all destinations. */
interface Counted {
  readonly series: Series[]
  readonly tunnels: (TunnelCounts & OpenTunnels)[]
  readonly retried: Retried[]
}

/** All counts of one proxy, from its start on: they only grow. */
export class TrafficRecorder {
  readonly counters: ProxyCounters = { accessLogEntriesDropped: 0, spansSent: 0, spansDropped: 0 }
  readonly #proxy: string
  readonly #startedAtMs: number
  readonly #counted: Counted = { series: [], tunnels: [], retried: [] }
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
      labels.app ?? '',
      labels.source ?? '',
    ])
    const known = this.#destinations.get(key)
    if (known !== undefined) return known
    if (this.#destinations.size >= SERIES_MAX && labels.workload !== 'other') {
      const { protocol } = labels
      const other = { listener: '', service: '', workloadNamespace: '', workload: 'other', version: '' }
      return this.destination(protocol === undefined ? other : { ...other, protocol })
    }
    const created = new DestinationTraffic(labels, this.#counted)
    this.#destinations.set(key, created)
    return created
  }

  /** All counts. */
  report(): TrafficReport {
    return this.#reportOf(this.#counted.series, this.#counted.retried)
  }

  /** Counts that have changed since they were reported last, to whoever was told of all before. */
  changes(): TrafficReport {
    const { series, retried } = this.#counted
    return this.#reportOf(
      series.filter((each) => each.told !== amountOf(each)),
      retried.filter(({ tries, toldTries }) => tries !== toldTries),
    )
  }

  #reportOf(series: readonly Series[], retried: readonly Retried[]): TrafficReport {
    const { tunnels } = this.#counted
    for (const each of series) each.told = amountOf(each)
    for (const each of retried) each.toldTries = each.tries
    return {
      proxy: this.#proxy,
      startedAtMs: this.#startedAtMs,
      series: series.map(copy),
      counters: { ...this.counters },
      ...(tunnels.length === 0 ? {} : { tunnels: tunnels.map((each): OpenTunnels => ({ ...each })) }),
      ...(retried.length === 0
        ? {}
        : { retried: retried.map(({ labels, tries }): RetriedSeries => ({ labels, tries })) }),
    }
  }
}

/** The counts of one destination, by status, flag and status of gRPC: whoever sends requests there adds to them. */
export class DestinationTraffic {
  readonly labels: DestinationLabels
  readonly #all: Counted
  /** Without a flag, by status: the hot path. */
  readonly #plain = new Map<number, Series>()
  readonly #others = new Map<string, Series>()
  readonly #retried = new Map<string, Retried>()
  #tunnels: TunnelCounts | null = null

  constructor(labels: DestinationLabels, all: Counted) {
    this.labels = labels
    this.#all = all
  }

  get tunnels(): TunnelCounts {
    if (this.#tunnels !== null) return this.#tunnels
    const created = { labels: this.labels, active: 0, draining: 0 }
    this.#all.tunnels.push(created)
    return (this.#tunnels = created)
  }

  count({ status, flag, durationMs, requestBytes, responseBytes, grpcStatus }: Observation): void {
    const isPlain = flag === '' && grpcStatus === undefined
    const series = isPlain ? this.#plainSeries(status) : this.#otherSeries(status, flag, grpcStatus)
    series.requests++
    series.requestBytes += requestBytes
    series.responseBytes += responseBytes
    series.durationSumMs += durationMs
    increment(series.durationBuckets, bucketOf(durationMs))
    increment(series.requestSizeBuckets, sizeBucketOf(requestBytes))
    increment(series.responseSizeBuckets, sizeBucketOf(responseBytes))
  }

  /** A connection of TCP has been made; it is counted when it is over. */
  countOpened(flag = ''): void {
    const series = flag === '' ? this.#plainSeries(0) : this.#otherSeries(0, flag, undefined)
    series.opened++
  }

  /** A try has ended like this, and the request was sent again: the request itself is counted when it is over. */
  countRetried(status: number, flag: string): void {
    const key = `${flag} ${status}`
    const known = this.#retried.get(key)
    if (known !== undefined) {
      known.tries++
      return
    }
    const created: Retried = { labels: { ...this.labels, status, flag }, tries: 1, toldTries: 0 }
    this.#retried.set(key, created)
    this.#all.retried.push(created)
  }

  /** Of a connection of TCP that goes on: what `count` is told at its end is what comes after. */
  countBytes(requestBytes: number, responseBytes: number): void {
    const series = this.#plainSeries(0)
    series.requestBytes += requestBytes
    series.responseBytes += responseBytes
  }

  #plainSeries(status: number): Series {
    const known = this.#plain.get(status)
    if (known !== undefined) return known
    const created = this.#create({ ...this.labels, status, flag: '' })
    this.#plain.set(status, created)
    return created
  }

  #otherSeries(status: number, flag: string, grpcStatus: number | undefined): Series {
    const grpc = grpcStatus === undefined ? undefined : knownGrpcStatus(grpcStatus)
    const key = `${flag} ${status} ${grpc}`
    const known = this.#others.get(key)
    if (known !== undefined) return known
    const created = this.#create({
      ...this.labels,
      status,
      flag,
      ...(grpc === undefined ? {} : { grpcStatus: grpc }),
    })
    this.#others.set(key, created)
    return created
  }

  #create(labels: TrafficLabels): Series {
    const series: Series = {
      labels,
      requests: 0,
      requestBytes: 0,
      responseBytes: 0,
      durationSumMs: 0,
      durationBuckets: zeros(DURATION_BUCKETS_MS.length + 1),
      requestSizeBuckets: zeros(SIZE_BUCKETS_BYTES.length + 1),
      responseSizeBuckets: zeros(SIZE_BUCKETS_BYTES.length + 1),
      opened: 0,
      told: 0,
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

/** Index into the size buckets. */
function sizeBucketOf(bytes: number): number {
  let bucket = 0
  while (bucket < SIZE_BUCKETS_BYTES.length && bytes > (SIZE_BUCKETS_BYTES[bucket] ?? 0)) bucket++
  return bucket
}

/** An endpoint may send any number: those that mean nothing count as none. */
function knownGrpcStatus(status: number): number {
  return status >= 0 && status <= GRPC_STATUS_MAX ? status : -1
}

function increment(buckets: number[], bucket: number): void {
  buckets[bucket] = (buckets[bucket] ?? 0) + 1
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0)
}

/** Rises with everything that is counted. */
function amountOf({ requests, requestBytes, responseBytes, opened }: Series): number {
  return requests + requestBytes + responseBytes + opened
}

function copy(series: Series): TrafficSeries {
  const { labels, requests, requestBytes, responseBytes, durationSumMs, opened } = series
  return {
    labels,
    requests,
    requestBytes,
    responseBytes,
    durationSumMs,
    durationBuckets: [...series.durationBuckets],
    requestSizeBuckets: withoutEnd(series.requestSizeBuckets),
    responseSizeBuckets: withoutEnd(series.responseSizeBuckets),
    opened,
  }
}

/** Reports go out often, and most sizes are small. */
function withoutEnd(buckets: readonly number[]): number[] {
  return buckets.slice(0, buckets.findLastIndex((count) => count > 0) + 1)
}

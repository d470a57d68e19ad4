/** What a data plane tells about the requests it served: cumulative counts since its start, small and mergeable. */

/** Of one process. Counts are cumulative; those that have not changed since its last report may be left out. */
export interface TrafficReport {
  readonly proxy: string
  /** When the proxy started, ms since the epoch: a new value means the counts began again at 0. */
  readonly startedAtMs: number
  readonly series: readonly TrafficSeries[]
  /** Tries that were given up and sent again; absent: none. The requests that they belong to are in `series`, once each. */
  readonly retried?: readonly RetriedSeries[]
  /** What is open at the time of the report; absent: nothing ever was. */
  readonly tunnels?: readonly OpenTunnels[]
  /** Absent: from a proxy of a release that had none. */
  readonly counters?: Readonly<ProxyCounters>
}

/** What a proxy counts beside its traffic. */
export interface ProxyCounters {
  /** Lines of access logs that were lost, as the disk did not keep up. */
  accessLogEntriesDropped: number
  /** Spans that a collector has taken. */
  spansSent: number
  spansDropped: number
}

/** Labels known before the answer is. */
export type DestinationLabels = Omit<TrafficLabels, 'status' | 'flag' | 'grpcStatus'>

/** Connections to a destination that go on for as long as both sides want: upgraded ones, CONNECT, TCP. */
export interface OpenTunnels {
  readonly labels: DestinationLabels
  readonly active: number
  /** Those of `active` that will be closed: new ones would no longer get there. */
  readonly draining: number
}

/** Labels: whom the try reached, and what it came to. */
export interface RetriedSeries {
  readonly labels: TrafficLabels
  readonly tries: number
}

/** One combination of labels. Their number depends on workloads, never on routes or requests. */
export interface TrafficSeries {
  readonly labels: TrafficLabels
  /** Requests finished. */
  readonly requests: number
  /** Of TCP, of connections that are still open, too. */
  readonly requestBytes: number
  readonly responseBytes: number
  /** Sum of request durations, ms. */
  readonly durationSumMs: number
  /** Count per bucket of `DURATION_BUCKETS_MS`, not cumulated; one more entry at the end for everything above. */
  readonly durationBuckets: readonly number[]
  /** Count per bucket of `SIZE_BUCKETS_BYTES`, as above, without the zeros at the end; absent: from a proxy of a release that did not count them. */
  readonly requestSizeBuckets?: readonly number[]
  readonly responseSizeBuckets?: readonly number[]
  /** Of TCP: connections that have been made, over or not; absent: as `requestSizeBuckets`. */
  readonly opened?: number
}

export interface TrafficLabels {
  readonly listener: string
  /** Whose requests they are, where the listener is one workload's own; absent: those of a gateway's clients. */
  readonly source?: TrafficSource
  /**
   * Absent: HTTP. A TCP connection counts once, when it is over, with status 0. `mirror`: copies, which are no traffic of
   * anybody's.
   */
  readonly protocol?: 'tcp' | 'mirror'
  /** `namespace/name` of the service, empty when no route matched. */
  readonly service: string
  /** Whom the request reached; empty fields when it reached nobody. */
  readonly workloadNamespace: string
  readonly workload: string
  readonly version: string
  /** Of the pods: their label `app`; absent or empty: unknown. */
  readonly app?: string
  /** Present: a call of gRPC, with the status that it ended with; below 0: with none. */
  readonly grpcStatus?: number
  /** HTTP status that the client got; 0 when it got none. */
  readonly status: number
  /** Response flag (`UH`, `UF`, …), empty when all was well. */
  readonly flag: string
}

export interface TrafficSource {
  readonly workloadNamespace: string
  readonly workload: string
  readonly version: string
  readonly app?: string
}

/** Upper bounds, bytes: Envoy's default ones, which Istio's metrics have too. */
export const SIZE_BUCKETS_BYTES: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

/** Upper bounds, ms. */
export const DURATION_BUCKETS_MS: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 75, 100, 150, 250, 500, 750, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
]

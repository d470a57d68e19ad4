/** The server's own numbers, under the names of Kubernetes' API server. */

const BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Combinations of labels; the resource is one of ours, so only odd methods could let them grow. */
const SERIES_MAX = 2_000

export interface RequestLabels {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly code: number
}

interface Series {
  readonly labels: RequestLabels
  count: number
  sumSeconds: number
  readonly buckets: number[]
}

export class RequestMetrics {
  readonly #series = new Map<string, Series>()
  #watches: () => number

  constructor(watches: () => number) {
    this.#watches = watches
  }

  record(labels: RequestLabels, seconds: number): void {
    const key = Object.values(labels).join('\0')
    let series = this.#series.get(key)
    if (series === undefined) {
      if (this.#series.size >= SERIES_MAX) return
      series = { labels, count: 0, sumSeconds: 0, buckets: BUCKETS_SECONDS.map(() => 0) }
      this.#series.set(key, series)
    }
    series.count++
    series.sumSeconds += seconds
    const bucket = BUCKETS_SECONDS.findIndex((bound) => seconds <= bound)
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1
  }

  /** Prometheus' text format. */
  text(): string {
    const all = [...this.#series.values()]
    return [
      '# HELP apiserver_request_total Requests to the API server.',
      '# TYPE apiserver_request_total counter',
      ...all.map(({ labels, count }) => `apiserver_request_total{${labelText(labels)}} ${count}`),
      '# HELP apiserver_request_duration_seconds Time from request to answer; watches and logs are not counted.',
      '# TYPE apiserver_request_duration_seconds histogram',
      ...all.flatMap(histogramLines),
      '# HELP apiserver_longrunning_requests Watches that are open now.',
      '# TYPE apiserver_longrunning_requests gauge',
      `apiserver_longrunning_requests{verb="WATCH"} ${this.#watches()}`,
      '',
    ].join('\n')
  }
}

function histogramLines({ labels, count, sumSeconds, buckets }: Series): string[] {
  const name = 'apiserver_request_duration_seconds'
  const text = labelText(labels)
  let total = 0
  const lines = BUCKETS_SECONDS.map((bound, index) => {
    total += buckets[index] ?? 0
    return `${name}_bucket{${text},le="${bound}"} ${total}`
  })
  return [
    ...lines,
    `${name}_bucket{${text},le="+Inf"} ${count}`,
    `${name}_sum{${text}} ${sumSeconds}`,
    `${name}_count{${text}} ${count}`,
  ]
}

function labelText({ verb, group, resource, code }: RequestLabels): string {
  return `verb="${verb}",group="${group}",resource="${resource}",code="${code}"`
}

/** The totals in Prometheus' text format, under the names and labels that Istio's standard metrics have. */
import { DURATION_BUCKETS_MS, SIZE_BUCKETS_BYTES } from './report.ts'
import type {
  DestinationLabels,
  OpenTunnels,
  ProxyCounters,
  TrafficLabels,
  TrafficSeries,
  TrafficSource,
} from './report.ts'
import type { TelemetryStore } from './store.ts'

interface Family {
  readonly name: string
  readonly type: 'counter' | 'histogram'
  readonly help: string
  /** Absent: for HTTP. */
  readonly protocol?: 'tcp' | 'mirror'
  readonly samples: (labels: string, series: TrafficSeries) => readonly string[]
}

/** Beside Istio's: there one request is one request, however often it was tried. */
const RETRIED = 'sluice_retried_tries_total'

const FAMILIES: readonly Family[] = [
  {
    name: 'istio_requests_total',
    type: 'counter',
    help: 'Requests finished.',
    samples: (labels, { requests }) => [`istio_requests_total{${labels}} ${requests}`],
  },
  {
    name: 'istio_request_duration_milliseconds',
    type: 'histogram',
    help: 'From the head of the request to the end of the response.',
    samples: (labels, { durationBuckets, durationSumMs }) =>
      histogram('istio_request_duration_milliseconds', labels, {
        bounds: DURATION_BUCKETS_MS,
        counts: durationBuckets,
        sum: durationSumMs,
      }),
  },
  {
    name: 'istio_request_bytes',
    type: 'histogram',
    help: 'Bytes of request bodies.',
    samples: (labels, { requests, requestBytes, requestSizeBuckets }) =>
      sizes('istio_request_bytes', labels, { requests, counts: requestSizeBuckets, sum: requestBytes }),
  },
  {
    name: 'istio_response_bytes',
    type: 'histogram',
    help: 'Bytes of response bodies.',
    samples: (labels, { requests, responseBytes, responseSizeBuckets }) =>
      sizes('istio_response_bytes', labels, { requests, counts: responseSizeBuckets, sum: responseBytes }),
  },
  {
    name: 'istio_tcp_connections_opened_total',
    type: 'counter',
    help: 'TCP connections that were made.',
    protocol: 'tcp',
    samples: (labels, { opened = 0 }) =>
      opened === 0 ? [] : [`istio_tcp_connections_opened_total{${labels}} ${opened}`],
  },
  {
    name: 'istio_tcp_connections_closed_total',
    type: 'counter',
    help: 'TCP connections that are over.',
    protocol: 'tcp',
    samples: (labels, { requests }) => [`istio_tcp_connections_closed_total{${labels}} ${requests}`],
  },
  {
    name: 'istio_tcp_received_bytes_total',
    type: 'counter',
    help: 'Bytes that clients sent over TCP; those of open connections every few seconds.',
    protocol: 'tcp',
    samples: (labels, { requestBytes }) => [`istio_tcp_received_bytes_total{${labels}} ${requestBytes}`],
  },
  {
    name: 'istio_tcp_sent_bytes_total',
    type: 'counter',
    help: 'Bytes that clients got over TCP; those of open connections every few seconds.',
    protocol: 'tcp',
    samples: (labels, { responseBytes }) => [`istio_tcp_sent_bytes_total{${labels}} ${responseBytes}`],
  },
  {
    name: 'sluice_mirrored_requests_total',
    type: 'counter',
    help: 'Copies of requests that were answered by a mirror, or given up; response_flags says why.',
    protocol: 'mirror',
    samples: (labels, { requests }) => [`sluice_mirrored_requests_total{${labels}} ${requests}`],
  },
]

/** So much goes into one write. */
const PART_CHARACTERS_MIN = 64 * 1024

/** Of what is open now. */
const GAUGES: readonly { readonly name: string; readonly help: string; readonly gauge: 'active' | 'draining' }[] = [
  {
    name: 'sluice_tunnels_active',
    help: 'Connections open now that go on for as long as both sides want: upgraded, CONNECT, TCP.',
    gauge: 'active',
  },
  {
    name: 'sluice_tunnels_draining',
    help: 'Those of them that will be closed, as their route no longer reaches their destination.',
    gauge: 'draining',
  },
]

/** Of a proxy as a whole. */
const COUNTERS: readonly { readonly name: string; readonly help: string; readonly counter: keyof ProxyCounters }[] = [
  {
    name: 'sluice_access_log_entries_dropped_total',
    help: 'Entries of access logs that were lost, as the disk did not keep up.',
    counter: 'accessLogEntriesDropped',
  },
  { name: 'sluice_spans_sent_total', help: 'Spans that a collector has taken.', counter: 'spansSent' },
  {
    name: 'sluice_spans_dropped_total',
    help: 'Spans that were lost, as the collector did not take them.',
    counter: 'spansDropped',
  },
]

type Told = Pick<TelemetryStore, 'totals' | 'retried' | 'tunnels' | 'counters'>

/** Whole, for a store that has little. */
export function prometheusText(store: Told): string {
  return [...prometheusParts(store)].join('')
}

/**
 * Whole lines, in parts: of many destinations the text is larger than a string can be, as each has three histograms. Ends with a
 * line feed, as the format asks.
 */
export function* prometheusParts(store: Told): Generator<string, undefined> {
  let part = ''
  for (const line of prometheusLines(store)) {
    part += `${line}\n`
    if (part.length < PART_CHARACTERS_MIN) continue
    yield part
    part = ''
  }
  yield part
}

function* prometheusLines(store: Told): Generator<string, undefined> {
  const totals = store.totals()
  for (const { name, type, help, protocol, samples } of FAMILIES) {
    yield* [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
    for (const series of totals) {
      if (series.labels.protocol === protocol) yield* samples(labelsOf(series.labels), series)
    }
  }
  yield* [
    `# HELP ${RETRIED} Tries that were given up and sent again, by whom they reached.`,
    `# TYPE ${RETRIED} counter`,
  ]
  for (const { labels, tries } of store.retried()) yield `${RETRIED}{${labelsOf(labels)}} ${tries}`
  yield* tunnelLines(store.tunnels())
  const counters = store.counters()
  for (const { name, help, counter } of COUNTERS) {
    yield* [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, `${name} ${counters[counter]}`]
  }
}

function tunnelLines(tunnels: readonly OpenTunnels[]): string[] {
  const open = tunnels.map((each) => ({ each, labels: written(destinationLabels(each.labels)) }))
  return GAUGES.flatMap(({ name, help, gauge }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...open.map(({ each, labels }) => `${name}{${labels}} ${each[gauge]}`),
  ])
}

/**
 * In Istio's order. What is missing is `unknown`, a revision of a workload without version `latest`, no flag `-`. We report as
 * the source of the requests, as a gateway and a client's sidecar do; whether TLS was mutual only a destination says.
 */
function labelsOf(series: TrafficLabels): string {
  const { status, flag, grpcStatus } = series
  return written([
    ...destinationLabels(series),
    ['response_code', String(status)],
    ...(grpcStatus === undefined ? [] : [['grpc_response_status', grpcStatus < 0 ? '' : String(grpcStatus)] as const]),
    ['response_flags', flag === '' ? '-' : flag],
    ['connection_security_policy', 'unknown'],
  ])
}

type Label = readonly [name: string, value: string]

function destinationLabels(of: DestinationLabels & Pick<TrafficLabels, 'grpcStatus'>): readonly Label[] {
  const { listener, protocol, service, source, grpcStatus } = of
  const [serviceNamespace = '', serviceName = ''] = service.split('/')
  return [
    ['reporter', 'source'],
    ['listener', listener],
    ...workloadLabels('source', source),
    ...workloadLabels('destination', of),
    ['destination_service', service === '' ? '' : `${serviceName}.${serviceNamespace}.svc.cluster.local`],
    ['destination_service_name', serviceName],
    ['destination_service_namespace', serviceNamespace],
    ['request_protocol', grpcStatus === undefined ? (protocol ?? 'http') : 'grpc'],
  ]
}

function written(labels: readonly Label[]): string {
  return labels.map(([name, value]) => `${name}="${escaped(value === '' ? 'unknown' : value)}"`).join(',')
}

function workloadLabels(side: 'source' | 'destination', of: TrafficSource | undefined): readonly [string, string][] {
  const { workload = '', workloadNamespace = '', version = '', app = '' } = of ?? {}
  return [
    [`${side}_workload`, workload],
    [`${side}_workload_namespace`, workloadNamespace],
    [`${side}_principal`, ''],
    [`${side}_app`, app],
    [`${side}_version`, version],
    [`${side}_cluster`, ''],
    [`${side}_canonical_service`, app === '' ? workload : app],
    [`${side}_canonical_revision`, version === '' && workload !== '' ? 'latest' : version],
  ]
}

interface Distribution {
  readonly bounds: readonly number[]
  /** One more than bounds, not cumulated. */
  readonly counts: readonly number[]
  readonly sum: number
}

function histogram(name: string, labels: string, { bounds, counts, sum }: Distribution): string[] {
  let cumulated = 0
  const buckets = counts.map((count, index) => {
    cumulated += count
    return `${name}_bucket{${labels},le="${bounds[index] ?? '+Inf'}"} ${cumulated}`
  })
  return [...buckets, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${cumulated}`]
}

interface Sizes {
  readonly requests: number
  readonly counts: readonly number[] | undefined
  readonly sum: number
}

/** Proxies of an older release report sums of sizes only: one bucket. */
function sizes(name: string, labels: string, { requests, counts = [], sum }: Sizes): string[] {
  const known = counts.reduce((total, count) => total + count, 0)
  if (known !== requests) return histogram(name, labels, { bounds: [], counts: [requests], sum })
  const all = [...SIZE_BUCKETS_BYTES.map((_, index) => counts[index] ?? 0), counts[SIZE_BUCKETS_BYTES.length] ?? 0]
  return histogram(name, labels, { bounds: SIZE_BUCKETS_BYTES, counts: all, sum })
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** The totals in Prometheus' text format, under the names and labels that Istio's standard metrics have. */
import { DURATION_BUCKETS_MS } from './report.ts'
import type { TrafficLabels, TrafficSeries } from './report.ts'
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
      histogram('istio_request_duration_milliseconds', labels, durationBuckets, durationSumMs),
  },
  {
    name: 'istio_request_bytes',
    type: 'histogram',
    help: 'Bytes of request bodies.',
    samples: (labels, { requests, requestBytes }) => sizes('istio_request_bytes', labels, requests, requestBytes),
  },
  {
    name: 'istio_response_bytes',
    type: 'histogram',
    help: 'Bytes of response bodies.',
    samples: (labels, { requests, responseBytes }) => sizes('istio_response_bytes', labels, requests, responseBytes),
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
    help: 'Bytes that clients sent, of TCP connections that are over.',
    protocol: 'tcp',
    samples: (labels, { requestBytes }) => [`istio_tcp_received_bytes_total{${labels}} ${requestBytes}`],
  },
  {
    name: 'istio_tcp_sent_bytes_total',
    type: 'counter',
    help: 'Bytes that clients got, of TCP connections that are over.',
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

/** Ends with a line feed, as the format asks. */
export function prometheusText(store: Pick<TelemetryStore, 'totals' | 'retried'>): string {
  const totals = store.totals().map((series) => ({ series, labels: labelsOf(series.labels) }))
  const lines = FAMILIES.flatMap(({ name, type, help, protocol, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...totals.flatMap(({ series, labels }) => (series.labels.protocol === protocol ? samples(labels, series) : [])),
  ])
  const retried = store.retried().map(({ labels, tries }) => `${RETRIED}{${labelsOf(labels)}} ${tries}`)
  lines.push(`# HELP ${RETRIED} Tries that were given up and sent again, by whom they reached.`)
  lines.push(`# TYPE ${RETRIED} counter`, ...retried)
  return `${lines.join('\n')}\n`
}

/** What is missing is `unknown`, and no flag is `-`, as Istio has it. The gateway reports as the source of its requests. */
function labelsOf({ listener, protocol, service, status, flag, ...workload }: TrafficLabels): string {
  const [serviceNamespace = '', serviceName = ''] = service.split('/')
  const labels = {
    reporter: 'source',
    listener,
    destination_workload: workload.workload,
    destination_workload_namespace: workload.workloadNamespace,
    destination_version: workload.version,
    destination_canonical_revision: workload.version,
    destination_service: service === '' ? '' : `${serviceName}.${serviceNamespace}.svc.cluster.local`,
    destination_service_name: serviceName,
    destination_service_namespace: serviceNamespace,
    request_protocol: protocol ?? 'http',
    response_code: String(status),
    response_flags: flag === '' ? '-' : flag,
  }
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value === '' ? 'unknown' : value)}"`)
    .join(',')
}

function histogram(name: string, labels: string, counts: readonly number[], sum: number): string[] {
  let cumulated = 0
  const buckets = counts.map((count, index) => {
    cumulated += count
    const bound = DURATION_BUCKETS_MS[index]
    return `${name}_bucket{${labels},le="${bound === undefined ? '+Inf' : bound}"} ${cumulated}`
  })
  return [...buckets, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${cumulated}`]
}

/** Proxies report sums of sizes only: one bucket. */
function sizes(name: string, labels: string, count: number, sum: number): string[] {
  return [
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ]
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { prometheusParts, prometheusText } from './prometheus.ts'
import { TrafficRecorder } from './recorder.ts'
import type { DestinationLabels, TrafficReport } from './report.ts'
import { TelemetryStore } from './store.ts'

const seen = { status: 200, flag: '', durationMs: 1, requestBytes: 0, responseBytes: 0 }
const labels: DestinationLabels = {
  listener: 'gateway-http',
  service: 'echo/echo',
  workloadNamespace: 'echo',
  workload: 'echo-v2',
  version: 'v2',
}

function recorded(record: (recorder: TrafficRecorder) => void): TrafficReport {
  const recorder = new TrafficRecorder({ proxy: 'p', startedAtMs: 1 })
  record(recorder)
  return recorder.report()
}

/** Samples as Prometheus reads them, of one name. */
function samplesOf(name: string, ...reports: readonly TrafficReport[]) {
  const store = new TelemetryStore({ clock: new FakeClock(0) })
  for (const report of reports) store.ingest(report)
  return prometheusText(store)
    .split('\n')
    .flatMap((line) => {
      const [, found, text = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      if (found !== name) return []
      const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', of = '']) => [key, of] as const)
      return [{ labels: Object.fromEntries(pairs), value: Number(value) }]
    })
}

test('all of Istio’s labels are there, and those of a caller that is known', () => {
  const source = { workloadNamespace: 'shop', workload: 'cart-v1', version: '', app: 'cart' }
  const report = recorded((recorder) => recorder.destination({ ...labels, source, app: 'echo' }).count(seen))
  assert.deepEqual(samplesOf('istio_requests_total', report), [
    {
      value: 1,
      labels: {
        reporter: 'source',
        listener: 'gateway-http',
        source_workload: 'cart-v1',
        source_workload_namespace: 'shop',
        source_principal: 'unknown',
        source_app: 'cart',
        source_version: 'unknown',
        source_cluster: 'unknown',
        source_canonical_service: 'cart',
        source_canonical_revision: 'latest',
        destination_workload: 'echo-v2',
        destination_workload_namespace: 'echo',
        destination_principal: 'unknown',
        destination_app: 'echo',
        destination_version: 'v2',
        destination_cluster: 'unknown',
        destination_canonical_service: 'echo',
        destination_canonical_revision: 'v2',
        destination_service: 'echo.echo.svc.cluster.local',
        destination_service_name: 'echo',
        destination_service_namespace: 'echo',
        request_protocol: 'http',
        response_code: '200',
        response_flags: '-',
        connection_security_policy: 'unknown',
      },
    },
  ])
})

test('what is open now is a gauge for each destination, and another for what drains', () => {
  const report = recorded((recorder) => {
    Object.assign(recorder.destination(labels).tunnels, { active: 3, draining: 1 })
    Object.assign(recorder.destination({ ...labels, protocol: 'tcp' }).tunnels, { active: 5, draining: 0 })
  })
  const told = ['sluice_tunnels_active', 'sluice_tunnels_draining'].map((name) =>
    samplesOf(name, report).map((sample) => [
      sample.labels['request_protocol'],
      sample.labels['destination_workload'],
      sample.labels['response_code'],
      sample.value,
    ]),
  )
  assert.deepEqual(told, [
    [
      ['http', 'echo-v2', undefined, 3],
      ['tcp', 'echo-v2', undefined, 5],
    ],
    [
      ['http', 'echo-v2', undefined, 1],
      ['tcp', 'echo-v2', undefined, 0],
    ],
  ])
})

test('the text of many destinations comes in parts of whole lines, none of them large', () => {
  const report = recorded((recorder) => {
    for (let index = 0; index < 200; index++) recorder.destination({ ...labels, workload: `w${index}` }).count(seen)
  })
  const store = new TelemetryStore({ clock: new FakeClock(0) })
  store.ingest(report)
  const parts = [...prometheusParts(store)]
  assert.ok(parts.length > 100)
  assert.ok(parts.every((part) => part.endsWith('\n') && part.length < 70_000))
  assert.equal(parts.join(''), prometheusText(store))
})

test('callers are counted apart, each from the same listener', () => {
  const report = recorded((recorder) => {
    for (const workload of ['cart', 'cart', 'shop']) {
      recorder.destination({ ...labels, source: { workloadNamespace: 'a', workload, version: '' } }).count(seen)
    }
  })
  const samples = samplesOf('istio_requests_total', report)
  assert.deepEqual(
    samples.map((sample) => [sample.labels['source_workload'], sample.value]),
    [
      ['cart', 2],
      ['shop', 1],
    ],
  )
})

test('calls of gRPC are told apart by the status that they ended with', () => {
  const report = recorded((recorder) => {
    const traffic = recorder.destination(labels)
    for (const grpcStatus of [0, 0, 14, -1, 4711]) traffic.count({ ...seen, grpcStatus })
    traffic.count(seen)
  })
  const samples = samplesOf('istio_requests_total', report)
  assert.deepEqual(
    samples.map((sample) => [sample.labels['request_protocol'], sample.labels['grpc_response_status'], sample.value]),
    [
      ['grpc', '0', 2],
      ['grpc', '14', 1],
      ['grpc', 'unknown', 2],
      ['http', undefined, 1],
    ],
  )
})

test('sizes are counted in Envoy’s buckets', () => {
  const report = recorded((recorder) => {
    const traffic = recorder.destination(labels)
    for (const requestBytes of [0, 1, 1_000, 1_001, 5_000_000]) traffic.count({ ...seen, requestBytes })
  })
  const buckets = samplesOf('istio_request_bytes_bucket', report)
  const at = Object.fromEntries(buckets.map((sample) => [sample.labels['le'], sample.value]))
  assert.deepEqual(
    [at['0.5'], at['1'], at['500'], at['1000'], at['2500'], at['3600000'], at['+Inf']],
    [1, 2, 2, 3, 4, 4, 5],
  )
  assert.equal(samplesOf('istio_request_bytes_sum', report)[0]?.value, 5_002_002)
  assert.equal(samplesOf('istio_request_bytes_count', report)[0]?.value, 5)
})

test('a connection counts as opened while it is still open', () => {
  const recorder = new TrafficRecorder({ proxy: 'p', startedAtMs: 1 })
  const traffic = recorder.destination({ ...labels, protocol: 'tcp' })
  traffic.countOpened()
  const first = recorder.report()
  traffic.countOpened()
  traffic.count({ ...seen, status: 0 })
  const second = recorder.report()
  assert.equal(samplesOf('istio_tcp_connections_opened_total', first)[0]?.value, 1)
  assert.equal(samplesOf('istio_tcp_connections_opened_total', first, second)[0]?.value, 2)
  assert.equal(samplesOf('istio_tcp_connections_closed_total', first, second)[0]?.value, 1)
  assert.deepEqual(samplesOf('istio_requests_total', first, second), [])
})

const lost = (proxy: string, startedAtMs: number, count: number): TrafficReport => {
  const recorder = new TrafficRecorder({ proxy, startedAtMs })
  recorder.counters.accessLogEntriesDropped += count
  recorder.counters.spansDropped += 1
  return recorder.report()
}

test('what is lost is counted over all proxies, and over their restarts', () => {
  const reports = [lost('a', 1, 3), lost('a', 1, 5), lost('b', 1, 10), lost('a', 2, 1)]
  assert.equal(samplesOf('sluice_access_log_entries_dropped_total', ...reports)[0]?.value, 16)
  assert.equal(samplesOf('sluice_spans_dropped_total', ...reports)[0]?.value, 3)
  assert.equal(samplesOf('sluice_spans_sent_total', ...reports)[0]?.value, 0)
})

test('a proxy of an older release, which counts less, is understood', () => {
  const report = recorded((recorder) => recorder.destination(labels).count({ ...seen, requestBytes: 7 }))
  const { counters: _counters, series, ...rest } = report
  const older: TrafficReport = {
    ...rest,
    series: series.map(
      ({ requestSizeBuckets: _request, responseSizeBuckets: _response, opened: _opened, ...of }) => of,
    ),
  }
  const buckets = samplesOf('istio_request_bytes_bucket', older)
  assert.deepEqual(
    buckets.map((sample) => [sample.labels['le'], sample.value]),
    [['+Inf', 1]],
  )
  assert.equal(samplesOf('istio_request_bytes_sum', older)[0]?.value, 7)
})

test('a value with quotes, backslashes and line ends stays one label', () => {
  const report = recorded((recorder) => recorder.destination({ ...labels, version: 'a"b\\c\nd' }).count(seen))
  assert.equal(samplesOf('istio_requests_total', report)[0]?.labels['destination_version'], 'a\\"b\\\\c\\nd')
})

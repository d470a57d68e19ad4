import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { quantile } from './histogram.ts'
import { prometheusText } from './prometheus.ts'
import { TrafficRecorder, bucketOf } from './recorder.ts'
import { DURATION_BUCKETS_MS } from './report.ts'
import { TelemetryStore } from './store.ts'

const echo = { workloadNamespace: 'echo', workload: 'echo-v2' }
const labels = { listener: 'gateway-http', service: 'echo/echo', version: 'v2', ...echo }

interface Proxy {
  serve(count: number, status?: number, flag?: string, durationMs?: number): void
  /** Tries that were given up and sent again. */
  retry(count: number, status?: number, flag?: string): void
  report(): void
}

function proxyOf(store: TelemetryStore, startedAtMs: number, proxy = 'proxy-0'): Proxy {
  const recorder = new TrafficRecorder({ proxy, startedAtMs })
  const traffic = recorder.destination(labels)
  return {
    serve(count, status = 200, flag = '', durationMs = 2) {
      for (let index = 0; index < count; index++) {
        traffic.count({ status, flag, durationMs, requestBytes: 1, responseBytes: 10 })
      }
    },
    retry(count, status = 503, flag = '') {
      for (let index = 0; index < count; index++) traffic.countRetried(status, flag)
    },
    report: () => store.ingest(recorder.report()),
  }
}

async function started(): Promise<{ clock: FakeClock; store: TelemetryStore; proxy: Proxy }> {
  const clock = new FakeClock()
  const store = new TelemetryStore({ clock })
  await clock.advance(1)
  return { clock, store, proxy: proxyOf(store, clock.now()) }
}

const requestsOf = (store: TelemetryStore): number => store.totals().reduce((sum, { requests }) => sum + requests, 0)

describe('the store', () => {
  test('adds up differences, however often the same counts are reported', async () => {
    const { clock, store, proxy } = await started()
    const fromMs = clock.now()
    for (const count of [10, 0, 5]) {
      proxy.serve(count)
      await clock.advance(1_000)
      proxy.report()
      proxy.report()
    }
    const { requests, failures, byStatus } = store.window(echo, fromMs, clock.now())
    assert.deepEqual([requests, failures, [...byStatus]], [15, 0, [[200, 15]]])
    assert.equal(requestsOf(store), 15)
  })

  test('counts tries that were sent again beside the requests, for whoever judges a workload', async () => {
    const { clock, store, proxy } = await started()
    const fromMs = clock.now()
    for (const [served, retried] of [
      [10, 4],
      [0, 1],
    ] as const) {
      proxy.serve(served)
      proxy.retry(retried)
      await clock.advance(1_000)
      proxy.report()
      proxy.report()
    }
    const { requests, failures, tries, latency } = store.window(echo, fromMs, clock.now())
    assert.deepEqual([requests, failures], [10, 0])
    assert.deepEqual(tries, { requests: 15, failures: 5, retried: 5 })
    assert.equal(
      latency.counts.reduce((sum, count) => sum + count, 0),
      10,
    )
    const text = prometheusText(store)
    assert.match(text, /^istio_requests_total\{.*response_code="200".*\} 10$/m)
    assert.match(text, /^sluice_retried_tries_total\{.*destination_workload="echo-v2".*response_code="503".*\} 5$/m)
    assert.equal(text.match(/^istio_requests_total\{/gm)?.length, 1)
  })

  test('judges a try as a request that ended like it', async () => {
    const { clock, store, proxy } = await started()
    const fromMs = clock.now()
    proxy.retry(1, 409)
    proxy.retry(1, 503, 'UF')
    proxy.retry(1, 504, 'UT')
    proxy.serve(1, 409, 'UO')
    proxy.serve(1, 503, 'UO')
    proxy.serve(1, 0, 'UO')
    await clock.advance(1_000)
    proxy.report()
    const { failures, tries } = store.window(echo, fromMs, clock.now())
    assert.equal(failures, 2)
    assert.deepEqual(tries, { requests: 6, failures: 4, retried: 3 })
  })

  test('judges a call of gRPC by its own status', async () => {
    const { clock, store } = await started()
    const fromMs = clock.now()
    const recorder = new TrafficRecorder({ proxy: 'grpc', startedAtMs: clock.now() })
    const traffic = recorder.destination(labels)
    const served = { status: 200, durationMs: 1, requestBytes: 0, responseBytes: 0 }
    const failing = [2, 4, 12, 13, 14, 15, -1]
    for (const grpcStatus of [0, 1, 3, 5, 7, 16, ...failing]) traffic.count({ ...served, flag: '', grpcStatus })
    // The client went away before there was a status.
    traffic.count({ ...served, flag: 'DC', grpcStatus: -1 })
    await clock.advance(1_000)
    store.ingest(recorder.report())
    const { requests, failures } = store.window(echo, fromMs, clock.now())
    assert.deepEqual([requests, failures], [14, failing.length])
  })

  test('tries from before the store began are in the totals, and in no window', async () => {
    const { clock, store } = await started()
    const older = proxyOf(store, clock.now() - 60_000, 'older')
    older.retry(3)
    older.report()
    await clock.advance(1_000)
    older.retry(2)
    older.report()
    assert.equal(store.window(echo, 0, clock.now()).tries.retried, 2)
    assert.deepEqual(
      store.retried().map(({ tries }) => tries),
      [5],
    )
  })

  test('knows 5xx and the upstream’s failures, and does not blame it for clients that go away', async () => {
    const { clock, store, proxy } = await started()
    const fromMs = clock.now()
    proxy.serve(1, 500)
    proxy.serve(2, 503, 'UC')
    proxy.serve(4, 200, 'UC')
    proxy.serve(8, 404)
    proxy.serve(16, 0, 'DC')
    await clock.advance(1_000)
    proxy.report()
    const { requests, failures } = store.window(echo, fromMs, clock.now())
    assert.deepEqual([requests, failures], [31, 7])
  })

  test('a proxy that started again counts from zero', async () => {
    const { clock, store, proxy } = await started()
    const fromMs = clock.now()
    proxy.serve(10)
    await clock.advance(1_000)
    proxy.report()
    const again = proxyOf(store, clock.now())
    again.serve(3)
    await clock.advance(1_000)
    again.report()
    assert.equal(store.window(echo, fromMs, clock.now()).requests, 13)
    assert.equal(requestsOf(store), 13)
  })

  test('while an old process of a proxy drains and a new one serves, each report counts once', async () => {
    const { clock, store, proxy } = await started()
    const fromMs = clock.now()
    proxy.serve(10)
    await clock.advance(1_000)
    const successor = proxyOf(store, clock.now())
    for (let round = 0; round < 3; round++) {
      successor.serve(1)
      proxy.report()
      successor.report()
      await clock.advance(1_000)
    }
    assert.equal(requestsOf(store), 13)
    assert.equal(store.window(echo, fromMs, clock.now()).requests, 13)
  })

  test('reports of what has changed alone come to the same as reports of all', async () => {
    const { clock, store } = await started()
    const recorder = new TrafficRecorder({ proxy: 'proxy-0', startedAtMs: clock.now() })
    const [busy, quiet] = ['busy', 'quiet'].map((workload) => recorder.destination({ ...labels, workload }))
    const once = { status: 200, flag: '', durationMs: 1, requestBytes: 0, responseBytes: 0 }
    quiet?.count(once)
    quiet?.countRetried(503, '')
    store.ingest(recorder.report())
    const sizes: number[] = []
    for (let round = 0; round < 3; round++) {
      await clock.advance(1_000)
      if (round > 0) busy?.count(once)
      if (round === 2) busy?.countRetried(503, '')
      const report = recorder.changes()
      sizes.push(report.series.length + (report.retried ?? []).length)
      store.ingest(report)
    }
    assert.deepEqual(sizes, [0, 1, 2])
    const totals = store.totals().map((series) => [series.labels.workload, series.requests])
    assert.deepEqual(totals, [
      ['quiet', 1],
      ['busy', 2],
    ])
    assert.deepEqual(
      store.retried().map(({ labels: { workload }, tries }) => [workload, tries]),
      [
        ['quiet', 1],
        ['busy', 1],
      ],
    )
  })

  test('what is open is that of all processes that still report', async () => {
    const { clock, store } = await started()
    const [one, two] = ['proxy-0', 'proxy-1'].map((proxy) => new TrafficRecorder({ proxy, startedAtMs: 1 }))
    const open = (recorder: TrafficRecorder | undefined, active: number, draining: number): void => {
      if (recorder === undefined) return
      Object.assign(recorder.destination(labels).tunnels, { active, draining })
      store.ingest(recorder.report())
    }
    const told = (): unknown => store.tunnels().map(({ active, draining }) => [active, draining])
    open(one, 3, 1)
    open(two, 2, 0)
    assert.deepEqual(told(), [[5, 1]])
    await clock.advance(4_000)
    open(two, 1, 1)
    await clock.advance(1_000)
    assert.deepEqual(told(), [[1, 1]])
  })

  test('the first report of a proxy that is older than the store counts in the totals, in no window', async () => {
    const clock = new FakeClock()
    const old = clock.now() - 60_000
    const store = new TelemetryStore({ clock })
    const proxy = proxyOf(store, old)
    proxy.serve(1_000, 500)
    proxy.report()
    assert.equal(store.window(echo, 0, clock.now()).requests, 0)
    assert.equal(requestsOf(store), 1_000)
    proxy.serve(4)
    await clock.advance(1_000)
    proxy.report()
    assert.equal(store.window(echo, 0, clock.now()).requests, 4)
    assert.equal(requestsOf(store), 1_004)
  })

  test('two proxies add up', async () => {
    const { clock, store, proxy } = await started()
    const fromMs = clock.now()
    const other = proxyOf(store, clock.now(), 'proxy-1')
    proxy.serve(1)
    other.serve(2)
    await clock.advance(1_000)
    proxy.report()
    other.report()
    assert.equal(store.window(echo, fromMs, clock.now()).requests, 3)
  })

  test('a window never holds requests from before its beginning', async () => {
    const { clock, store, proxy } = await started()
    proxy.report()
    proxy.serve(100, 500)
    await clock.advance(500)
    const fromMs = clock.now()
    await clock.advance(500)
    proxy.report()
    proxy.serve(3)
    await clock.advance(1_000)
    proxy.report()
    const { requests, failures } = store.window(echo, fromMs, clock.now())
    assert.deepEqual([requests, failures], [3, 0])
  })

  test('keeps seconds for ten minutes, minutes for six hours, and then nothing', async () => {
    const clock = new FakeClock()
    const store = new TelemetryStore({ clock })
    await clock.advance(1)
    const proxy = proxyOf(store, clock.now())
    const beginMs = clock.now()
    for (let minute = 0; minute < 8 * 60; minute++) {
      proxy.serve(1)
      await clock.advance(60_000)
      proxy.report()
    }
    assert.equal(store.window(echo, clock.now() - 300_000, clock.now()).requests, 5)
    const all = store.window(echo, beginMs, clock.now()).requests
    assert.ok(all >= 359 && all <= 372, `${all} requests are remembered`)
    assert.equal(requestsOf(store), 480)
  })

  test('an unknown workload had no requests', async () => {
    const { clock, store } = await started()
    const window = store.window({ workloadNamespace: 'x', workload: 'y' }, 0, clock.now())
    assert.equal(window.requests, 0)
    assert.equal(window.quantile(0.99), undefined)
  })
})

describe('latency', () => {
  test('a duration falls into the bucket whose bound it does not exceed', () => {
    assert.deepEqual([0, 0.5, 0.6, 60_000, 60_001].map(bucketOf), [0, 0, 1, 18, 19])
    assert.equal(DURATION_BUCKETS_MS.length, 19)
  })

  test('a quantile is interpolated within its bucket', () => {
    const histogram = { boundsMs: [10, 20, 40], counts: [50, 40, 10, 0] }
    assert.equal(quantile(histogram, 0.5), 10)
    assert.equal(quantile(histogram, 0.7), 15)
    assert.equal(quantile(histogram, 0.95), 30)
    assert.equal(quantile(histogram, 1), 40)
  })

  test('what lies above all bounds is reported as the highest', () => {
    assert.equal(quantile({ boundsMs: [10], counts: [0, 5] }, 0.5), 10)
  })
})

test('the totals come out in Prometheus’ format with Istio’s names', async () => {
  const { clock, store, proxy } = await started()
  proxy.serve(3, 200, '', 0.4)
  proxy.serve(1, 503, 'UC', 70_000)
  await clock.advance(1_000)
  proxy.report()
  const text = prometheusText(store)
  const shared =
    'reporter="source",listener="gateway-http",source_workload="unknown",source_workload_namespace="unknown",' +
    'source_principal="unknown",source_app="unknown",source_version="unknown",source_cluster="unknown",' +
    'source_canonical_service="unknown",source_canonical_revision="unknown",destination_workload="echo-v2",' +
    'destination_workload_namespace="echo",destination_principal="unknown",destination_app="unknown",' +
    'destination_version="v2",destination_cluster="unknown",destination_canonical_service="echo-v2",' +
    'destination_canonical_revision="v2",destination_service="echo.echo.svc.cluster.local",' +
    'destination_service_name="echo",destination_service_namespace="echo",request_protocol="http"'
  const behind = 'connection_security_policy="unknown"'
  for (const line of [
    '# TYPE istio_requests_total counter',
    `istio_requests_total{${shared},response_code="200",response_flags="-",${behind}} 3`,
    `istio_requests_total{${shared},response_code="503",response_flags="UC",${behind}} 1`,
    '# TYPE istio_request_duration_milliseconds histogram',
    `istio_request_duration_milliseconds_bucket{${shared},response_code="200",response_flags="-",${behind},le="0.5"} 3`,
    `istio_request_duration_milliseconds_bucket{${shared},response_code="503",response_flags="UC",${behind},le="60000"} 0`,
    `istio_request_duration_milliseconds_bucket{${shared},response_code="503",response_flags="UC",${behind},le="+Inf"} 1`,
    `istio_response_bytes_sum{${shared},response_code="200",response_flags="-",${behind}} 30`,
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
  assert.ok(text.endsWith('\n'))
})

test('beyond the limit new combinations of labels are counted together', () => {
  const recorder = new TrafficRecorder({ proxy: 'p', startedAtMs: 0 })
  for (let index = 0; index < 20_010; index++) {
    recorder
      .destination({ ...labels, workload: `w${index}` })
      .count({ status: 200, flag: '', durationMs: 1, requestBytes: 0, responseBytes: 0 })
  }
  const { series } = recorder.report()
  assert.equal(series.length, 20_001)
  assert.equal(series.at(-1)?.labels.workload, 'other')
  assert.equal(series.at(-1)?.requests, 10)
})

test('TCP connections have metrics of their own, and count in no request', async () => {
  const clock = new FakeClock()
  const store = new TelemetryStore({ clock })
  await clock.advance(1)
  const recorder = new TrafficRecorder({ proxy: 'proxy-0', startedAtMs: clock.now() })
  const seen = { status: 0, flag: '', durationMs: 5, requestBytes: 3, responseBytes: 7 }
  recorder.destination({ ...labels, protocol: 'tcp' }).count(seen)
  recorder.destination(labels).count({ ...seen, status: 200 })
  store.ingest(recorder.report())
  const text = prometheusText(store)
  assert.match(text, /^istio_tcp_connections_closed_total\{.*request_protocol="tcp".*\} 1$/m)
  assert.match(text, /^istio_tcp_received_bytes_total\{.*\} 3$/m)
  assert.match(text, /^istio_tcp_sent_bytes_total\{.*\} 7$/m)
  assert.equal(text.match(/^istio_requests_total\{/gm)?.length, 1)
  assert.match(text, /^istio_requests_total\{.*request_protocol="http".*response_code="200".*\} 1$/m)
})

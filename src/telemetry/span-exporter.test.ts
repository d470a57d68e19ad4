import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { eventually, readBody } from '../../test/support/live-proxy.ts'
import type { Log } from '../base/log.ts'
import { silentLog } from '../base/log.ts'
import { BATCH_SPANS_MAX, SPANS_WAITING_MAX, SpanExporter } from './span-exporter.ts'
import type { SpanTarget } from './span-exporter.ts'
import type { Span } from './span.ts'

const span: Span = {
  serviceName: 'Gateway',
  traceId: '48485a3953bb6124',
  spanId: 'a2fb4a1d1a96d312',
  parentId: '',
  state: '',
  isDebug: false,
  name: 'echo.echo.svc.cluster.local:80/*',
  startedAtMs: 1_767_225_600_000.25,
  durationMs: 1.5,
  isError: false,
  peerAddress: '127.0.0.1',
  tags: { 'http.method': 'GET' },
}

interface Collector {
  readonly url: string
  /** What came, each with its path. */
  readonly posts: { readonly path: string; readonly type: string; readonly body: unknown }[]
  /** What it answers with; 0: nothing at all. */
  status: number
}

async function startCollector(t: TestContext): Promise<Collector> {
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body: unknown = JSON.parse(await readBody(request))
    collector.posts.push({ path: request.url ?? '', type: request.headers['content-type'] ?? '', body })
    if (collector.status > 0) response.writeHead(collector.status).end('{}')
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const collector: Collector = { url: `http://127.0.0.1:${port}`, posts: [], status: 202 }
  return collector
}

function exporterTo(target: SpanTarget, log: Log = silentLog) {
  const clock = new FakeClock()
  const counts = { sent: 0, dropped: 0 }
  const exporter = new SpanExporter({
    target,
    clock,
    log,
    onSent: (count) => (counts.sent += count),
    onDropped: (count) => (counts.dropped += count),
  })
  return { exporter, clock, counts }
}

test('spans go to Zipkin in its JSON, as one batch', async (t) => {
  const collector = await startCollector(t)
  const { exporter, clock, counts } = exporterTo({ kind: 'zipkin', url: `${collector.url}/api/v2/spans` })
  exporter.add(span)
  exporter.add({
    ...span,
    spanId: '000000000000000b',
    parentId: span.spanId,
    isError: true,
    isDebug: true,
    durationMs: 0,
  })
  await clock.advance(1_000)
  await eventually(() => counts.sent === 2)
  const shared = {
    kind: 'SERVER',
    name: span.name,
    timestamp: 1_767_225_600_000_250,
    localEndpoint: { serviceName: 'gateway' },
  }
  const remoteEndpoint = { ipv4: '127.0.0.1' }
  assert.deepEqual(collector.posts, [
    {
      path: '/api/v2/spans',
      type: 'application/json',
      body: [
        {
          ...shared,
          traceId: span.traceId,
          id: span.spanId,
          duration: 1_500,
          remoteEndpoint,
          tags: { 'http.method': 'GET' },
        },
        {
          ...shared,
          traceId: span.traceId,
          id: '000000000000000b',
          parentId: span.spanId,
          duration: 1,
          remoteEndpoint,
          tags: { 'http.method': 'GET', error: 'true' },
          debug: true,
        },
      ],
    },
  ])
  await exporter.close(1_000)
})

const resource = (name: string) => ({ attributes: [{ key: 'service.name', value: { stringValue: name } }] })

test('spans go to an OTLP collector in its JSON, grouped by service', async (t) => {
  const collector = await startCollector(t)
  const { exporter, counts } = exporterTo({ kind: 'otlp', url: `${collector.url}/v1/traces` })
  exporter.add({ ...span, state: 'a=b', parentId: '000000000000000a', isError: true })
  exporter.add({ ...span, serviceName: 'other' })
  await exporter.close(1_000)
  assert.deepEqual(counts, { sent: 2, dropped: 0 })
  const ids = { traceId: '000000000000000048485a3953bb6124', spanId: span.spanId }
  const times = { startTimeUnixNano: '1767225600000250000', endTimeUnixNano: '1767225600001750000' }
  const attributes = [{ key: 'http.method', value: { stringValue: 'GET' } }]
  const seen = { name: span.name, kind: 2, ...times, attributes }
  const scope = { name: 'sluice' }
  const failed = { ...ids, parentSpanId: '000000000000000a', traceState: 'a=b', ...seen, status: { code: 2 } }
  assert.deepEqual(collector.posts, [
    {
      path: '/v1/traces',
      type: 'application/json',
      body: {
        resourceSpans: [
          { resource: resource('Gateway'), scopeSpans: [{ scope, spans: [failed] }] },
          { resource: resource('other'), scopeSpans: [{ scope, spans: [{ ...ids, ...seen, status: {} }] }] },
        ],
      },
    },
  ])
})

test('a full batch does not wait', async (t) => {
  const collector = await startCollector(t)
  const { exporter, counts } = exporterTo({ kind: 'zipkin', url: collector.url })
  for (let index = 0; index < BATCH_SPANS_MAX; index++) exporter.add(span)
  await eventually(() => counts.sent === BATCH_SPANS_MAX)
  await exporter.close(1_000)
})

test('a batch that fails is sent three times, then dropped, and that is said once', async (t) => {
  const collector = await startCollector(t)
  collector.status = 503
  const warnings: unknown[] = []
  const log = { ...silentLog, warn: (message: string, fields?: object) => warnings.push({ message, ...fields }) }
  const { exporter, clock, counts } = exporterTo(
    { kind: 'zipkin', url: collector.url.replace('//', '//me:secret@') },
    log,
  )
  for (const round of [1, 2]) {
    exporter.add(span)
    while (counts.dropped < round) await clock.advance(1_000)
  }
  assert.equal(collector.posts.length, 6)
  const why = 'the collector answered 503'
  assert.deepEqual(warnings, [{ message: 'cannot send spans, dropping them', url: `${collector.url}/`, why }])
  collector.status = 200
  exporter.add(span)
  while (counts.sent < 1) await clock.advance(1_000)
  await exporter.close(1_000)
})

test('a batch that the collector does not want is not sent again', async (t) => {
  const collector = await startCollector(t)
  collector.status = 400
  const { exporter, clock, counts } = exporterTo({ kind: 'zipkin', url: collector.url })
  exporter.add(span)
  await clock.advance(1_000)
  await eventually(() => counts.dropped === 1)
  assert.equal(collector.posts.length, 1)
  await exporter.close(1_000)
})

test('a collector that does not answer costs no more than so many spans, and does not hold up the end', async (t) => {
  const collector = await startCollector(t)
  collector.status = 0
  const { exporter, clock, counts } = exporterTo({ kind: 'zipkin', url: collector.url })
  const added = SPANS_WAITING_MAX + BATCH_SPANS_MAX + 100
  for (let index = 0; index < added; index++) exporter.add(span)
  assert.equal(counts.dropped, 100)
  await eventually(() => collector.posts.length === 1)
  const closed = exporter.close(500)
  await clock.advance(500)
  await closed
  assert.deepEqual(counts, { sent: 0, dropped: added })
})

test('without a collector spans are dropped', async () => {
  const { exporter, counts } = exporterTo({ kind: 'otlp', url: 'http://127.0.0.1:9/v1/traces' })
  exporter.add(span)
  await exporter.close(1_000)
  assert.deepEqual(counts, { sent: 0, dropped: 1 })
})

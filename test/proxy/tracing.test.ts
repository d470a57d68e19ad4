import assert from 'node:assert/strict'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import {
  cluster,
  fetchFrom,
  forwardingTo,
  readBody,
  route,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import type { Tracing } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const TRACE = '463ac35c9f6413ad48485a3953bb6124'
const CALLER = 'a2fb4a1d1a96d312'

interface ZipkinSpan {
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly name: string
  readonly duration: number
  readonly localEndpoint: { readonly serviceName: string }
  readonly tags: Readonly<Record<string, string>>
}

function tracing(snapshot: RoutingSnapshot, change: Partial<Tracing> = {}): RoutingSnapshot {
  const settings: Tracing = { sampledShare: 1, propagation: ['w3c'], serviceName: 'gateway', ...change }
  return { ...snapshot, listeners: snapshot.listeners.map((each) => ({ ...each, http: { tracing: settings } })) }
}

/** An endpoint that keeps the headers that it gets. */
async function startListening(t: TestContext) {
  const heard: IncomingHttpHeaders[] = []
  const backend = await startBackend(t, (request, response) => {
    heard.push(request.headers)
    request.resume()
    response.end('ok')
  })
  return { port: backend.port, heard }
}

async function startCollector(t: TestContext) {
  const spans: ZipkinSpan[] = []
  const backend = await startBackend(t, (request, response) => {
    void take(request, response)
  })
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    spans.push(...(JSON.parse(await readBody(request)) as ZipkinSpan[]))
    response.writeHead(202).end()
  }
  return { spans, target: { kind: 'zipkin', url: `http://127.0.0.1:${backend.port}/api/v2/spans` } as const }
}

const onlyTrace = (headers: IncomingHttpHeaders | undefined) =>
  Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => /^(?:trace|b3|x-b3)/.test(name)))

describe('trace headers', () => {
  test('a trace that came goes on in the headers that it came with, with a span of ours', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { port } = await startProxy(t, tracing(forwardingTo(to)))
    await fetchFrom(port, { headers: { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'a=b', b3: '1' } })
    const { traceparent = '', tracestate, b3 = '', ...others } = onlyTrace(heard[0])
    const [, span = ''] = new RegExp(`^00-${TRACE}-([0-9a-f]{16})-01$`).exec(String(traceparent)) ?? []
    assert.notEqual(span, '')
    assert.notEqual(span, CALLER)
    assert.deepEqual([tracestate, b3, others], ['a=b', `${TRACE}-${span}-1-${CALLER}`, {}])
  })

  test('that a trace’s id is random goes on with it', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { port } = await startProxy(t, tracing(forwardingTo(to)))
    await fetchFrom(port, { headers: { traceparent: `00-${TRACE}-${CALLER}-03` } })
    assert.match(String(heard[0]?.['traceparent']), new RegExp(`^00-${TRACE}-[0-9a-f]{16}-03$`))
  })

  test('b3 in many headers goes on in these', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { port } = await startProxy(t, tracing(forwardingTo(to), { sampledShare: 0 }))
    await fetchFrom(port, { headers: { 'X-B3-TraceId': TRACE, 'X-B3-SpanId': CALLER, 'X-B3-Sampled': '1' } })
    const { 'x-b3-spanid': span, ...rest } = onlyTrace(heard[0])
    assert.notEqual(span, CALLER)
    assert.deepEqual(rest, { 'x-b3-traceid': TRACE, 'x-b3-parentspanid': CALLER, 'x-b3-sampled': '1' })
  })

  test('a caller’s wish not to be sampled is kept, and its headers are as they came', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { spans, target } = await startCollector(t)
    const { port, proxy } = await startProxy(t, tracing(forwardingTo(to), { export: target }))
    const wishes = [
      { 'x-b3-sampled': '0' },
      { b3: '0' },
      { traceparent: `00-${TRACE}-${CALLER}-00` },
      { 'x-b3-traceid': TRACE, 'x-b3-spanid': CALLER, 'x-b3-sampled': '0' },
    ]
    for (const headers of wishes) await fetchFrom(port, { headers })
    assert.deepEqual(heard.map(onlyTrace), wishes)
    await proxy.close(0)
    assert.deepEqual(spans, [])
  })

  test('a request without a trace, or with a malformed one, begins one in the kinds that were asked for', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { port } = await startProxy(t, tracing(forwardingTo(to), { propagation: ['b3-single', 'b3'] }))
    await fetchFrom(port)
    await fetchFrom(port, { headers: { traceparent: 'nonsense', tracestate: 'a=b', b3: 'nonsense' } })
    const traces = heard.map(onlyTrace)
    for (const { b3, ...others } of traces) {
      const [trace, span, sampled] = String(b3).split('-')
      assert.match(`${trace} ${span}`, /^[0-9a-f]{32} [0-9a-f]{16}$/)
      assert.deepEqual([sampled, others], ['1', { 'x-b3-traceid': trace, 'x-b3-spanid': span, 'x-b3-sampled': '1' }])
    }
    assert.notEqual(traces[0]?.['b3'], traces[1]?.['b3'])
  })

  test('without tracing they go through as they are', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { port } = await startProxy(t, forwardingTo(to))
    const headers = { traceparent: 'nonsense', b3: '1', 'x-b3-flags': '1' }
    await fetchFrom(port, { headers })
    assert.deepEqual(onlyTrace(heard[0]), headers)
  })
})

describe('spans', () => {
  test('a request over two proxies is one trace, each proxy’s span below that of the one before', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { spans, target } = await startCollector(t)
    const inner = await startProxy(t, tracing(forwardingTo(to), { serviceName: 'inner', export: target }))
    const outer = await startProxy(t, tracing(forwardingTo(inner.port), { serviceName: 'outer', export: target }))
    await fetchFrom(outer.port, { path: '/a?b=c', headers: { host: 'echo.example.com', 'x-request-id': 'id-1' } })
    await Promise.all([inner.proxy.close(0), outer.proxy.close(0)])
    assert.equal(spans.length, 2)
    const [first, second] = ['outer', 'inner'].map((name) =>
      spans.find((span) => span.localEndpoint.serviceName === name),
    )
    assert.equal(first?.parentId, undefined)
    assert.equal(second?.parentId, first?.id)
    assert.equal(heard[0]?.['traceparent'], `00-${first?.traceId}-${second?.id}-01`)
    assert.ok((first?.duration ?? 0) >= (second?.duration ?? Infinity))
    assert.deepEqual(first?.tags, {
      component: 'proxy',
      'http.method': 'GET',
      'http.url': 'http://echo.example.com/a?b=c',
      'http.protocol': 'HTTP/1.1',
      'http.status_code': '200',
      user_agent: '',
      request_size: '0',
      response_size: '2',
      response_flags: '-',
      'guid:x-request-id': 'id-1',
      'peer.address': '127.0.0.1',
      upstream_cluster: 'v1',
      upstream_address: `127.0.0.1:${inner.port}`,
      route_name: 'all',
      destination_workload: 'v1',
      destination_workload_namespace: 'echo',
      destination_version: 'v1',
    })
    assert.equal(first?.name, 'echo.echo.svc.cluster.local/*')
  })

  test('of what strangers send, a span keeps the beginning', async (t) => {
    const { port: to } = await startListening(t)
    const { spans, target } = await startCollector(t)
    const live = await startProxy(t, tracing(forwardingTo(to), { export: target }))
    const long = 'é'.repeat(2_000)
    const headers = {
      host: 'a',
      'user-agent': Buffer.from(`x${long}`).toString('latin1'),
      'x-request-id': 'r'.repeat(3_000),
    }
    await fetchFrom(live.port, { path: `/${'p'.repeat(3_000)}`, headers })
    await live.proxy.close(0)
    const { tags = {} } = spans[0] ?? {}
    assert.equal(tags['user_agent'], `x${'é'.repeat(127)}`)
    assert.equal(tags['guid:x-request-id'], 'r'.repeat(256))
    assert.equal(tags['http.url'], `http://a/${'p'.repeat(247)}`)
  })

  test('a failure is marked as one', async (t) => {
    const { spans, target } = await startCollector(t)
    const snapshot = snapshotOf([route('empty', { v1: 1 })], [cluster('v1', [])])
    const { port, proxy } = await startProxy(t, tracing(snapshot, { export: target }))
    await fetchFrom(port)
    await proxy.close(0)
    const [span] = spans
    assert.deepEqual(
      [span?.tags['error'], span?.tags['http.status_code'], span?.tags['response_flags']],
      ['true', '503', 'UH'],
    )
  })

  test('exactly the share is sampled, and the others are told so', async (t) => {
    const { port: to, heard } = await startListening(t)
    const { spans, target } = await startCollector(t)
    const live = await startProxy(t, tracing(forwardingTo(to), { sampledShare: 0.25, export: target }))
    for (let count = 0; count < 20; count++) {
      await fetchFrom(live.port)
      // A snapshot in between does not begin the sequence anew.
      if (count === 9) await live.apply(tracing(forwardingTo(to), { sampledShare: 0.25, export: target }))
    }
    await live.proxy.close(0)
    const sampled = heard.map(({ traceparent }) => String(traceparent).endsWith('-01'))
    for (let from = 0; from + 4 <= sampled.length; from++) {
      const count = sampled.slice(from, from + 4).filter(Boolean).length
      assert.equal(count, 1, `requests ${from} to ${from + 3}`)
    }
    assert.equal(spans.length, 5)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  cluster,
  fetchFrom,
  forwardingTo,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import type { Route } from '../../src/routing/route-model.ts'

describe('forwarding', () => {
  test('a request reaches the endpoint with its headers and what a proxy adds', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      response.setHeader('x-from', 'backend')
      response.end(JSON.stringify({ url: request.url, headers: request.headers }))
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const reply = await fetchFrom(port, {
      path: '/a/b?c=d',
      headers: {
        host: 'echo.example.com',
        'x-custom': 'kept',
        'x-forwarded-for': '10.0.0.1',
        'x-forwarded-proto': 'https',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'x-named': 'dropped',
        connection: 'close, x-named',
      },
    })
    const seen = JSON.parse(reply.body) as { url: string; headers: Record<string, string> }
    assert.equal(reply.headers['x-from'], 'backend')
    assert.equal(seen.url, '/a/b?c=d')
    const { 'x-request-id': id, ...headers } = seen.headers
    assert.match(id ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual(headers, {
      host: 'echo.example.com',
      'x-custom': 'kept',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    })
  })

  test('a request id that the client sent is kept', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(request.headers['x-request-id']))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    assert.equal((await fetchFrom(port, { headers: { 'x-request-id': 'mine' } })).body, 'mine')
  })

  test('of 100 requests at 50/50 each version gets exactly 50, at 90/10 exactly 90 and 10', async (t) => {
    const v1 = await startBackend(t, saying('v1'))
    const v2 = await startBackend(t, saying('v2'))
    const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
    const live = await startProxy(t, snapshotOf([route('r', { v1: 50, v2: 50 })], clusters))
    const versions = async (): Promise<Record<string, number>> => {
      const replies = await Promise.all(Array.from({ length: 100 }, () => fetchFrom(live.port)))
      return Object.fromEntries(
        Object.entries(Object.groupBy(replies, ({ body }) => body)).map(([key, all]) => [key, all?.length ?? 0]),
      )
    }
    assert.deepEqual(await versions(), { v1: 50, v2: 50 })
    await live.apply(snapshotOf([route('r', { v1: 90, v2: 10 })], clusters))
    assert.deepEqual(await versions(), { v1: 90, v2: 10 })
    const workloads = live.series().map(({ labels, requests }) => `${labels.workload} ${labels.status} ${requests}`)
    assert.deepEqual(workloads.toSorted(), ['v1 200 140', 'v2 200 60'])
  })

  test('a split goes on where it was when a snapshot leaves its weights as they were', async (t) => {
    const v1 = await startBackend(t, saying('v1'))
    const v2 = await startBackend(t, saying('v2'))
    const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
    const snapshot = () => snapshotOf([route('r', { v1: 3, v2: 1 })], clusters)
    const live = await startProxy(t, snapshot())
    let canaries = 0
    for (let index = 0; index < 40; index++) {
      if ((await fetchFrom(live.port)).body === 'v2') canaries++
      await live.apply(snapshot())
    }
    assert.equal(canaries, 10)
  })

  test('the endpoints of a cluster take turns', async (t) => {
    const backends = await Promise.all(['a', 'b', 'c'].map((name) => startBackend(t, saying(name))))
    const live = await startProxy(
      t,
      snapshotOf(
        [route('r', { v1: 1 })],
        [
          cluster(
            'v1',
            backends.map(({ port }) => port),
          ),
        ],
      ),
    )
    const bodies: string[] = []
    for (let index = 0; index < 6; index++) bodies.push((await fetchFrom(live.port)).body)
    assert.deepEqual(bodies, ['a', 'b', 'c', 'a', 'b', 'c'])
  })

  test('a cluster without endpoints is served by its fallback', async (t) => {
    const backend = await startBackend(t, saying('v1'))
    const clusters = [
      cluster('v3', [], { fallback: 'v2' }),
      cluster('v2', [], { fallback: 'v1' }),
      cluster('v1', [backend.port]),
    ]
    const { port } = await startProxy(t, snapshotOf([route('r', { v3: 1 })], clusters))
    assert.equal((await fetchFrom(port)).body, 'v1')
  })

  test('fallbacks that lead in a circle end as no healthy endpoint', async (t) => {
    const clusters = [cluster('v1', [], { fallback: 'v2' }), cluster('v2', [], { fallback: 'v1' })]
    const { port } = await startProxy(t, snapshotOf([route('r', { v1: 1 })], clusters))
    assert.equal((await fetchFrom(port)).status, 503)
  })

  test('the host and the path are rewritten as the route says', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(`${request.headers.host} ${request.url}`))
    const policy = { rewrite: { path: { kind: 'prefix' as const, value: '/new' }, authority: 'inner' } }
    const match = { path: { kind: 'path-prefix' as const, value: '/old', caseSensitive: true } }
    const { port } = await startProxy(
      t,
      snapshotOf([route('r', { v1: 1 }, { match, policy })], [cluster('v1', [backend.port])]),
    )
    assert.equal((await fetchFrom(port, { path: '/old/x?y=z' })).body, 'inner /new/x?y=z')
  })

  test('a share for an invalid destination is answered with its status', async (t) => {
    const backend = await startBackend(t, saying('v1'))
    const base = route('r', {})
    const mixed: Route = {
      ...base,
      action: {
        kind: 'forward',
        split: 'r',
        destinations: [
          { kind: 'cluster', cluster: 'v1', weight: 3 },
          { kind: 'invalid', status: 500, reason: 'no such service', weight: 1 },
        ],
      },
    }
    const live = await startProxy(t, snapshotOf([mixed], [cluster('v1', [backend.port])]))
    for (let index = 0; index < 8; index++) await fetchFrom(live.port)
    assert.deepEqual(live.counted(), { '200': 6, '500': 2 })
  })
})

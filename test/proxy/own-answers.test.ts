import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  RawClient,
  cluster,
  everyRequest,
  fetchFrom,
  refusePort,
  route,
  snapshotOf,
  startProxy,
} from '../support/live-proxy.ts'
import { ask, http2Session } from '../support/http2-client.ts'
import type { Route } from '../../src/routing/route-model.ts'

describe('answers of its own', () => {
  const answering = (action: Route['action'], change: Partial<Route['match']> = {}): Route => ({
    ...route('r', {}),
    match: { ...everyRequest, ...change },
    action,
  })

  test('a direct response has the route’s status, headers and body', async (t) => {
    const action = {
      kind: 'respond' as const,
      status: 418,
      body: 'grüß',
      headers: [{ name: 'x-a', value: 'b' }],
    }
    const { port } = await startProxy(t, snapshotOf([answering(action)], []))
    const reply = await fetchFrom(port)
    assert.equal(reply.status, 418)
    assert.equal(reply.body, 'grüß')
    assert.equal(reply.headers['x-a'], 'b')
  })

  const redirects: readonly [string, Partial<Extract<Route['action'], { kind: 'redirect' }>>, string][] = [
    ['to https', { scheme: 'https' }, 'https://echo.example.com/old/x?y=z'],
    ['to another host', { host: 'other.com' }, 'http://other.com/old/x?y=z'],
    ['to another port', { port: 9000 }, 'http://echo.example.com:9000/old/x?y=z'],
    ['with another path', { path: { kind: 'full', value: '/new' } }, 'http://echo.example.com:8080/new?y=z'],
    ['with another prefix', { path: { kind: 'prefix', value: '/new' } }, 'http://echo.example.com:8080/new/x?y=z'],
    ['without the query', { stripQuery: true }, 'http://echo.example.com:8080/old/x'],
  ]
  for (const [name, change, location] of redirects) {
    test(`a redirect ${name}`, async (t) => {
      const action = { kind: 'redirect' as const, status: 302 as const, stripQuery: false, ...change }
      const match = { path: { kind: 'prefix' as const, value: '/old', caseSensitive: true } }
      const { port } = await startProxy(t, snapshotOf([answering(action, match)], []))
      const reply = await fetchFrom(port, { path: '/old/x?y=z', headers: { host: 'echo.example.com:8080' } })
      assert.equal(reply.status, 302)
      assert.equal(reply.headers.location, location)
    })
  }

  test('no route, no endpoint and a refused connection have their flags', async (t) => {
    const gone = refusePort(t)
    const only = (path: string) => ({ path: { kind: 'exact' as const, value: path, caseSensitive: true } })
    const routes = [
      route('empty', { empty: 1 }, { match: only('/empty') }),
      route('gone', { gone: 1 }, { match: only('/gone') }),
    ]
    const live = await startProxy(t, snapshotOf(routes, [cluster('empty', []), cluster('gone', [gone.port])]))
    const [none, empty, refused] = await Promise.all(
      ['/none', '/empty', '/gone'].map((path) => fetchFrom(live.port, { path })),
    )
    assert.deepEqual([none?.status, empty?.status, refused?.status], [404, 503, 503])
    assert.match(none?.body ?? '', /\(NR\)/)
    assert.deepEqual(live.counted(), { '404 NR': 1, '503 UH': 1, '503 UF': 1 })
  })

  test('a CONNECT that is not served says what is allowed: nothing', async (t) => {
    const { port } = await startProxy(t, snapshotOf([], []))
    const text = await new RawClient(t, port).send('CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n').untilClosed()
    assert.match(text, /^HTTP\/1\.1 405 [^]*\r\nallow: \r\n/)
    // By HTTP/2 a call of gRPC would be told in a 200, which opens a tunnel.
    for (const type of ['text/plain', 'application/grpc']) {
      const headers = { ':method': 'CONNECT', ':authority': 'a:1', 'content-type': type }
      const reply = await ask(http2Session(t, port), { headers })
      assert.deepEqual([reply.status, reply.headers.allow], [405, ''])
    }
  })

  for (const method of ['GET', 'HEAD']) {
    test(`of the proxy’s own answers to ${method}, what was sent is counted`, async (t) => {
      const body = 'grüß'
      const only = (value: string) => ({ path: { kind: 'exact' as const, value, caseSensitive: true } })
      const routes = [200, 204, 205, 304].map((status): Route => ({
        ...answering({ kind: 'respond', status, body, headers: [] }, only(`/${status}`)),
        id: `r${status}`,
      }))
      const live = await startProxy(t, snapshotOf(routes, []))
      const session = http2Session(t, live.port)
      const sent = method === 'GET' ? Buffer.byteLength(body) : 0
      for (const [status, bytes] of [
        [200, sent],
        [204, 0],
        [205, 0],
        [304, 0],
      ] as const) {
        const counted = (): number => {
          const of = live.series().filter(({ labels }) => labels.status === status)
          return of.reduce((sum, { responseBytes }) => sum + responseBytes, 0)
        }
        await fetchFrom(live.port, { method, path: `/${status}` })
        assert.equal(counted(), bytes)
        await ask(session, { headers: { ':method': method, ':path': `/${status}` } })
        assert.equal(counted(), 2 * bytes)
      }
    })
  }

  test('a response flag of the route is counted', async (t) => {
    const action = { kind: 'respond' as const, status: 503, body: '', headers: [], flag: 'NC' as const }
    const live = await startProxy(t, snapshotOf([answering(action)], []))
    await fetchFrom(live.port)
    assert.deepEqual(live.counted(), { '503 NC': 1 })
  })
})

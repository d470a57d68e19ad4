import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  cluster,
  echoing,
  eventually,
  fetchFrom,
  forwardingTo,
  readBody,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import { ask as askHttp2, http2Session } from '../support/http2-client.ts'
import type { HttpLimits, HttpPolicy } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RoutePolicy } from '../../src/routing/policy-model.ts'

function treating(snapshot: RoutingSnapshot, http: HttpPolicy): RoutingSnapshot {
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, http })) }
}

const SENT = {
  'x-envoy-retry-on': '5xx',
  'L5d-Dtab': '/svc => /evil',
  'x-sluice-lane': 'blue',
  forwarded: 'for=10.0.0.9',
  'x-forwarded-for': '10.0.0.1, 10.0.0.2, 10.0.0.3',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'spoofed.test',
  'x-own': 'kept',
}

/** What an endpoint sees of the fields that were sent. */
async function seen(t: TestContext, http: HttpPolicy, policy: Partial<RoutePolicy> = {}): Promise<unknown> {
  const backend = await startBackend(t, (request, response) => {
    const names = Object.keys(SENT).map((name) => name.toLowerCase())
    response.end(JSON.stringify(Object.fromEntries(names.map((name) => [name, request.headers[name]]))))
  })
  const { port } = await startProxy(t, treating(forwardingTo(backend.port, policy), http))
  return JSON.parse((await fetchFrom(port, { headers: { host: 'echo.test', ...SENT } })).body)
}

describe('edge', () => {
  test('what only we may say is removed, and the way of the request begins anew', async (t) => {
    const expected = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-own': 'kept' }
    assert.deepEqual(await seen(t, {}), expected)
    const rewrite = { authority: 'other.test' }
    assert.deepEqual(await seen(t, {}, { rewrite }), { ...expected, 'x-forwarded-host': 'echo.test' })
  })

  test('of the way here, as many proxies are believed as are trusted', async (t) => {
    assert.deepEqual(await seen(t, { trustedHops: 2 }), {
      'x-forwarded-for': '10.0.0.2, 10.0.0.3, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'spoofed.test',
      'x-own': 'kept',
    })
  })

  test('inside, everything is kept and continued', async (t) => {
    const lower = Object.fromEntries(Object.entries(SENT).map(([name, value]) => [name.toLowerCase(), value]))
    assert.deepEqual(await seen(t, { edge: false }), {
      ...lower,
      'x-forwarded-for': `${SENT['x-forwarded-for']}, 127.0.0.1`,
    })
  })

  for (const name of ['X-Envoy-Internal', 'x-sluice-debug', 'l5d-dst-override', 'X-Forwarded-For', 'Forwarded']) {
    test(`${name} does not get in behind a body either`, async (t) => {
      const backend = await startBackend(t, (request, response) => {
        void readBody(request).then(() => response.end(JSON.stringify(request.trailers)))
      })
      const live = await startProxy(t, forwardingTo(backend.port))
      const trailers = { 'x-own': 'kept', [name.toLowerCase()]: 'a' }
      const http1 = async (): Promise<string> => {
        const client = new RawClient(t, live.port)
        client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
        client.send(`0\r\nx-own: kept\r\n${name}: a\r\n\r\n`)
        return client.until((text) => text.includes('}') || text.includes(' 400 '))
      }
      const http2 = async (): Promise<unknown> => {
        const asked = { headers: { ':method': 'POST' }, body: 'hello', trailers }
        return JSON.parse((await askHttp2(http2Session(t, live.port), asked)).body)
      }
      assert.match(await http1(), /^HTTP\/1\.1 400 /)
      assert.deepEqual(await http2(), { 'x-own': 'kept' })
      await live.apply(treating(forwardingTo(backend.port), { edge: false }))
      assert.ok((await http1()).includes(JSON.stringify(trailers)))
      assert.deepEqual(await http2(), trailers)
    })
  }

  for (const [name, inside] of [
    ['X_Forwarded_For', 'x_forwarded_for'],
    ['x-envoy_internal', 'x-envoy_internal'],
    ['L5D_dtab', 'l5d_dtab'],
  ] as const) {
    test(`${name}, which many servers take for the same name with hyphens, does not get in`, async (t) => {
      const backend = await startBackend(t, (request, response) => {
        response.end(JSON.stringify(request.headers[inside] ?? 'none'))
      })
      const live = await startProxy(t, forwardingTo(backend.port))
      const ask = async (): Promise<unknown> =>
        JSON.parse((await fetchFrom(live.port, { headers: { [name]: 'a' } })).body)
      assert.equal(await ask(), 'none')
      await live.apply(treating(forwardingTo(backend.port), { edge: false }))
      assert.equal(await ask(), 'a')
    })
  }

  test('an empty x-forwarded-for is none', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      response.end(String(request.headers['x-forwarded-for']))
    })
    for (const http of [{ trustedHops: 1 }, { edge: false }]) {
      const live = await startProxy(t, treating(forwardingTo(backend.port), http))
      const ask = async (sent: string) => (await fetchFrom(live.port, { headers: { 'x-forwarded-for': sent } })).body
      assert.equal(await ask(''), '127.0.0.1')
      assert.equal(await ask('10.0.0.1'), '10.0.0.1, 127.0.0.1')
    }
  })

  test('a request has one id, whatever its client says of it', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      response.end(JSON.stringify(request.headersDistinct['x-request-id'] ?? []))
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const ask = async (headers: Record<string, string | string[]>): Promise<unknown> =>
      JSON.parse((await fetchFrom(port, { headers })).body)
    assert.deepEqual(await ask({ 'x-request-id': 'own' }), ['own'])
    assert.deepEqual(await ask({ 'x-request-id': ['own', 'other'] }), ['own'])
    assert.deepEqual(await ask({ 'x-request-id': 'own', connection: 'close, x-request-id' }), ['own'])
    const made = await ask({ 'x-request-id': '' })
    assert.match(JSON.stringify(made), /^\["[0-9a-f-]{36}"\]$/)
  })

  test('a redirect, and a route, go by what the client spoke to a proxy that is believed', async (t) => {
    const home = { kind: 'redirect', status: 302, stripQuery: false, path: { kind: 'full', value: '/home' } } as const
    const secure = { kind: 'redirect', status: 301, stripQuery: false, scheme: 'https' } as const
    const clear = { name: ':scheme', value: { kind: 'exact', value: 'http' }, invert: false } as const
    const routes = [
      { ...route('clear', {}, { match: { headers: [clear] } }), action: secure },
      { ...route('home', {}), action: home },
    ]
    const live = await startProxy(t, treating(snapshotOf(routes, []), { trustedHops: 1 }))
    const ask = async (headers: Record<string, string>) =>
      (await fetchFrom(live.port, { headers: { host: 'a.test', ...headers } })).headers.location
    assert.equal(await ask({}), 'https://a.test/')
    assert.equal(await ask({ 'x-forwarded-proto': 'https' }), 'https://a.test/home')
    assert.equal(await ask({ 'x-forwarded-proto': 'http' }), 'https://a.test/')
    await live.apply(treating(snapshotOf(routes, []), {}))
    assert.equal(await ask({ 'x-forwarded-proto': 'https' }), 'https://a.test/')
  })

  test('routing does not see what was removed', async (t) => {
    const backend = await startBackend(t, saying('internal'))
    const header = { name: 'x-sluice-lane', value: { kind: 'present' }, invert: false } as const
    const snapshot = snapshotOf(
      [route('r', { v1: 1 }, { match: { headers: [header] } })],
      [cluster('v1', [backend.port])],
    )
    const live = await startProxy(t, snapshot)
    const ask = async (): Promise<number> => (await fetchFrom(live.port, { headers: { 'X-Sluice-Lane': 'a' } })).status
    assert.equal(await ask(), 404)
    await live.apply(treating(snapshot, { edge: false }))
    assert.equal(await ask(), 200)
  })
})

const limited = (snapshot: RoutingSnapshot, limits: HttpLimits): RoutingSnapshot => treating(snapshot, { limits })

describe('limits of a listener', () => {
  test('heads with too many bytes or fields are 431', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const live = await startProxy(t, limited(forwardingTo(backend.port), { headBytesMax: 300, headerFieldsMax: 4 }))
    const ask = async (fields: string): Promise<string> =>
      (
        await new RawClient(t, live.port)
          .send(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields}\r\n`)
          .untilClosed()
      ).slice(0, 12)
    assert.equal(await ask('a: b\r\nc: d\r\n'), 'HTTP/1.1 200')
    assert.equal(await ask('a: b\r\nc: d\r\ne: f\r\n'), 'HTTP/1.1 431')
    assert.equal(await ask(`a: ${'b'.repeat(300)}\r\n`), 'HTTP/1.1 431')
    await live.apply(forwardingTo(backend.port))
    assert.equal(await ask('a: b\r\nc: d\r\ne: f\r\n'), 'HTTP/1.1 200')
  })

  test('a body that is declared too large is 413, and no endpoint hears of it', async (t) => {
    const backend = await startBackend(t, echoing)
    const { port } = await startProxy(t, limited(forwardingTo(backend.port), { bodyBytesMax: 5 }))
    assert.equal((await fetchFrom(port, { method: 'POST', body: '12345' })).body, '12345')
    const { accepted } = backend
    const client = new RawClient(t, port).send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n')
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 413/)
    assert.equal(backend.accepted, accepted)
  })

  test('a body that turns out too large is 413, and the endpoint is cut off', async (t) => {
    const cutOff = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => arrived.resolve())
      socket.on('close', () => cutOff.resolve())
    })
    const live = await startProxy(t, limited(forwardingTo(backend.port), { bodyBytesMax: 20 }))
    const client = new RawClient(t, live.port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n')
    await arrived.promise
    client.send('f\r\n012345678901234\r\n')
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 413/)
    await cutOff.promise
    assert.deepEqual(live.counted(), { '413 DPE': 1 })
  })

  test('connections beyond the limit are closed; those that are there go on', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const { port } = await startProxy(t, limited(forwardingTo(backend.port), { connectionsMax: 1 }))
    const first = new RawClient(t, port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await first.until((text) => text.endsWith('hello'))
    assert.equal(await new RawClient(t, port).untilClosed(), '')
    first.clear()
    await first.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n').until((text) => text.endsWith('hello'))
    first.socket.destroy()
    let isServed = false
    while (!isServed) {
      isServed = await fetchFrom(port).then(
        () => true,
        () => false,
      )
    }
  })

  test('the times for heads, bodies and idle connections are the listener’s', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, echoing)
    const limits = { headTimeoutMs: 1_000, bodyIdleTimeoutMs: 2_000, keepAliveTimeoutMs: 3_000 }
    const live = await startProxy(t, limited(forwardingTo(backend.port), limits), { clock })
    const client = (): RawClient => new RawClient(t, live.port)
    const head = client().send('GET / HT')
    const body = client().send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab')
    const idle = client().send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await idle.until((text) => text.startsWith('HTTP/1.1 200'))
    await eventually(() => backend.accepted === 2)
    await clock.advance(1_200)
    assert.match(await head.untilClosed(), /^HTTP\/1\.1 408/)
    await clock.advance(1_000)
    assert.match(await body.untilClosed(), /^HTTP\/1\.1 408/)
    await clock.advance(1_000)
    await idle.untilClosed()
  })
})

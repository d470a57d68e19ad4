import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startHttp2Backend } from '../support/http2-backend.ts'
import type { Backend, LiveProxy } from '../support/live-proxy.ts'
import {
  cluster,
  eventually,
  fetchFrom,
  RawClient,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import type { ClusterLimits } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const NO_LIMITS: ClusterLimits = {
  connectionsMax: 1_000,
  pendingMax: 1_000,
  requestsMax: 1_000,
  retriesMax: 1_000,
  requestsPerConnectionMax: 0,
}

interface Held {
  readonly backend: Backend
  /** Requests that arrived and are not answered yet, by path. */
  readonly waiting: Map<string, ServerResponse>
  readonly answer: (path: string) => void
}

/** Answers a request only when told to. */
async function startHolding(t: TestContext): Promise<Held> {
  const waiting = new Map<string, ServerResponse>()
  const backend = await startBackend(t, (request, response) => {
    request.resume()
    waiting.set(request.url ?? '', response)
  })
  return {
    backend,
    waiting,
    answer: (path) => {
      waiting.get(path)?.end(path)
      waiting.delete(path)
    },
  }
}

function limited(ports: readonly number[], limits: Partial<ClusterLimits>): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', ports, { limits: { ...NO_LIMITS, ...limits } })])
}

function send(t: TestContext, { port }: LiveProxy, path: string): RawClient {
  return new RawClient(t, port).send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
}

test('a request beyond the limit is answered with 503 and flag UO, and the next one after an answer is served', async (t) => {
  const held = await startHolding(t)
  const live = await startProxy(t, limited([held.backend.port], { requestsMax: 1 }))
  const first = fetchFrom(live.port, { path: '/first' })
  await eventually(() => held.waiting.has('/first'))
  const second = await fetchFrom(live.port, { path: '/second' })
  assert.equal(second.status, 503)
  assert.match(second.body, /UO/)
  held.answer('/first')
  assert.equal((await first).body, '/first')
  const third = fetchFrom(live.port, { path: '/third' })
  await eventually(() => held.waiting.has('/third'))
  held.answer('/third')
  assert.equal((await third).body, '/third')
  assert.deepEqual(live.counted(), { '200': 2, '503 UO': 1 })
})

test('with as many connections as there may be, requests wait in order, and beyond the queue they are refused', async (t) => {
  const held = await startHolding(t)
  const live = await startProxy(t, limited([held.backend.port], { connectionsMax: 1, pendingMax: 2 }))
  const paths = ['/1', '/2', '/3']
  for (const path of paths) {
    send(t, live, path)
    await eventually(() => live.proxy.gates.get('v1')?.requests === paths.indexOf(path) + 1)
  }
  assert.deepEqual(live.proxy.gates.get('v1'), { requests: 3, connections: 1, pending: 2 })
  assert.equal((await fetchFrom(live.port, { path: '/4' })).status, 503)
  for (const path of paths) {
    await eventually(() => held.waiting.has(path))
    assert.deepEqual([...held.waiting.keys()], [path])
    held.answer(path)
  }
  await eventually(() => live.proxy.gates.get('v1')?.requests === 0)
  assert.equal(held.backend.accepted, 1)
})

test('a client that leaves the queue makes room, and the next one is served', async (t) => {
  const held = await startHolding(t)
  const live = await startProxy(t, limited([held.backend.port], { connectionsMax: 1, pendingMax: 1 }))
  const first = fetchFrom(live.port, { path: '/1' })
  await eventually(() => held.waiting.has('/1'))
  const leaving = send(t, live, '/2')
  await eventually(() => live.proxy.gates.get('v1')?.pending === 1)
  assert.equal((await fetchFrom(live.port, { path: '/refused' })).status, 503)
  leaving.socket.resetAndDestroy()
  await eventually(() => live.proxy.gates.get('v1')?.pending === 0)
  const last = fetchFrom(live.port, { path: '/3' })
  await eventually(() => live.proxy.gates.get('v1')?.pending === 1)
  held.answer('/1')
  assert.equal((await first).body, '/1')
  await eventually(() => held.waiting.has('/3'))
  held.answer('/3')
  assert.equal((await last).body, '/3')
})

test('a body waits with its request', async (t) => {
  const bodies: string[] = []
  const held: ServerResponse[] = []
  const backend = await startBackend(t, (request, response) => {
    let text = ''
    request.on('data', (part: Buffer) => (text += part.toString()))
    request.on('end', () => {
      bodies.push(text)
      held.push(response)
    })
  })
  const live = await startProxy(t, limited([backend.port], { connectionsMax: 1 }))
  const first = fetchFrom(live.port, { method: 'POST', body: 'one' })
  await eventually(() => held.length === 1)
  const large = 'x'.repeat(1_000_000)
  const second = fetchFrom(live.port, { method: 'POST', body: large })
  held[0]?.end('1')
  assert.equal((await first).body, '1')
  await eventually(() => held.length === 2)
  held[1]?.end('2')
  assert.equal((await second).body, '2')
  assert.equal(bodies[1], large)
})

test('an idle connection of another endpoint serves where no more may be opened', async (t) => {
  const held = await Promise.all([startHolding(t), startHolding(t)])
  const live = await startProxy(
    t,
    limited(
      held.map(({ backend }) => backend.port),
      { connectionsMax: 1 },
    ),
  )
  for (const path of ['/1', '/2', '/3']) {
    const reply = fetchFrom(live.port, { path })
    await eventually(() => held.some(({ waiting }) => waiting.has(path)))
    for (const { answer } of held) answer(path)
    assert.equal((await reply).status, 200)
  }
  assert.equal(
    held.reduce((sum, { backend }) => sum + backend.accepted, 0),
    1,
  )
})

test('an idle connection of an endpoint that is out makes room for one to an endpoint that is not', async (t) => {
  const bad = await startBackend(t, (_request, response) => {
    response.writeHead(500).end('bad')
  })
  const held = await startHolding(t)
  const outlier = {
    consecutive5xx: 1,
    consecutiveGatewayErrors: 0,
    intervalMs: 60_000,
    baseEjectionMs: 60_000,
    maxEjectionMs: 60_000,
    ejectedShareMax: 1,
  }
  const limits = { ...NO_LIMITS, connectionsMax: 2 }
  const v1 = cluster('v1', [bad.port, held.backend.port], { limits, outlier })
  const live = await startProxy(t, snapshotOf([route('r', { v1: 1 })], [v1]))
  assert.equal((await fetchFrom(live.port)).body, 'bad')
  const asked = ['/1', '/2'].map((path) => fetchFrom(live.port, { path }))
  await eventually(() => held.waiting.size === 2)
  for (const path of ['/1', '/2']) held.answer(path)
  for (const { status } of await Promise.all(asked)) assert.equal(status, 200)
  assert.equal(live.proxy.gates.get('v1')?.connections, 2)
})

for (const protocol of ['http1', 'http2'] as const) {
  test(`where no more connections may be opened, a key stays with its endpoint of ${protocol}`, async (t) => {
    const backends = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        protocol === 'http1'
          ? startBackend(t, saying(name))
          : startHttp2Backend(t, (stream) => {
              stream.respond({})
              stream.end(name)
            }),
      ),
    )
    const ports = backends.map(({ port }) => port)
    const balance = { kind: 'maglev', key: { kind: 'header', name: 'x-user' } } as const
    const asked = async (limits: ClusterLimits | undefined): Promise<readonly string[]> => {
      const v1 = cluster('v1', ports, { protocol, balance, ...(limits === undefined ? {} : { limits }) })
      const live = await startProxy(t, snapshotOf([route('r', { v1: 1 })], [v1]))
      const bodies: string[] = []
      for (let user = 0; user < 20; user++) {
        bodies.push((await fetchFrom(live.port, { headers: { 'x-user': String(user) } })).body)
      }
      return bodies
    }
    assert.deepEqual(await asked({ ...NO_LIMITS, connectionsMax: 1 }), await asked(undefined))
  })
}

test('where no more connections may be opened, an idle one makes room for a tunnel', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const v1 = cluster('v1', [backend.port], { limits: { ...NO_LIMITS, connectionsMax: 1 } })
  const connects = route('connect', { v1: 1 }, { match: { methods: ['CONNECT'] } })
  const live = await startProxy(t, snapshotOf([connects, route('r', { v1: 1 })], [v1]))
  assert.equal((await fetchFrom(live.port)).status, 200)
  await eventually(() => live.proxy.pools[0]?.idle === 1)
  const client = new RawClient(t, live.port).send('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n')
  await eventually(() => live.proxy.gates.get('v1')?.requests === 1)
  assert.deepEqual(live.proxy.gates.get('v1'), { requests: 1, connections: 1, pending: 0 })
  await client.until((text) => text.startsWith('HTTP/1.1 200 '))
})

test('a connection is closed after so many requests', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const live = await startProxy(t, limited([backend.port], { requestsPerConnectionMax: 2 }))
  for (let index = 0; index < 6; index++) assert.equal((await fetchFrom(live.port)).status, 200)
  assert.equal(backend.accepted, 3)
})

test('counts go on over a new snapshot', async (t) => {
  const held = await startHolding(t)
  const live = await startProxy(t, limited([held.backend.port], { requestsMax: 1 }))
  const first = fetchFrom(live.port, { path: '/1' })
  await eventually(() => held.waiting.has('/1'))
  await live.apply(limited([held.backend.port], { requestsMax: 1 }))
  assert.equal((await fetchFrom(live.port)).status, 503)
  await live.apply(limited([held.backend.port], { requestsMax: 2 }))
  const second = fetchFrom(live.port, { path: '/2' })
  await eventually(() => held.waiting.has('/2'))
  held.answer('/1')
  held.answer('/2')
  assert.deepEqual([(await first).body, (await second).body], ['/1', '/2'])
})

test('requests that wait are served at once when a snapshot raises the limit, or takes it away', async (t) => {
  const held = await startHolding(t)
  const { port } = held.backend
  const live = await startProxy(t, limited([port], { connectionsMax: 1 }))
  for (const path of ['/1', '/2', '/3', '/4']) {
    send(t, live, path)
    await eventually(() => live.proxy.gates.get('v1')?.requests === Number(path.slice(1)))
  }
  await eventually(() => held.waiting.has('/1'))
  await live.apply(limited([port], { connectionsMax: 3 }))
  await eventually(() => held.waiting.size === 3)
  await live.apply(snapshotOf([route('r', { v1: 1 })], [cluster('v1', [port])]))
  await eventually(() => held.waiting.has('/4'))
})

test('requests that wait are served although the first one takes a connection of another cluster', async (t) => {
  const held = await startHolding(t)
  const backend = await startBackend(t, saying('ok'))
  const both = (isHeld: boolean): RoutingSnapshot =>
    snapshotOf(
      [
        route('other', { other: 1 }, { match: { path: { kind: 'prefix', value: '/other', caseSensitive: true } } }),
        route('r', { v1: 1 }),
      ],
      [
        cluster('v1', [isHeld ? held.backend.port : backend.port], { limits: { ...NO_LIMITS, connectionsMax: 1 } }),
        cluster('other', [backend.port]),
      ],
    )
  const live = await startProxy(t, both(true))
  const first = fetchFrom(live.port, { path: '/1' })
  await eventually(() => held.waiting.has('/1'))
  const others = ['/2', '/3', '/4'].map((path) => fetchFrom(live.port, { path }))
  await eventually(() => live.proxy.gates.get('v1')?.pending === 3)
  assert.equal((await fetchFrom(live.port, { path: '/other' })).status, 200)
  await live.apply(both(false))
  held.answer('/1')
  for (const { status } of await Promise.all([first, ...others])) assert.equal(status, 200)
})

test('a limit that is no whole number, or that would let nothing through, is refused', async (t) => {
  const live = await startProxy(t, limited([1], {}))
  await assert.rejects(live.apply(limited([1], { connectionsMax: 0 })), /clusters\[0\]\.limits\.connectionsMax/)
  await assert.rejects(live.apply(limited([1], { pendingMax: 0.5 })), /clusters\[0\]\.limits\.pendingMax/)
})

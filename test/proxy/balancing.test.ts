import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RetryPolicy } from '../../src/routing/policy-model.ts'
import type { TestContext } from 'node:test'
import type { Backend } from '../support/live-proxy.ts'
import {
  cluster,
  fetchFrom,
  RawClient,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { Balance, Endpoint } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { HashKey } from '../../src/routing/route-model.ts'

function startBackends(t: TestContext, count: number): Promise<Backend[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => startBackend(t, saying(`b${index}`))))
}

function balanced(backends: readonly Backend[], balance: Balance, weights: readonly number[] = []): RoutingSnapshot {
  const endpoints = backends.map(({ port }, index): Endpoint => {
    const weight = weights[index]
    return { address: '127.0.0.1', port, ...(weight === undefined ? {} : { weight }) }
  })
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', [], { endpoints, balance })])
}

async function countBodies(count: number, fetchBody: (index: number) => Promise<string>): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (let index = 0; index < count; index++) {
    const body = await fetchBody(index)
    counts.set(body, (counts.get(body) ?? 0) + 1)
  }
  return counts
}

const RETRY: RetryPolicy = {
  attempts: 1,
  on: ['5xx'],
  statuses: [],
  perTryTimeoutMs: 0,
  backoff: { initialMs: 1, maxMs: 1 },
  budget: 1,
}

test('round robin by weight is exact', async (t) => {
  const backends = await startBackends(t, 3)
  const { port } = await startProxy(t, balanced(backends, { kind: 'round-robin' }, [5, 3, 2]))
  for (let round = 0; round < 3; round++) {
    const counts = await countBodies(10, async () => (await fetchFrom(port)).body)
    assert.deepEqual(Object.fromEntries(counts), { b0: 5, b1: 3, b2: 2 })
  }
})

for (const [name, policy] of [
  ['tries after the first', { retry: RETRY }],
  ['copies for a mirror', { mirrors: [{ cluster: 'v1', share: 1 }] }],
] as const) {
  test(`${name} do not shift the turns of requests`, async (t) => {
    const first = { good: 0, bad: 0 }
    const counting = (which: keyof typeof first, status: number) =>
      startBackend(t, (request, response) => {
        if (request.headers.host?.endsWith('-shadow') !== true) first[which]++
        response.writeHead(status).end()
      })
    const [good, bad] = [await counting('good', 200), await counting('bad', 'retry' in policy ? 500 : 200)]
    const live = await startProxy(
      t,
      snapshotOf([route('r', { v1: 1 }, { policy })], [cluster('v1', [good.port, bad.port])]),
    )
    for (let index = 0; index < 20; index++) await fetchFrom(live.port, { headers: { host: 'a' } })
    assert.equal(first.bad, 10)
  })
}

test('random reaches all by their weights', async (t) => {
  const backends = await startBackends(t, 2)
  const { port } = await startProxy(t, balanced(backends, { kind: 'random' }, [1, 4]))
  const counts = await countBodies(200, async () => (await fetchFrom(port)).body)
  assert.ok((counts.get('b0') ?? 0) > 20 && (counts.get('b0') ?? 0) < 60, `${counts.get('b0')}`)
})

test('least request passes an endpoint over that is busy', async (t) => {
  const busy = await startRawBackend(t, () => {})
  const idle = await startBackend(t, saying('idle'))
  const { port } = await startProxy(t, balanced([busy, idle], { kind: 'least-request' }))
  // Chance decides between idle endpoints: one of these hangs in the busy one, and most of what follows goes elsewhere.
  const clients = Array.from({ length: 12 }, () => new RawClient(t, port))
  for (const client of clients) client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const answered = clients.map(async (client) => {
    await client.until((text) => text.includes('idle'))
    return true
  })
  assert.ok(await Promise.any(answered))
  assert.ok(busy.accepted < 8, `${busy.accepted} of 12 wait for the busy endpoint`)
})

const KEYS: readonly (readonly [HashKey, (user: string) => { headers?: Record<string, string>; path?: string }])[] = [
  [{ kind: 'header', name: 'x-user' }, (user) => ({ headers: { 'X-User': user } })],
  [{ kind: 'query', name: 'user' }, (user) => ({ path: `/?a=b&user=${user}` })],
  [
    { kind: 'cookie', name: 'user', ttlSeconds: 0, path: '/' },
    (user) => ({ headers: { cookie: `a=b; user=${user}` } }),
  ],
]

for (const kind of ['ring-hash', 'maglev'] as const) {
  for (const [key, requestOf] of KEYS) {
    test(`${kind} by ${key.kind}: a key stays with its endpoint, and only those of one that leaves move`, async (t) => {
      const backends = await startBackends(t, 3)
      const live = await startProxy(t, balanced(backends, { kind, key }))
      const users = Array.from({ length: 30 }, (_, index) => `user-${index}`)
      const serve = (): Promise<string[]> =>
        Promise.all(users.map(async (user) => (await fetchFrom(live.port, requestOf(user))).body))
      const before = await serve()
      assert.equal(new Set(before).size, 3)
      assert.deepEqual(await serve(), before)
      await live.apply(balanced(backends.slice(0, 2), { kind, key }))
      const after = await serve()
      const moved = users.filter((_, index) => before[index] !== 'b2' && before[index] !== after[index])
      assert.ok(moved.length <= (kind === 'ring-hash' ? 0 : 4), `${moved.length} moved`)
    })
  }
}

test('by source address every request of a client goes to one endpoint', async (t) => {
  const backends = await startBackends(t, 4)
  const { port } = await startProxy(t, balanced(backends, { kind: 'ring-hash', key: { kind: 'source-address' } }))
  const counts = await countBodies(20, async () => (await fetchFrom(port)).body)
  assert.equal(counts.size, 1)
})

test('requests without the key are spread over all endpoints', async (t) => {
  const backends = await startBackends(t, 2)
  const { port } = await startProxy(t, balanced(backends, { kind: 'maglev', key: { kind: 'header', name: 'x-user' } }))
  const counts = await countBodies(30, async () => (await fetchFrom(port)).body)
  assert.equal(counts.size, 2)
})

test('a cookie that is absent is made up, set, and leads to the same endpoint from then on', async (t) => {
  const backends = await startBackends(t, 4)
  const key: HashKey = { kind: 'cookie', name: 'user', ttlSeconds: 60, path: '/shop' }
  const { port } = await startProxy(t, balanced(backends, { kind: 'maglev', key }))
  const seen = new Set<string>()
  for (let client = 0; client < 12; client++) {
    const first = await fetchFrom(port)
    const [field = '', ...others] = first.headers['set-cookie'] ?? []
    assert.deepEqual(others, [])
    assert.match(field, /^user=[-0-9a-f]{36}; Max-Age=60; Path=\/shop; HttpOnly$/)
    const cookie = field.split(';')[0] ?? ''
    for (let request = 0; request < 3; request++) {
      const next = await fetchFrom(port, { headers: { cookie } })
      assert.equal(next.body, first.body)
      assert.equal(next.headers['set-cookie'], undefined)
    }
    seen.add(first.body)
  }
  assert.ok(seen.size > 1)
})

test('a key whose endpoint refuses connections goes to another one, always the same', async (t) => {
  const backends = await startBackends(t, 3)
  const key: HashKey = { kind: 'header', name: 'x-user' }
  const { port } = await startProxy(t, balanced(backends, { kind: 'ring-hash', key }))
  await backends[1]?.close()
  const users = Array.from({ length: 12 }, (_, index) => `user-${index}`)
  const serve = (): Promise<string[]> =>
    Promise.all(users.map(async (user) => (await fetchFrom(port, { headers: { 'x-user': user } })).body))
  const first = await serve()
  assert.deepEqual(await serve(), first)
  assert.deepEqual([...new Set(first)].toSorted(), ['b0', 'b2'])
})

test('weighted endpoints that fail are passed over, whatever their weight', async (t) => {
  const backends = await startBackends(t, 2)
  for (const kind of ['round-robin', 'random', 'least-request'] as const) {
    const { port } = await startProxy(t, balanced(backends, { kind }, [1, 1_000_000]))
    await backends[1]?.close()
    const counts = await countBodies(5, async () => (await fetchFrom(port)).body)
    assert.deepEqual([...counts], [['b0', 5]])
  }
})

/** All users go by one header where the cluster says so; the route says another. */
function keyedByRoute(backends: readonly Backend[], hashKey: HashKey): RoutingSnapshot {
  const key: HashKey = { kind: 'header', name: 'x-user' }
  const { action, ...plain } = route('r', { v1: 1 })
  const routes = action.kind === 'forward' ? [{ ...plain, action: { ...action, hashKey } }] : []
  const { clusters } = balanced(backends, { kind: 'maglev', key })
  return snapshotOf(routes, clusters)
}

test('the key of a route comes before that of its cluster', async (t) => {
  const backends = await startBackends(t, 4)
  const { port } = await startProxy(t, keyedByRoute(backends, { kind: 'header', name: 'x-cart' }))
  const fetchBody = async (user: number, cart: number): Promise<string> =>
    (await fetchFrom(port, { headers: { 'x-user': `user-${user}`, 'x-cart': `cart-${cart}` } })).body
  const oneCart = await countBodies(12, (user) => fetchBody(user, 1))
  assert.equal(oneCart.size, 1)
  const oneUser = await countBodies(24, (cart) => fetchBody(1, cart))
  assert.ok(oneUser.size > 1)
})

test('the cookie that a route goes by is made up and set', async (t) => {
  const backends = await startBackends(t, 2)
  const { port } = await startProxy(
    t,
    keyedByRoute(backends, { kind: 'cookie', name: 'cart', ttlSeconds: 0, path: '' }),
  )
  const { headers } = await fetchFrom(port, { headers: { 'x-user': 'one' } })
  assert.match(headers['set-cookie']?.join() ?? '', /^cart=[-0-9a-f]{36}; HttpOnly$/)
})

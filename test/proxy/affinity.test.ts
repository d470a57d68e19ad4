import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { LiveProxy } from '../support/live-proxy.ts'
import { cluster, fetchFrom, route, saying, snapshotOf, startBackend, startProxy } from '../support/live-proxy.ts'
import type { Affinity, Route } from '../../src/routing/route-model.ts'

const byHeader: Affinity = { key: { kind: 'header', name: 'x-user' }, salt: 'shop' }
const users = Array.from({ length: 40 }, (_, index) => `user-${index}`)

interface Shop {
  readonly live: LiveProxy
  readonly shift: (canary: number) => Promise<void>
  /** Who reaches v2 of the service under the path. */
  readonly canaries: (path: string) => Promise<Set<string>>
}

function split(path: string, canary: number, affinity: Affinity): Route {
  const match = { path: { kind: 'prefix', value: path, caseSensitive: true } } as const
  return route(path, { v1: 100 - canary, v2: canary }, { match, affinity })
}

async function startShop(t: TestContext, cartAffinity = byHeader): Promise<Shop> {
  const v1 = await startBackend(t, saying('v1'))
  const v2 = await startBackend(t, saying('v2'))
  const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
  const at = (canary: number) =>
    snapshotOf([split('/echo', canary, byHeader), split('/cart', canary, cartAffinity)], clusters)
  const live = await startProxy(t, at(0))
  const versionOf = async (path: string, user: string): Promise<string> =>
    (await fetchFrom(live.port, { path, headers: { 'x-user': user } })).body
  return {
    live,
    shift: (canary) => live.apply(at(canary)),
    canaries: async (path) => {
      const versions = await Promise.all(users.map((user) => versionOf(path, user)))
      return new Set(users.filter((_, index) => versions[index] === 'v2'))
    },
  }
}

test('while a canary grows nobody who was in it leaves it', async (t) => {
  const shop = await startShop(t)
  let before = new Set<string>()
  for (const canary of [0, 10, 30, 50, 100]) {
    await shop.shift(canary)
    const now = await shop.canaries('/echo')
    assert.ok(now.isSupersetOf(before))
    assert.deepEqual(await shop.canaries('/echo'), now)
    before = now
  }
  assert.equal(before.size, users.length)
})

test('services that share a salt have the same users in their canaries, others have not', async (t) => {
  const shared = await startShop(t)
  await shared.shift(50)
  assert.deepEqual(await shared.canaries('/echo'), await shared.canaries('/cart'))
  const apart = await startShop(t, { ...byHeader, salt: 'cart' })
  await apart.shift(50)
  assert.notDeepEqual(await apart.canaries('/echo'), await apart.canaries('/cart'))
})

test('requests without the key follow the exact sequence', async (t) => {
  const { live, shift } = await startShop(t)
  await shift(10)
  const bodies: string[] = []
  for (let index = 0; index < 20; index++) bodies.push((await fetchFrom(live.port, { path: '/echo' })).body)
  assert.equal(bodies.filter((body) => body === 'v2').length, 2)
})

test('by cookie, a client without one gets one and stays where it came first', async (t) => {
  const key = { kind: 'cookie', name: 'cohort', ttlSeconds: 0, path: '/' } as const
  const v1 = await startBackend(t, saying('v1'))
  const v2 = await startBackend(t, saying('v2'))
  // Splitting and balancing by one cookie: the client gets one value, set once.
  const balance = { kind: 'maglev', key } as const
  const { port } = await startProxy(
    t,
    snapshotOf(
      [route('r', { v1: 50, v2: 50 }, { affinity: { key, salt: '' } })],
      [cluster('v1', [v1.port], { balance }), cluster('v2', [v2.port], { balance })],
    ),
  )
  for (let client = 0; client < 8; client++) {
    const first = await fetchFrom(port)
    const cookies = first.headers['set-cookie'] ?? []
    assert.equal(cookies.length, 1)
    const cookie = cookies[0]?.split(';')[0] ?? ''
    assert.equal((await fetchFrom(port, { headers: { cookie } })).body, first.body)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, route, snapshotOf } from '../../../test/support/live-proxy.ts'
import { checkSnapshot } from '../check.ts'
import type { Cluster } from '../cluster-model.ts'
import type { HashKey } from '../route-model.ts'

function problemsOf(change: Partial<Cluster>): string[] {
  const snapshot = snapshotOf([route('r', { v1: 1 })], [cluster('v1', [8080], change)])
  return checkSnapshot(snapshot).map(({ code, path }) => `${code} ${path}`)
}

function keyProblems(key: HashKey): string[] {
  return problemsOf({ balance: { kind: 'maglev', key } })
}

const cookie = { kind: 'cookie', name: 'user', ttlSeconds: 60, path: '/' } as const

test('every kind of key and balance passes', () => {
  const keys: readonly HashKey[] = [
    { kind: 'header', name: 'x-user' },
    { kind: 'query', name: 'user[0]' },
    { kind: 'source-address' },
    cookie,
    { ...cookie, ttlSeconds: 0, path: '' },
  ]
  for (const key of keys) assert.deepEqual(keyProblems(key), [])
  for (const kind of ['round-robin', 'random', 'least-request'] as const) {
    assert.deepEqual(problemsOf({ balance: { kind } }), [])
  }
})

test('a key that no request can have, or that would break the response, is refused', () => {
  const name = 'bad-hash-key clusters[0].balance.key.name'
  assert.deepEqual(keyProblems({ kind: 'header', name: 'X-User' }), [name])
  assert.deepEqual(keyProblems({ kind: 'header', name: 'x user' }), [name])
  assert.deepEqual(keyProblems({ kind: 'query', name: '' }), [name])
  assert.deepEqual(keyProblems({ ...cookie, name: 'a=b' }), [name])
  assert.deepEqual(keyProblems({ ...cookie, path: '/;\r\nx' }), ['bad-cookie clusters[0].balance.key.path'])
  assert.deepEqual(keyProblems({ ...cookie, ttlSeconds: -1 }), ['bad-cookie clusters[0].balance.key.ttlSeconds'])
})

test('the key of a split is checked in the same way', () => {
  const split = route('r', { v1: 1 }, { affinity: { key: { kind: 'header', name: 'X-User' }, salt: '' } })
  const found = checkSnapshot(snapshotOf([split], [cluster('v1', [8080])])).map(({ path }) => path)
  assert.deepEqual(found, ['routeTables[0].virtualHosts[0].routes[0].action.affinity.key.name'])
})

test('a weight of an endpoint is a positive whole number', () => {
  for (const weight of [0, -1, 0.5, 1_000_001]) {
    const endpoints = [{ address: '127.0.0.1', port: 8080, weight }]
    assert.deepEqual(problemsOf({ endpoints }), ['bad-weight clusters[0].endpoints[0].weight'])
  }
})

test('a table is not made for more endpoints than it can share out', () => {
  const endpoints = Array.from({ length: 10_001 }, (_, index) => ({ address: '127.0.0.1', port: 1 + index }))
  const balance = { kind: 'maglev', key: { kind: 'source-address' } } as const
  assert.deepEqual(problemsOf({ endpoints, balance }), ['too-many-endpoints clusters[0].endpoints'])
})

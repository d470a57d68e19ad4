import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'
import { cluster, route } from '../../test/support/live-proxy.ts'
import { finish } from '../base/steps.ts'
import { CheckMemory } from './check-memory.ts'
import { checkInSteps, checkSnapshot } from './check.ts'
import type { Cluster } from './cluster-model.ts'
import type { RoutingSnapshot } from './model.ts'
import type { Route, VirtualHost } from './route-model.ts'

const hashed = (name: string): Route => {
  const plain = route(name, { a: 1 })
  assert(plain.action.kind === 'forward')
  return { ...plain, action: { ...plain.action, hashKey: { kind: 'header', name: 'user' } } }
}

const host = (name: string, domain: string, routes: readonly Route[]): VirtualHost => ({
  name,
  domains: [domain],
  routes,
})

/** Good ones; some with an error or a warning; some that are so only beside others. */
const hosts: readonly VirtualHost[] = [
  host('a', 'a.test', [route('a', { a: 1 })]),
  host('a', 'a.test', [route('a', { a: 2, b: 1 })]),
  host('b', 'b.test', [route('b', { b: 1 })]),
  host('claims a', 'a.test', [route('c', { b: 1 })]),
  host('same id', 'd.test', [route('a', { a: 1 })]),
  host('no domain', 'a b', [route('e', { a: 1 })]),
  host('weightless', 'f.test', [route('f', { a: 0 })]),
  host('hashed', 'g.test', [hashed('g')]),
  host('mirrored', 'h.test', [route('h', { a: 1 }, { policy: { mirrors: [{ cluster: 'b', share: 1 }] } })]),
]
const clusters: readonly Cluster[] = [
  cluster('a', [1]),
  cluster('a', [1, 2]),
  cluster('a', [1], { balance: { kind: 'maglev', key: { kind: 'source-address' } } }),
  cluster('b', [2]),
  cluster('b', [0]),
  cluster('c', [3], { fallback: 'b' }),
]

const snapshot = fc
  .record({ hosts: fc.subarray([...hosts]), clusters: fc.subarray([...clusters]), isGone: fc.boolean() })
  .map((each): RoutingSnapshot => ({
    generation: 1,
    sources: [],
    listeners: [{ id: 'l', address: '127.0.0.1', port: 0, protocol: 'http', routeTable: 't' }],
    routeTables: each.isGone ? [] : [{ id: 't', virtualHosts: each.hosts }],
    clusters: each.clusters,
  }))

test('a check that remembers what was good finds the same as one that does not', () => {
  fc.assert(
    fc.property(fc.array(snapshot, { minLength: 2, maxLength: 8 }), (chain) => {
      const memory = new CheckMemory()
      for (const each of chain) assert.deepEqual(finish(checkInSteps(each, memory)), checkSnapshot(each))
    }),
    { numRuns: 500 },
  )
})

test('one virtual host that changed among many is looked at alone', () => {
  const names = Array.from({ length: 100 }, (_, index) => `h${index}`)
  const virtualHosts = names.map((name) => host(name, `${name}.test`, [route(name, { a: 1 })]))
  const first: RoutingSnapshot = {
    generation: 1,
    sources: [],
    listeners: [],
    routeTables: [{ id: 't', virtualHosts }],
    clusters: [cluster('a', [1])],
  }
  const memory = new CheckMemory()
  const stepsOf = (each: RoutingSnapshot): number => [...checkInSteps(each, memory)].length
  const whole = stepsOf(first)
  const changed = host('h7', 'h7.test', [route('h7', { a: 2 })])
  const next = { ...first, routeTables: [{ id: 't', virtualHosts: virtualHosts.with(7, changed) }] }
  assert(whole > 200, `${whole} steps`)
  assert(stepsOf(next) < 6)
})

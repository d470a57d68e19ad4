import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Limits } from './limits.ts'
import { nextNewSize, proportionalSizes, shrunkOldSizes } from './plan.ts'
import type { SetSize } from './plan.ts'

const limits = (replicas: number, maxSurge: number, maxUnavailable: number): Limits => ({
  replicas,
  maxSurge,
  maxUnavailable,
})

const set = (name: string, replicas: number, available = replicas, more: Partial<SetSize> = {}): SetSize => ({
  name,
  replicas,
  available,
  pods: replicas,
  createdMs: 0,
  ...more,
})

const sizes = (map: ReadonlyMap<string, number>): Record<string, number> => Object.fromEntries(map)

test('the new set grows into the surge, and no further than the replicas', () => {
  assert.equal(nextNewSize(limits(10, 3, 2), set('new', 0), [set('old', 10)]), 3)
  assert.equal(nextNewSize(limits(10, 3, 2), set('new', 9), [set('old', 1)]), 10)
  assert.equal(nextNewSize(limits(10, 0, 2), set('new', 2), [set('old', 8)]), 2)
})

test('pods that a shrunk set has still to delete leave no room yet', () => {
  assert.equal(nextNewSize(limits(4, 1, 1), set('new', 1), [set('old', 3, 3, { pods: 4 })]), 1)
})

test('serving old pods go only above the minimum', () => {
  assert.deepEqual(sizes(shrunkOldSizes(limits(10, 3, 2), set('new', 3, 0), [set('old', 10)])), { old: 8 })
  assert.deepEqual(sizes(shrunkOldSizes(limits(10, 3, 2), set('new', 3, 3), [set('old', 8)])), { old: 5 })
  assert.deepEqual(sizes(shrunkOldSizes(limits(10, 3, 0), set('new', 3, 0), [set('old', 10)])), {})
})

test('old pods that do not serve go first, from the oldest set', () => {
  const old = [set('b', 4, 1, { createdMs: 2 }), set('a', 4, 2, { createdMs: 1 })]
  assert.deepEqual(sizes(shrunkOldSizes(limits(8, 0, 4), set('new', 0), old)), { a: 2, b: 2 })
})

test('a status that still counts deleted pods does not make others go', () => {
  // `old` was shrunk from 4 to 3 and has not reported yet; of 3 + 1 available pods 3 must stay.
  const plan = shrunkOldSizes(limits(4, 1, 1), set('new', 2, 1), [set('old', 3, 4, { pods: 4 })])
  assert.deepEqual(sizes(plan), { old: 2 })
})

test('a resize in the middle of an update keeps the shares', () => {
  const sets = [set('a', 6, 6, { maxReplicas: 12, createdMs: 1 }), set('b', 3, 3, { maxReplicas: 12, createdMs: 2 })]
  const fresh = set('c', 3, 3, { maxReplicas: 12, createdMs: 3 })
  assert.deepEqual(sizes(proportionalSizes(limits(20, 4, 0), fresh, sets)), { a: 12, b: 6, c: 6 })
  assert.deepEqual(sizes(proportionalSizes(limits(5, 1, 0), fresh, sets)), { a: 2, b: 2, c: 2 })
})

test('with one active set a resize is that set alone', () => {
  assert.deepEqual(sizes(proportionalSizes(limits(7, 1, 0), set('new', 0), [set('old', 3)])), { old: 7 })
  assert.deepEqual(sizes(proportionalSizes(limits(7, 1, 0), set('new', 0), [])), { new: 7 })
  assert.deepEqual(sizes(proportionalSizes(limits(7, 1, 0), undefined, [])), {})
})

test('beside a complete new set a resize removes the old ones', () => {
  assert.deepEqual(sizes(proportionalSizes(limits(3, 1, 0), set('new', 3), [set('old', 2)])), { old: 0 })
})

const anyLimits = fc
  .record({ replicas: fc.nat(20), maxSurge: fc.nat(10), maxUnavailable: fc.nat(10) })
  .map(({ replicas, maxSurge, maxUnavailable }) => {
    const unavailable = maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable
    return limits(replicas, maxSurge, Math.min(unavailable, replicas))
  })
const anySet = (name: string) =>
  fc
    .record({ replicas: fc.nat(20), pods: fc.nat(20), available: fc.nat(20), createdMs: fc.nat(3) })
    .map((fields): SetSize => ({ name, ...fields }))
const anySets = fc.tuple(anySet('new'), anySet('a'), anySet('b'), anySet('c'))

const wanted = (sets: readonly SetSize[]): number => sets.reduce((total, { replicas }) => total + replicas, 0)
/** What surely stays available of the sets at the given sizes. */
const kept = (sets: readonly SetSize[], next: ReadonlyMap<string, number>): number =>
  sets.reduce((total, { name, replicas, available }) => {
    return total + Math.min(available, replicas, next.get(name) ?? replicas)
  }, 0)

test('growing never exceeds replicas + surge, and shrinking never costs availability below the minimum', () => {
  fc.assert(
    fc.property(anyLimits, anySets, (bounds, [fresh, ...old]) => {
      const size = nextNewSize(bounds, fresh, old)
      assert.ok(size <= fresh.replicas || wanted(old) + size <= bounds.replicas + bounds.maxSurge)
      const next = shrunkOldSizes(bounds, fresh, old)
      const minimum = bounds.replicas - bounds.maxUnavailable
      const all = [fresh, ...old]
      assert.ok(kept(all, next) >= Math.min(minimum, kept(all, new Map())))
      for (const { name, replicas } of old) {
        const to = next.get(name) ?? replicas
        assert.ok(to >= 0 && to <= replicas)
      }
    }),
  )
})

test('a resize reaches what is allowed exactly, and gives no set a negative size', () => {
  fc.assert(
    fc.property(anyLimits, anySets, (bounds, [fresh, ...old]) => {
      const all = [fresh, ...old].map((each) => ({ ...each, maxReplicas: each.pods + 1 }))
      const active = all.filter(({ replicas }) => replicas > 0)
      fc.pre(active.length > 1 && !(fresh.replicas === bounds.replicas && fresh.available === bounds.replicas))
      const next = proportionalSizes(bounds, all[0], all.slice(1))
      const total = active.reduce((sum, { name, replicas }) => sum + (next.get(name) ?? replicas), 0)
      assert.equal(total, bounds.replicas > 0 ? bounds.replicas + bounds.maxSurge : 0)
      assert.ok([...next.values()].every((size) => size >= 0))
    }),
  )
})

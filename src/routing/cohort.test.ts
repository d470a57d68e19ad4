import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createCohorts } from './cohort.ts'
import { hashText } from './hash.ts'

const hashes = Array.from({ length: 10_000 }, (_, index) => hashText(`user-${index}`))
/** What is nearest to where one share ends and the next begins. */
const edges = [0, 63, 64, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 64, 2 ** 32 - 64, 2 ** 32 - 1]

const weight = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 1_000_000 }))
const hash = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(...edges))

function total(weights: readonly number[]): number {
  return weights.reduce((sum, each) => sum + each, 0)
}

function membersOf(weights: readonly number[], index: number): Set<number> {
  const cohorts = createCohorts(weights)
  return new Set(hashes.filter((each) => cohorts.of(each) === index))
}

test('each destination has its share of the keys', () => {
  const weights = [60, 10, 20, 10]
  for (const [index, each] of weights.entries()) {
    assert.ok(Math.abs(membersOf(weights, index).size / hashes.length - each / 100) < 0.02)
  }
})

test('from 10 to 20 to 50 to 100 %, whoever is in the canary stays', () => {
  const cohorts = [0, 1, 10, 20, 50, 99, 100].map((canary) => membersOf([100 - canary, canary], 1))
  for (const [step, members] of cohorts.entries()) assert.ok(cohorts[step + 1]?.isSupersetOf(members) ?? true)
  assert.equal(cohorts[0]?.size, 0)
  assert.equal(cohorts.at(-1)?.size, hashes.length)
})

test('of up to three destinations no canary whose share does not shrink loses a key, whatever the others do', () => {
  fc.assert(
    fc.property(fc.tuple(weight, weight, weight), fc.tuple(weight, weight, weight), hash, (before, after, key) => {
      fc.pre(total(before) > 0 && total(after) > 0)
      const index = createCohorts(before).of(key)
      const grew =
        BigInt(after[index] ?? 0) * BigInt(total(before)) >= BigInt(before[index] ?? 0) * BigInt(total(after))
      fc.pre(index > 0 && grew)
      assert.equal(createCohorts(after).of(key), index)
    }),
    { numRuns: 3_000, seed: 1 },
  )
})

test('a canary that grows in any steps moves nobody out, and ends with everybody', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(steps, (sizes) => {
      let members = new Set<number>()
      for (const canary of [...sizes.toSorted((a, b) => a - b), 1_000_000]) {
        const next = membersOf([1_000_000 - canary, canary], 1)
        assert.ok(next.isSupersetOf(members))
        assert.ok(Math.abs(next.size / hashes.length - canary / 1_000_000) < 0.02)
        members = next
      }
      assert.equal(members.size, hashes.length)
    }),
    { numRuns: 20, seed: 4 },
  )
})

test('two canaries that grow in any steps, each at its own pace, move nobody out', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 })), { maxLength: 8 })
  fc.assert(
    fc.property(steps, (sizes) => {
      const second = sizes.map(([size]) => size).toSorted((a, b) => a - b)
      const third = sizes.map(([, size]) => size).toSorted((a, b) => a - b)
      let before: readonly Set<number>[] = [new Set(), new Set()]
      for (const [step, size] of second.entries()) {
        const weights = [1_000 - size - (third[step] ?? 0), size, third[step] ?? 0]
        const now = [membersOf(weights, 1), membersOf(weights, 2)]
        assert.ok(now.every((members, index) => members.isSupersetOf(before[index] ?? new Set())))
        before = now
      }
    }),
    { numRuns: 20, seed: 5 },
  )
})

test('of any number, a canary that grows at the cost of the first moves nobody out of itself', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 2, maxLength: 8 })
  fc.assert(
    fc.property(weights, fc.nat(), fc.nat(), hash, (before, chosen, amount, key) => {
      fc.pre(total(before) > 0)
      const canary = 1 + (chosen % (before.length - 1))
      const grown = amount % ((before[0] ?? 0) + 1)
      const after = before.map((each, index) => (index === 0 ? each - grown : index === canary ? each + grown : each))
      fc.pre(createCohorts(before).of(key) === canary)
      assert.equal(createCohorts(after).of(key), canary)
    }),
    { numRuns: 3_000, seed: 2 },
  )
})

test('weight 0 gets no key, also at the edges', () => {
  fc.assert(
    fc.property(fc.array(weight, { minLength: 1, maxLength: 6 }), hash, (weights, key) => {
      fc.pre(total(weights) > 0)
      assert.notEqual(weights[createCohorts(weights).of(key)], 0)
    }),
    { numRuns: 3_000, seed: 3 },
  )
})

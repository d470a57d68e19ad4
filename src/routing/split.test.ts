import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createSplit } from './split.ts'
import type { Split } from './split.ts'

/** The largest difference, over all prefixes and destinations, between what was picked and the exact share. */
function worstDeviation(weights: readonly number[], picks: number): number {
  return worstDeviationOf(createSplit(weights), weights, picks)
}

function worstDeviationOf(split: Split, weights: readonly number[], picks: number): number {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  const counts = weights.map(() => 0)
  let worst = 0
  for (let k = 1; k <= picks; k++) {
    const picked = split.next()
    counts[picked] = (counts[picked] ?? 0) + 1
    for (const [index, weight] of weights.entries()) {
      worst = Math.max(worst, Math.abs((counts[index] ?? 0) - (k * weight) / sum))
    }
  }
  return worst
}

/** As `worstDeviation`, for the picks behind the first `skipped`. */
function worstWindow(weights: readonly number[], skipped: number, picks: number): number {
  const split = createSplit(weights)
  for (let k = 0; k < skipped; k++) split.next()
  return worstDeviationOf(split, weights, picks)
}

function countsOf(weights: readonly number[], picks: number): number[] {
  const split = createSplit(weights)
  const counts = weights.map(() => 0)
  for (let k = 0; k < picks; k++) {
    const picked = split.next()
    counts[picked] = (counts[picked] ?? 0) + 1
  }
  return counts
}

test('of 100 requests at 50/50 each destination gets exactly 50', () => {
  assert.deepEqual(countsOf([50, 50], 100), [50, 50])
})

test('at 90/10 every ten requests hold exactly one for the canary', () => {
  const split = createSplit([90, 10])
  for (let round = 0; round < 20; round++) {
    const tens = Array.from({ length: 10 }, () => split.next())
    assert.equal(tens.filter((picked) => picked === 1).length, 1)
  }
})

test('one destination gets everything, whatever its weight', () => {
  assert.deepEqual(countsOf([7], 20), [20])
})

test('a destination of weight 0 gets nothing', () => {
  assert.deepEqual(countsOf([0, 3, 0, 1], 40), [0, 30, 0, 10])
})

test('nine destinations stay within one request, where smooth round robin does not', () => {
  const weights = [1, 2, 3, 5, 8, 13, 21, 34, 13]
  assert.ok(worstDeviation(weights, 1_000) < 1)
})

test('each prefix is within 1 - 1/(2N-2) of the exact share, for any weights', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 12 }), (weights) => {
      fc.pre(weights.some((weight) => weight > 0))
      const positive = weights.filter((weight) => weight > 0).length
      const bound = positive === 1 ? 0 : 1 - 1 / (2 * positive - 2)
      assert.ok(worstDeviation(weights, 1_000) <= bound + 1e-9)
    }),
    { numRuns: 60, seed: 1 },
  )
})

/** All orders of magnitude alike: drawn evenly, nearly all weights would be large. */
const anyWeight = fc
  .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 9 }))
  .chain(([power, digit]) => fc.integer({ min: digit, max: Math.max(digit, 10 ** power) }))

test('each prefix of ten thousand is within one request, for up to ten weights of up to a million', () => {
  fc.assert(
    fc.property(fc.array(anyWeight, { minLength: 1, maxLength: 10 }), (weights) => {
      fc.pre(weights.some((weight) => weight > 0))
      assert.ok(worstDeviation(weights, 10_000) < 1)
    }),
    { numRuns: 40, seed: 3 },
  )
})

test('each prefix of ten thousand is within one request, for weights too large to precompute', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 2, maxLength: 40 }), (weights) => {
      assert.ok(worstDeviation(weights, 10_000) < 1)
    }),
    { numRuns: 8, seed: 2 },
  )
})

test('any window of a sequence is within two requests: both its ends are within one', () => {
  fc.assert(
    fc.property(fc.array(anyWeight, { minLength: 2, maxLength: 10 }), fc.nat(3_000), (weights, skipped) => {
      fc.pre(weights.some((weight) => weight > 0))
      assert.ok(worstWindow(weights, skipped, 2_000) < 2)
    }),
    { numRuns: 30, seed: 4 },
  )
})

test('with two destinations any window is within one request', () => {
  fc.assert(
    fc.property(fc.tuple(anyWeight, anyWeight), fc.nat(3_000), (weights, skipped) => {
      fc.pre(weights[0] + weights[1] > 0)
      assert.ok(worstWindow(weights, skipped, 2_000) <= 1)
    }),
    { numRuns: 60, seed: 5 },
  )
})

test('large weights with a common divisor split like small ones', () => {
  const large = createSplit([900_000, 100_000])
  const small = createSplit([9, 1])
  for (let k = 0; k < 100; k++) assert.equal(large.next(), small.next())
})

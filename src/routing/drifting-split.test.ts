import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { DriftingSplit } from './drifting-split.ts'

const weights = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 })
  .filter((all) => all.some((weight) => weight > 1e-6))

/** The largest difference, over all prefixes and indexes, between what was picked and the share of it. */
function worstDeviation(split: DriftingSplit, weightsAt: (pick: number) => readonly number[], picks: number): number {
  const expected = weightsAt(0).map(() => 0)
  const counts = expected.map(() => 0)
  let worst = 0
  for (let pick = 0; pick < picks; pick++) {
    const now = weightsAt(pick)
    const sum = now.reduce((total, weight) => total + weight, 0)
    const picked = split.next()
    counts[picked] = (counts[picked] ?? 0) + 1
    for (const [index, weight] of now.entries()) {
      expected[index] = (expected[index] ?? 0) + weight / sum
      worst = Math.max(worst, Math.abs((counts[index] ?? 0) - (expected[index] ?? 0)))
    }
  }
  return worst
}

test('while the weights stay the same, nobody is ever off by one', () => {
  fc.assert(
    fc.property(weights, (fixed) => {
      assert.ok(worstDeviation(new DriftingSplit(fixed), () => fixed, 1_000) < 1)
    }),
  )
})

test('an index whose weight grows gets what its weights add up to', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 50 }), (count, every) => {
      const others = Array.from({ length: count - 1 }, () => 1)
      const split = new DriftingSplit([0, ...others])
      const weightsAt = (pick: number): readonly number[] => {
        const now = [Math.min(1, Math.floor(pick / every) / 20), ...others]
        if (pick % every === 0) split.weigh(now)
        return now
      }
      assert.ok(worstDeviation(split, weightsAt, 2_000) < 1.5)
    }),
  )
})

test('an index of weight 0 is never picked', () => {
  fc.assert(
    fc.property(weights, (fixed) => {
      const split = new DriftingSplit(fixed)
      for (let pick = 0; pick < 200; pick++) assert.notEqual(fixed[split.next()], 0)
    }),
  )
})

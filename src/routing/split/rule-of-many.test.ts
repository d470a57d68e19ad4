import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'

import { ruleOfFew } from './rule-of-few.ts'
import { ruleOfMany } from './rule-of-many.ts'

/** All orders of magnitude alike. */
const weight = fc.integer({ min: 0, max: 6 }).chain((digits) => fc.integer({ min: 1, max: 10 ** digits }))

test('many destinations are picked as few are, also when the sequence begins again', () => {
  fc.assert(
    fc.property(fc.array(weight, { minLength: 2, maxLength: 40 }), (weights) => {
      const [few, many] = [ruleOfFew(weights), ruleOfMany(weights)]
      assert.equal(many.period, few.period)
      for (let pick = 0; pick < 1_000; pick++) assert.equal(many.pick(), few.pick(), `pick ${pick}`)
    }),
    { numRuns: 100, seed: 1 },
  )
  const small = fc.integer({ min: 1, max: 9 })
  fc.assert(
    fc.property(fc.array(small, { minLength: 2, maxLength: 40 }), (weights) => {
      const [few, many] = [ruleOfFew(weights), ruleOfMany(weights)]
      for (let pick = 0; pick < 3 * few.period; pick++) assert.equal(many.pick(), few.pick(), `pick ${pick}`)
    }),
    { numRuns: 100, seed: 2 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expand } from './expand.ts'

/** From Kubernetes' description of the rules: known names, unknown names, escapes, and what only looks alike. */
const CASES: readonly (readonly [string, string])[] = [
  ['$(A)', 'one'],
  ['x$(A)$(B)y', 'xonetwoy'],
  ['$(EMPTY)', ''],
  ['$(MISSING)', '$(MISSING)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$$', '$'],
  ['$A ${A}', '$A ${A}'],
  ['$(A', '$(A'],
  ['price: 5$', 'price: 5$'],
  ['$()', '$()'],
  ['$(toString)', '$(toString)'],
]

for (const [text, expected] of CASES) {
  test(`${text} becomes ${expected === '' ? 'nothing' : expected}`, () => {
    assert.equal(expand(text, { A: 'one', B: 'two', EMPTY: '' }), expected)
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { regexProblem } from './regex.ts'

const notRe2: readonly (readonly [what: string, pattern: string])[] = [
  ['a look ahead', '/(?=x)x'],
  ['a negative look ahead', '/(?!x).*'],
  ['a look behind', '/x(?<=x)'],
  ['a reference to a group', '/(a)\\1'],
  ['an atomic group', '/(?>a+)b'],
  ['more than a thousand repetitions', '/a{1001}'],
  ['nothing to repeat', '/**'],
  ['a group without its end', '/(a'],
  ['a class without its end', '/[a'],
  ['a range the wrong way round', '/[z-a]'],
  ['an escape that means nothing', '/\\y'],
]

for (const [what, pattern] of notRe2) {
  test(`${what} is not RE2, and said to be wrong: ${pattern}`, () => {
    assert.notEqual(regexProblem(pattern) ?? '', '')
  })
}

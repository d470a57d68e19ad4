import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { duplicateKeys } from './duplicate-keys.ts'

test('keys that stand twice in one object are named with their path', () => {
  const cases: [text: string, expected: readonly string[]][] = [
    ['{"a":1,"b":{"a":2}}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"a":1,"a":2,"a":3}', ['a']],
    ['{"spec":{"list":[{"x":1},{"x":1,"y":"x","x":2}]}}', ['spec.list[1].x']],
    ['{"a":{},"b":[],"c":{"d":1,"d":1},"b":0}', ['c.d', 'b']],
    ['{"a\\"b":1,"a\\u0022b":2}', ['a"b']],
    ['{"a":"{\\"x\\":1,\\"x\\":2}","b":","}', []],
    ['[[1,2],{"k":[{"z":1,"z":2}]}]', ['[1].k[0].z']],
    ['"a"', []],
  ]
  for (const [text, expected] of cases) assert.deepEqual(duplicateKeys(text), expected, text)
})

test('JSON that was made from a value never has any', () => {
  fc.assert(
    fc.property(fc.json(), fc.integer({ min: 0, max: 2 }), (text, indent) => {
      assert.deepEqual(duplicateKeys(JSON.stringify(JSON.parse(text), null, indent)), [])
    }),
    { seed: 1 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isQuantity, parseQuantity } from './quantity.ts'

const values: Readonly<Record<string, number>> = {
  '0': 0,
  '1': 1,
  '250m': 0.25,
  '1.5': 1.5,
  '.5': 0.5,
  '-2': -2,
  '1k': 1000,
  '1Ki': 1024,
  '64Mi': 67_108_864,
  '2G': 2e9,
  '1e3': 1000,
  '2E': 2e18,
  '1E2': 100,
}
for (const [text, value] of Object.entries(values)) {
  test(`the quantity ${text} is ${value}`, () => assert.equal(parseQuantity(text), value))
}

for (const text of ['', 'a', '1 ', '1KI', '1mi', '--1', '1.2.3', '0x1', '1Kib']) {
  test(`"${text}" is no quantity`, () => {
    assert.equal(isQuantity(text), false)
    assert.equal(parseQuantity(text), undefined)
  })
}

test('a quantity has a limit of characters', () => {
  assert.deepEqual([isQuantity('9'.repeat(400)), isQuantity('9'.repeat(401))], [true, false])
  assert.equal(parseQuantity('9'.repeat(401)), undefined)
})

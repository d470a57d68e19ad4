import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { LineBytes } from './line-bytes.ts'

function written(write: (line: LineBytes) => void): string {
  const line = new LineBytes(4)
  write(line)
  return line.first(line.used).toString('latin1')
}

test('numbers are written as they read, without what is behind the point', () => {
  for (const value of [0, 9, 10, 99, 100, 1e9, 2 ** 31, 2 ** 53 - 1, 0.9, 1.5e300, Infinity]) {
    assert.equal(
      written((line) => line.putWhole(value)),
      String(Math.floor(value)),
    )
  }
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) =>
      assert.equal(
        written((line) => line.putWhole(value)),
        String(value),
      ),
    ),
  )
})

test('texts follow each other, whatever their length', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (texts) => {
      const latin1 = texts.map((text) => Buffer.from(text).toString('latin1'))
      assert.equal(
        written((line) => {
          for (const text of latin1) line.put(text)
        }),
        latin1.join(''),
      )
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Holdings, Kept } from './holdings.ts'

test('a value is kept until the last holder releases it, and then begins anew', () => {
  const gone: string[] = []
  const kept = new Kept<string>((value) => gone.push(value))
  const [before, after] = [new Holdings(), new Holdings()]
  kept.hold('a', () => 'first', before)
  kept.hold('a', () => 'never', before)
  assert.equal(
    kept.hold('a', () => 'never', after),
    'first',
  )
  before.release()
  before.release()
  assert.deepEqual([...kept], [['a', 'first']])
  after.release()
  assert.deepEqual([gone, [...kept.values()]], [['first'], []])
  assert.equal(
    kept.hold('a', () => 'second', before),
    'second',
  )
})

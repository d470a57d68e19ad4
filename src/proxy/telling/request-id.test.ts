import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../base/random.ts'
import { requestIdSource } from './request-id.ts'

test('request ids look like UUIDs and differ', () => {
  const next = requestIdSource(seededRandom(1))
  const ids = Array.from({ length: 1_000 }, () => next())
  assert.equal(new Set(ids).size, 1_000)
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('the counter goes on where its lower half is over', () => {
  const next = requestIdSource(() => 0.999_999_99)
  const [first, second] = [next(), next()].map((id) => id.slice(-12))
  assert.deepEqual([first, second], ['000000000000', '000000000001'])
})

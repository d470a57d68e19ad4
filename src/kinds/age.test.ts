import assert from 'node:assert/strict'
import { test } from 'node:test'
import { age, formatAge } from './age.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY

const ages: readonly (readonly [ms: number, text: string])[] = [
  [-3 * SECOND, '<invalid>'],
  [-SECOND, '0s'],
  [0, '0s'],
  [119 * SECOND + 999, '119s'],
  [2 * MINUTE, '2m'],
  [2 * MINUTE + 5 * SECOND, '2m5s'],
  [10 * MINUTE + 30 * SECOND, '10m'],
  [179 * MINUTE, '179m'],
  [3 * HOUR, '3h'],
  [3 * HOUR + 5 * MINUTE, '3h5m'],
  [8 * HOUR + 59 * MINUTE, '8h'],
  [47 * HOUR, '47h'],
  [2 * DAY, '2d'],
  [2 * DAY + 3 * HOUR, '2d3h'],
  [8 * DAY + 3 * HOUR, '8d'],
  [2 * YEAR - DAY, '729d'],
  [2 * YEAR, '2y'],
  [2 * YEAR + 5 * DAY, '2y5d'],
  [9 * YEAR + 5 * DAY, '9y'],
]
for (const [ms, text] of ages) {
  test(`an age of ${ms} ms is ${text}`, () => assert.equal(formatAge(ms), text))
}

test('the age of what has no time is unknown', () => {
  assert.equal(age(undefined, 0), '<unknown>')
  assert.equal(age('yesterday', 0), '<invalid>')
  assert.equal(age('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:07Z')), '7s')
})

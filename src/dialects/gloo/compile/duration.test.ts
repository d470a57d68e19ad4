import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DURATION_MS_MAX, durationMs } from './duration.ts'

test('a duration is whole milliseconds, and only 0 is 0', () => {
  const durations = ['0s', '0.2ms', '1.5s', '1m30s', '10000h'].map((text) => durationMs(text, 7))
  assert.deepEqual(durations, [0, 1, 1_500, 90_000, DURATION_MS_MAX])
  assert.equal(durationMs(undefined, 7), 7)
})

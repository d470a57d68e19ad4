import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDurationMs, parseDurationMs } from './duration.ts'

test('durations are read in the form that manifests use', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['0', 0],
    ['', undefined],
    ['5', undefined],
    ['-1s', undefined],
    ['1s ', undefined],
    ['1d', undefined],
  ]
  for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text)
})

test('durations are written as short as a person would', () => {
  assert.deepEqual([850, 12_000, 60_000, 200_000, 3_600_000, 7_500_000].map(formatDurationMs), [
    '850ms',
    '12s',
    '1m',
    '3m20s',
    '1h',
    '2h5m',
  ])
})

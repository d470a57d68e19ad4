import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTimeFormat } from './time-format.ts'

const TIME_MS = Date.UTC(2026, 0, 5, 13, 4, 9, 87) + 0.25

function formatted(text: string, timeMs = TIME_MS): string {
  const parsed = parseTimeFormat(text)
  return parsed.kind === 'format' ? parsed.format.format(timeMs) : `unknown ${parsed.specifier}`
}

test('dates and times come out as strftime writes them, in UTC', () => {
  assert.equal(formatted('%Y-%m-%dT%H:%M:%SZ'), '2026-01-05T13:04:09Z')
  assert.equal(formatted('%F %T %z'), '2026-01-05 13:04:09 +0000')
  assert.equal(formatted('%a %A %b %B %e %y %j %I %p %R %D'), 'Mon Monday Jan January  5 26 005 01 PM 13:04 01/05/26')
  assert.equal(formatted('100 %%'), '100 %')
})

test('fractions of the second have as many digits as were asked for', () => {
  assert.equal(formatted('%s.%3f'), `${Math.floor(TIME_MS / 1_000)}.087`)
  assert.equal(formatted('%6f %9f %f %1f'), '087250 087250000 087250000 0')
  assert.equal(formatted('%E3S %E6S %E*S'), '09.087 09.087250 09.08725')
  assert.equal(formatted('%E*S', 0), '00')
})

test('a specifier that is not known is named', () => {
  assert.equal(formatted('%Y %Q'), 'unknown %Q')
  assert.equal(formatted('100 %'), 'unknown %')
  assert.equal(formatted('%constructor'), 'unknown %c')
})

test('one format writes one time after the other, of the same second and of others', () => {
  const fine = parseTimeFormat('%4f')
  assert.deepEqual(fine.kind === 'format' && [1.1, 1.2, 1.2].map((timeMs) => fine.format.format(timeMs)), [
    '0011',
    '0012',
    '0012',
  ])
  const parsed = parseTimeFormat('%T.%3f %E3S')
  assert.equal(parsed.kind, 'format')
  if (parsed.kind !== 'format') return
  const times = [0, 0.5, 1, 999, 1_000, 61_005, 0, -1]
  assert.deepEqual(
    times.map((timeMs) => parsed.format.format(timeMs)),
    [
      '00:00:00.000 00.000',
      '00:00:00.000 00.000',
      '00:00:00.001 00.001',
      '00:00:00.999 00.999',
      '00:00:01.000 01.000',
      '00:01:01.005 01.005',
      '00:00:00.000 00.000',
      '23:59:59.999 59.999',
    ],
  )
})

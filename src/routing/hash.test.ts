import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashText } from './hash.ts'

test('the hash is MurmurHash3 of the UTF-16 units', () => {
  // The known answers are of the bytes 21 43 65 87 and 21 43.
  assert.equal(hashText('\u4321\u8765'), 0xf55b516b)
  assert.equal(hashText('\u4321\u8765', 0x5082edee), 0x2362f9de)
  assert.equal(hashText('\u4321'), 0xa0f7b07a)
  assert.equal(hashText(''), 0)
  assert.equal(hashText('', 1), 0x514e28b7)
})

test('similar texts spread evenly over any number of places', () => {
  for (const places of [2, 7, 64, 100]) {
    const counts = Array.from({ length: places }, () => 0)
    const texts = 20_000
    for (let index = 0; index < texts; index++) {
      const place = Math.floor((hashText(`user-${index}`) / 0x1_0000_0000) * places)
      counts[place] = (counts[place] ?? 0) + 1
    }
    // Chi squared is near the number of places for an even spread; six deviations above it is no chance.
    const expected = texts / places
    const deviation = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    assert.ok(deviation < places + 6 * Math.sqrt(2 * places), `${places} places: ${deviation}`)
  }
})

test('one changed character changes about half of the bits', () => {
  let changed = 0
  const pairs = 2_000
  for (let index = 0; index < pairs; index++) {
    const bits = (hashText(`key-${index}-a`) ^ hashText(`key-${index}-b`)) >>> 0
    changed += bits.toString(2).replaceAll('0', '').length
  }
  assert.ok(Math.abs(changed / pairs - 16) < 0.5)
})

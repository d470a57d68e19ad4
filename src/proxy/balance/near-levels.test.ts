import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Locality } from '../../routing/cluster-model.ts'
import { levelShares, nearnessOf } from './near-levels.ts'

function at(region: string, zone = '', subzone = ''): Locality {
  return { region, zone, subzone }
}

function roundedShares(levels: readonly (readonly [usable: number, all: number])[], factor = 1.4): number[] {
  const counts = levels.map(([usable, all]) => ({ usable, all }))
  return levelShares(counts, factor).map((share) => Math.round(share * 1_000) / 1_000)
}

test('nearness goes by region, then zone, then subzone; what is not known is not the same', () => {
  const here = at('eu', 'a', '1')
  assert.equal(nearnessOf(here, at('eu', 'a', '1')), 'same-subzone')
  assert.equal(nearnessOf(here, at('eu', 'a', '2')), 'same-zone')
  assert.equal(nearnessOf(here, at('eu', 'a')), 'same-zone')
  assert.equal(nearnessOf(here, at('eu', 'b', '1')), 'same-region')
  assert.equal(nearnessOf(here, at('us', 'a', '1')), 'elsewhere')
  assert.equal(nearnessOf(at('', 'a', '1'), at('', 'a', '1')), 'elsewhere')
  assert.equal(nearnessOf(at('eu', 'a'), at('eu', 'a')), 'same-zone')
  assert.equal(nearnessOf(here, undefined), 'elsewhere')
  assert.equal(nearnessOf(undefined, here), 'elsewhere')
})

test('the nearest get everything while a share of 1 / overprovisioning of them can be used', () => {
  assert.deepEqual(
    roundedShares([
      [10, 10],
      [10, 10],
    ]),
    [1, 0],
  )
  assert.deepEqual(
    roundedShares([
      [8, 10],
      [10, 10],
    ]),
    [1, 0],
  )
  assert.deepEqual(
    roundedShares([
      [7, 10],
      [10, 10],
    ]),
    [0.98, 0.02],
  )
  assert.deepEqual(
    roundedShares([
      [5, 10],
      [10, 10],
    ]),
    [0.7, 0.3],
  )
  assert.deepEqual(
    roundedShares([
      [5, 10],
      [1, 10],
      [10, 10],
    ]),
    [0.7, 0.14, 0.16],
  )
  assert.deepEqual(
    roundedShares([
      [0, 10],
      [10, 10],
    ]),
    [0, 1],
  )
  assert.deepEqual(
    roundedShares(
      [
        [9, 10],
        [10, 10],
      ],
      1,
    ),
    [0.9, 0.1],
  )
})

test('where all together can take too little, each gets its part of what they can', () => {
  assert.deepEqual(
    roundedShares([
      [2, 10],
      [1, 10],
    ]),
    [0.667, 0.333],
  )
  assert.deepEqual(
    roundedShares([
      [1, 10],
      [0, 3],
    ]),
    [1, 0],
  )
})

test('where none can be used, all get something by their numbers', () => {
  assert.deepEqual(
    roundedShares([
      [0, 3],
      [0, 1],
    ]),
    [0.75, 0.25],
  )
})

test('shares always add up to 1, none are negative, and a level without a usable endpoint gets none while another has one', () => {
  const level = fc
    .tuple(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([all, part]) => ({ all, usable: Math.round(all * part) }))
  const levels = fc.array(level, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(levels, fc.double({ min: 1, max: 10, noNaN: true }), (counts, factor) => {
      const shares = levelShares(counts, factor)
      const sum = shares.reduce((total, share) => total + share, 0)
      assert.ok(Math.abs(sum - 1) < 1e-9)
      const isPanic = counts.every(({ usable }) => usable === 0)
      for (const [index, share] of shares.entries()) {
        assert.ok(share >= 0)
        if (!isPanic && counts[index]?.usable === 0) assert.equal(share, 0)
      }
    }),
  )
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { createHashRing, createMaglev } from './consistent-hash.ts'
import type { ConsistentHash, HashOwner } from './consistent-hash.ts'
import { hashText } from './hash.ts'

const KEYS = 20_000
const hashes = Array.from({ length: KEYS }, (_, index) => hashText(`key-${index}`))

function ownersOf(weights: readonly number[]): HashOwner[] {
  return weights.map((weight, index) => ({ name: `127.16.0.${index + 1}:8080`, weight }))
}

function namesOf(table: ConsistentHash, owners: readonly HashOwner[]): string[] {
  return hashes.map((hash) => owners[table.ownerOf(hash, 0)]?.name ?? '')
}

const KINDS: readonly (readonly [string, (owners: readonly HashOwner[]) => ConsistentHash, number])[] = [
  ['ring', createHashRing, 0.3],
  ['maglev', createMaglev, 0.12],
]

const weightLists = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 8 })

for (const [kind, create, tolerance] of KINDS) {
  describe(kind, () => {
    test('each owner has about the share of its weight', () => {
      fc.assert(
        fc.property(weightLists, (weights) => {
          const owners = ownersOf(weights)
          const names = namesOf(create(owners), owners)
          const sum = weights.reduce((total, weight) => total + weight, 0)
          for (const { name, weight } of owners) {
            const share = names.filter((each) => each === name).length / KEYS
            assert.ok(Math.abs(share / (weight / sum) - 1) < tolerance, `${name}: ${share} of ${weight}/${sum}`)
          }
        }),
        { numRuns: 15, seed: 1 },
      )
    })

    test('when an owner leaves, few keys move besides its own', () => {
      fc.assert(
        fc.property(fc.integer({ min: 3, max: 10 }), fc.nat(), (count, chosen) => {
          const owners = ownersOf(Array.from({ length: count }, () => 1))
          const gone = owners[chosen % count]?.name
          const rest = owners.filter(({ name }) => name !== gone)
          const before = namesOf(create(owners), owners)
          const after = namesOf(create(rest), rest)
          const moved = before.filter((name, index) => name !== gone && name !== after[index]).length
          assert.ok(moved / KEYS < (kind === 'ring' ? 0.001 : 0.1), `${moved} of ${KEYS} moved`)
        }),
        { numRuns: 15, seed: 2 },
      )
    })

    test('the order of the owners does not matter', () => {
      const owners = ownersOf([3, 1, 2, 1])
      const turned = owners.toReversed()
      assert.deepEqual(namesOf(create(owners), owners), namesOf(create(turned), turned))
    })

    test('the steps lead to every owner', () => {
      const table = create(ownersOf([1, 1, 1, 1]))
      const seen = new Set(Array.from({ length: 64 }, (_, step) => table.ownerOf(12_345, step)))
      assert.equal(seen.size, 4)
    })
  })
}

test('a key has the same owner in every process and release', () => {
  const owners = ownersOf([1, 1, 1])
  const shown = ['ann', 'bob', 'carol', 'dave'].map((key) => [
    createHashRing(owners).ownerOf(hashText(key), 0),
    createMaglev(owners).ownerOf(hashText(key), 0),
  ])
  assert.deepEqual(shown, [
    [1, 0],
    [0, 2],
    [2, 2],
    [1, 1],
  ])
})

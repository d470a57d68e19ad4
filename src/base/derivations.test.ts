import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Derivations } from './derivations.ts'
import type { Family } from './derivations.ts'

/** Cells of a sheet: a number, or the sum of other cells, cut to a few values so that sums often stay the same. */
type Cell = number | readonly string[]

function sheet(cells: Map<string, Cell>): {
  readonly sums: Family<number>
  readonly derived: string[]
  readonly set: (name: string, cell: Cell) => void
} {
  const derivations = new Derivations()
  const derived: string[] = []
  const inputs = derivations.family((name) => cells.get(name) ?? 0)
  const sums: Family<number> = derivations.family((name) => {
    derived.push(name)
    const cell = inputs.get(name)
    return typeof cell === 'number' ? cell : cell.reduce((sum, other) => sum + sums.get(other), 0) % 3
  })
  return {
    sums,
    derived,
    set: (name, cell) => {
      cells.set(name, cell)
      inputs.invalidate(name)
    },
  }
}

test('what depends on a change is derived again, and nothing else', () => {
  const { sums, derived, set } = sheet(
    new Map<string, Cell>([
      ['a', 1],
      ['b', 2],
      ['of-a', ['a']],
      ['of-b', ['b']],
    ]),
  )
  assert.deepEqual([sums.get('of-a'), sums.get('of-b')], [1, 2])
  derived.length = 0
  set('a', 2)
  assert.deepEqual([sums.get('of-a'), sums.get('of-b')], [2, 2])
  assert.deepEqual(derived, ['a', 'of-a'])
})

test('a value that comes out the same stops the change', () => {
  const { sums, derived, set } = sheet(
    new Map<string, Cell>([
      ['a', 1],
      ['of-a', ['a']],
      ['top', ['of-a']],
    ]),
  )
  sums.get('top')
  derived.length = 0
  set('a', 4)
  assert.equal(sums.get('top'), 1)
  assert.deepEqual(derived, ['a', 'of-a'])
})

test('what failed is derived again at the next question, and others are not hurt', () => {
  let isBroken = true
  const derivations = new Derivations()
  const input = derivations.family((key) => key.length)
  const failing = derivations.family((key) => {
    if (isBroken) throw new Error('broken')
    return input.get(key) + 1
  })
  const top = derivations.family((key) => failing.get(key) + 1)
  assert.throws(() => top.get('ab'), /broken/)
  assert.equal(input.get('ab'), 2)
  isBroken = false
  assert.equal(top.get('ab'), 4)
})

test('a value that is derived from itself is our bug, and is named', () => {
  const derivations = new Derivations()
  const loop: Family<number> = derivations.family((key) => loop.get(key))
  assert.throws(() => loop.get('x'), /"x" is derived from itself/)
})

test('what nobody asks for any more is forgotten', () => {
  const derived: string[] = []
  const derivations = new Derivations()
  const low = derivations.family((key) => {
    derived.push(key)
    return key
  })
  const top = derivations.family((key) => low.get(key))
  top.get('a')
  top.release('a')
  top.get('a')
  assert.deepEqual(derived, ['a', 'a'])
})

test('after any changes every value is what it would be from the beginning', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  /** A cell sums only earlier ones: there is no circle. */
  const cellOf = (index: number): fc.Arbitrary<Cell> =>
    fc.oneof(fc.nat(5), fc.subarray(names.slice(0, index)) as fc.Arbitrary<Cell>)
  const change = fc.nat(names.length - 1).chain((index) => fc.tuple(fc.constant(names[index] ?? ''), cellOf(index)))
  const step = fc.record({
    changes: fc.array(change, { maxLength: 3 }),
    asked: fc.subarray(names),
    released: fc.subarray(names),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const cells = new Map<string, Cell>()
      const { sums, set } = sheet(cells)
      for (const { changes, asked, released } of steps) {
        for (const [name, cell] of changes) set(name, cell)
        const fresh = sheet(new Map(cells)).sums
        for (const name of asked) assert.equal(sums.get(name), fresh.get(name), name)
        for (const name of released) sums.release(name)
      }
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { JsonObject } from './json-value.ts'
import { applyMergePatch, threeWayMergePatch } from './merge-patch.ts'

/** RFC 7386, appendix A. */
const cases: readonly (readonly [document: unknown, patch: unknown, result: unknown])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

for (const [document, patch, result] of cases) {
  test(`merging ${JSON.stringify(patch)} into ${JSON.stringify(document)} gives ${JSON.stringify(result)}`, () => {
    assert.deepEqual(applyMergePatch(document, patch), result)
  })
}

test('three states: what the file changed is set, what it dropped is removed, what others wrote stays', () => {
  const original = { a: 1, dropped: true, nested: { x: 1, y: 2 } }
  const modified = { a: 2, nested: { x: 1 }, added: [] }
  const current = { a: 1, dropped: true, nested: { x: 1, y: 2, theirs: 3 }, status: 'theirs' }
  const patch = threeWayMergePatch(original, modified, current)
  assert.deepEqual(patch, { a: 2, nested: { y: null }, added: [], dropped: null })
  assert.deepEqual(applyMergePatch(current, patch), {
    a: 2,
    nested: { x: 1, theirs: 3 },
    status: 'theirs',
    added: [],
  })
})

test('an object as its file says needs no patch', () => {
  assert.deepEqual(threeWayMergePatch({ a: 1 }, { a: 1, gone: null }, { a: 1, theirs: 2 }), {})
  assert.deepEqual(threeWayMergePatch(undefined, { a: 1 }, { a: 1 }), {})
})

test('a field called __proto__ is a field', () => {
  const file = JSON.parse('{"__proto__":{}}') as JsonObject
  assert.equal(JSON.stringify(threeWayMergePatch({}, file, {})), '{"__proto__":{}}')
})

test('what was dropped from the file and is gone already is not removed again', () => {
  assert.deepEqual(threeWayMergePatch({ a: 1, b: 2 }, { a: 1 }, { a: 1 }), {})
})

const json = fc.letrec<{ value: unknown; object: JsonObject }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.boolean(), fc.nat(3), fc.array(fc.nat(2), { maxLength: 2 }), tie('object')),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('value'), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
})).object

test('whatever three states: the patch makes the file true, and a second one is empty', () => {
  fc.assert(
    fc.property(json, json, json, (original, modified, current) => {
      const patched = applyMergePatch(current, threeWayMergePatch(original, modified, current)) as JsonObject
      assert.deepEqual(threeWayMergePatch(modified, modified, patched), {})
      assert.deepEqual(applyMergePatch(patched, modified), patched)
    }),
  )
})

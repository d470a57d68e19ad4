import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { applyJsonPatch, JSON_PATCH_OPERATIONS_MAX } from './json-patch.ts'
import { PatchError } from './patch-error.ts'

interface Case {
  readonly name: string
  readonly document: unknown
  readonly patch: unknown
  readonly result: unknown
}

/** The situations of RFC 6902, appendix A. */
const applied: readonly Case[] = [
  { name: 'adds a field', document: { a: 1 }, patch: [{ op: 'add', path: '/b', value: 2 }], result: { a: 1, b: 2 } },
  {
    name: 'adds before an item of a list',
    document: { l: ['a', 'c'] },
    patch: [{ op: 'add', path: '/l/1', value: 'b' }],
    result: { l: ['a', 'b', 'c'] },
  },
  {
    name: 'adds at the end of a list',
    document: { l: ['a'] },
    patch: [{ op: 'add', path: '/l/-', value: ['b'] }],
    result: { l: ['a', ['b']] },
  },
  {
    name: 'adding replaces a field',
    document: { a: 1 },
    patch: [{ op: 'add', path: '/a', value: 2 }],
    result: { a: 2 },
  },
  { name: 'removes a field', document: { a: 1, b: 2 }, patch: [{ op: 'remove', path: '/a' }], result: { b: 2 } },
  {
    name: 'removes an item',
    document: { l: [1, 2, 3] },
    patch: [{ op: 'remove', path: '/l/1' }],
    result: { l: [1, 3] },
  },
  {
    name: 'replaces a value',
    document: { a: 1 },
    patch: [{ op: 'replace', path: '/a', value: null }],
    result: { a: null },
  },
  { name: 'replaces everything', document: { a: 1 }, patch: [{ op: 'replace', path: '', value: [] }], result: [] },
  {
    name: 'moves a field',
    document: { a: { x: 1 }, b: {} },
    patch: [{ op: 'move', from: '/a/x', path: '/b/y' }],
    result: { a: {}, b: { y: 1 } },
  },
  {
    name: 'moves an item within a list',
    document: { l: [1, 2, 3, 4] },
    patch: [{ op: 'move', from: '/l/1', path: '/l/3' }],
    result: { l: [1, 3, 4, 2] },
  },
  {
    name: 'copies a value',
    document: { a: { x: [1] } },
    patch: [{ op: 'copy', from: '/a/x', path: '/b' }],
    result: { a: { x: [1] }, b: [1] },
  },
  {
    name: 'tests compare numbers and objects, whatever the order of keys',
    document: { a: { x: 1, y: [true, null] } },
    patch: [{ op: 'test', path: '/a', value: { y: [true, null], x: 1 } }],
    result: { a: { x: 1, y: [true, null] } },
  },
  {
    name: 'reads ~0 and ~1 in paths',
    document: { 'a/b': 1, 'm~n': 2, '~1': 10 },
    patch: [
      { op: 'replace', path: '/a~1b', value: 3 },
      { op: 'remove', path: '/m~0n' },
      { op: 'test', path: '/~01', value: 10 },
    ],
    result: { 'a/b': 3, '~1': 10 },
  },
  {
    name: 'an empty name is a name',
    document: { '': 1 },
    patch: [{ op: 'replace', path: '/', value: 2 }],
    result: { '': 2 },
  },
  {
    name: 'keeps a field called __proto__ a field',
    document: {},
    patch: [{ op: 'add', path: '/__proto__', value: { polluted: true } }],
    result: JSON.parse('{"__proto__":{"polluted":true}}'),
  },
]

for (const { name, document, patch, result } of applied) {
  test(`a JSON patch ${name}`, () => {
    const before = structuredClone(document)
    assert.deepEqual(applyJsonPatch(document, patch), result)
    assert.deepEqual(document, before, 'the document itself is not changed')
  })
}

const refused: readonly (readonly [name: string, patch: unknown, code: PatchError['code']])[] = [
  ['that is no list', { op: 'add' }, 'Malformed'],
  ['with an unknown op', [{ op: 'spam', path: '/a' }], 'Malformed'],
  ['without a value to add', [{ op: 'add', path: '/a' }], 'Malformed'],
  ['without a path', [{ op: 'remove' }], 'Malformed'],
  ['that moves from nowhere', [{ op: 'move', path: '/a' }], 'Malformed'],
  ['with a path that does not start with /', [{ op: 'remove', path: 'a' }], 'Malformed'],
  ['whose test fails', [{ op: 'test', path: '/a', value: 2 }], 'NotApplicable'],
  ['whose test is of another type', [{ op: 'test', path: '/a', value: '1' }], 'NotApplicable'],
  ['that removes what is not there', [{ op: 'remove', path: '/b' }], 'NotApplicable'],
  ['that replaces what is not there', [{ op: 'replace', path: '/b', value: 1 }], 'NotApplicable'],
  ['that adds into what is not there', [{ op: 'add', path: '/b/c', value: 1 }], 'NotApplicable'],
  ['that leads through a number', [{ op: 'add', path: '/a/b', value: 1 }], 'NotApplicable'],
  ['that leads over the end of a list', [{ op: 'add', path: '/l/2', value: 1 }], 'NotApplicable'],
  ['with an index that is none', [{ op: 'add', path: '/l/01', value: 1 }], 'NotApplicable'],
  ['that names the prototype', [{ op: 'test', path: '/constructor', value: 1 }], 'NotApplicable'],
  ['that moves a value into itself', [{ op: 'move', from: '/o', path: '/o/p' }], 'NotApplicable'],
  ['that removes everything', [{ op: 'remove', path: '' }], 'NotApplicable'],
]

for (const [name, patch, code] of refused) {
  test(`a JSON patch ${name} is refused`, () => {
    assert.throws(() => applyJsonPatch({ a: 1, l: [1], o: {} }, patch), isPatchError(code))
  })
}

test('a JSON patch of too many operations is refused, one of the limit is not', () => {
  const operation = { op: 'test', path: '/a', value: 1 }
  const patch = Array.from({ length: JSON_PATCH_OPERATIONS_MAX }, () => operation)
  assert.deepEqual(applyJsonPatch({ a: 1 }, patch), { a: 1 })
  assert.throws(() => applyJsonPatch({ a: 1 }, [...patch, operation]), isPatchError('TooLarge'))
})

test('copying a document into itself again and again is stopped', () => {
  const doubling = Array.from({ length: 60 }, () => [
    { op: 'copy', from: '', path: '/copy' },
    { op: 'move', from: '/copy', path: '/again' },
    { op: 'copy', from: '', path: '/other' },
  ]).flat()
  assert.throws(() => applyJsonPatch({ text: 'x'.repeat(1000) }, doubling), isPatchError('TooLarge'))
})

test('what was added can be tested and removed again, leaving the document as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.jsonValue(), (document, name, json) => {
      fc.pre(!Object.hasOwn(document, name))
      const value: unknown = JSON.parse(JSON.stringify(json))
      const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const patch = [
        { op: 'add', path, value },
        { op: 'test', path, value },
        { op: 'remove', path },
      ]
      assert.deepEqual(applyJsonPatch(document, patch), { ...document })
    }),
  )
})

function isPatchError(code: PatchError['code']): (error: unknown) => boolean {
  return (error) => error instanceof PatchError && error.code === code
}

test('a patch changes neither the document nor its own values, and a copy is a value of its own', () => {
  const document = { a: { b: [1] }, c: {} }
  const operations = [
    { op: 'add', path: '/d', value: { list: [1] } },
    { op: 'copy', from: '/d', path: '/e' },
    { op: 'add', path: '/d/list/-', value: 2 },
    { op: 'add', path: '/a/b/0', value: 0 },
    { op: 'add', path: '/__proto__', value: { x: 1 } },
  ]
  const expected = JSON.parse(
    '{"a":{"b":[0,1]},"c":{},"d":{"list":[1,2]},"e":{"list":[1]},"__proto__":{"x":1}}',
  ) as unknown
  for (const _time of [1, 2]) assert.deepEqual(applyJsonPatch(document, operations), expected)
  assert.deepEqual(document, { a: { b: [1] }, c: {} })
})

test('operations may not move items of lists without end', () => {
  const document = { list: Array.from({ length: 100_000 }, () => 0) }
  const operations = Array.from({ length: 1_000 }, () => ({ op: 'add', path: '/list/0', value: 1 }))
  assert.throws(() => applyJsonPatch(document, operations), /move more than 50000000 items/)
})

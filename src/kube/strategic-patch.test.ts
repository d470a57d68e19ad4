import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { JsonObject } from './json-value.ts'
import { PatchError } from './patch-error.ts'
import type { ListStrategy, PatchSchema } from './strategic-patch.ts'
import { applyStrategicPatch, createStrategicPatch, UNKNOWN_SCHEMA } from './strategic-patch.ts'

/** `items`: keyed by `name`, each with a keyed list `ports`, a set `tags` and an atomic list `args`; `tags`: a set. */
const schema = objectOf({
  items: listOf(
    keyed('name', objectOf({ ports: listOf(keyed('port', UNKNOWN_SCHEMA)), tags: listOf({ kind: 'set' }) }, true)),
  ),
  tags: listOf({ kind: 'set' }),
  union: { ...UNKNOWN_SCHEMA, retainKeys: true },
})

function objectOf(fields: Readonly<Record<string, PatchSchema>>, retainKeys = false): PatchSchema {
  return { ...UNKNOWN_SCHEMA, retainKeys, child: (name) => fields[name] ?? UNKNOWN_SCHEMA }
}
function listOf(list: ListStrategy): PatchSchema {
  return { ...UNKNOWN_SCHEMA, list }
}
function keyed(key: string, items: PatchSchema): ListStrategy {
  return { kind: 'keyed', key, items }
}

interface Case {
  readonly name: string
  readonly document: unknown
  readonly patch: unknown
  readonly result: unknown
}

const applied: readonly Case[] = [
  {
    name: 'merges objects and removes nulls',
    document: { a: { x: 1, y: 2 }, b: 1 },
    patch: { a: { x: null, z: 3 }, b: null },
    result: { a: { y: 2, z: 3 } },
  },
  {
    name: 'replaces a list that nobody declared to merge',
    document: { args: [1, 2] },
    patch: { args: [3] },
    result: { args: [3] },
  },
  {
    name: 'merges keyed items and keeps the others',
    document: { items: [{ name: 'a', x: 1 }, { name: 'b' }] },
    patch: { items: [{ name: 'b', y: 2 }] },
    result: {
      items: [
        { name: 'a', x: 1 },
        { name: 'b', y: 2 },
      ],
    },
  },
  {
    name: 'puts new items before those it does not name',
    document: { items: [{ name: 'a' }, { name: 'b' }] },
    patch: { items: [{ name: 'c' }] },
    result: { items: [{ name: 'c' }, { name: 'a' }, { name: 'b' }] },
  },
  {
    name: 'deletes an item by its key',
    document: { items: [{ name: 'a' }, { name: 'b' }] },
    patch: { items: [{ $patch: 'delete', name: 'a' }] },
    result: { items: [{ name: 'b' }] },
  },
  {
    name: 'replaces a keyed list',
    document: { items: [{ name: 'a' }, { name: 'b' }] },
    patch: { items: [{ $patch: 'replace' }, { name: 'c' }] },
    result: { items: [{ name: 'c' }] },
  },
  {
    name: 'empties a keyed list',
    document: { items: [{ name: 'a' }] },
    patch: { items: [{ $patch: 'replace' }] },
    result: { items: [] },
  },
  {
    name: 'replaces an object',
    document: { a: { x: 1, y: 2 } },
    patch: { a: { $patch: 'replace', z: 3 } },
    result: { a: { z: 3 } },
  },
  { name: 'empties an object', document: { a: { x: 1 } }, patch: { a: { $patch: 'delete' } }, result: { a: {} } },
  {
    name: 'merges an object when told so',
    document: { a: { x: 1 } },
    patch: { a: { $patch: 'merge', y: 2 } },
    result: { a: { x: 1, y: 2 } },
  },
  {
    name: 'adds to a set once',
    document: { tags: ['a', 'b'] },
    patch: { tags: ['b', 'c'] },
    result: { tags: ['a', 'b', 'c'] },
  },
  {
    name: 'takes from a set',
    document: { tags: ['a', 'b', 'c'] },
    patch: { '$deleteFromPrimitiveList/tags': ['b', 'x'] },
    result: { tags: ['a', 'c'] },
  },
  {
    name: 'clears what is not retained',
    document: { union: { emptyDir: {}, name: 'v' } },
    patch: { union: { $retainKeys: ['name', 'secret'], secret: {} } },
    result: { union: { name: 'v', secret: {} } },
  },
  {
    name: 'sets the order of items, with others where they stood',
    document: { items: [{ name: 'a' }, { name: 'x' }, { name: 'b' }] },
    patch: { '$setElementOrder/items': [{ name: 'b' }, { name: 'c' }, { name: 'a' }], items: [{ name: 'c' }] },
    result: { items: [{ name: 'x' }, { name: 'b' }, { name: 'c' }, { name: 'a' }] },
  },
  {
    name: 'sets an order alone',
    document: { tags: ['a', 'b'], items: [{ name: 'a' }, { name: 'b' }] },
    patch: {
      '$setElementOrder/tags': ['b', 'a'],
      '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }],
    },
    result: { tags: ['b', 'a'], items: [{ name: 'b' }, { name: 'a' }] },
  },
  {
    name: 'merges lists within items',
    document: { items: [{ name: 'a', ports: [{ port: 1 }, { port: 2, x: 1 }], tags: ['t'] }] },
    patch: {
      items: [
        {
          name: 'a',
          ports: [
            { port: 2, x: 2 },
            { port: 1, $patch: 'delete' },
          ],
          tags: ['u'],
        },
      ],
    },
    result: { items: [{ name: 'a', ports: [{ port: 2, x: 2 }], tags: ['u', 't'] }] },
  },
  {
    name: 'leaves no directive or null behind in what is new',
    document: {},
    patch: {
      a: { b: null, c: { $patch: 'replace', d: 1 } },
      items: [
        { name: 'a', x: null },
        { name: 'b', $patch: 'delete' },
      ],
    },
    result: { a: { c: { d: 1 } }, items: [{ name: 'a' }] },
  },
  {
    name: 'replaces what is of another type',
    document: { a: [1], items: 'x' },
    patch: { a: { b: 1 }, items: [{ name: 'a' }] },
    result: { a: { b: 1 }, items: [{ name: 'a' }] },
  },
  {
    name: 'keeps two new items of one key',
    document: { items: [{ name: 'a' }] },
    patch: {
      items: [
        {
          name: 'a',
          ports: [
            { port: 53, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
        },
      ],
    },
    result: {
      items: [
        {
          name: 'a',
          ports: [
            { port: 53, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
        },
      ],
    },
  },
]

for (const { name, document, patch, result } of applied) {
  test(`a strategic merge patch ${name}`, () => {
    const before = structuredClone(document)
    assert.deepEqual(applyStrategicPatch(document, patch, schema), result)
    assert.deepEqual(document, before, 'the document itself is not changed')
  })
}

const refused: readonly (readonly [name: string, patch: unknown])[] = [
  ['that is no object', []],
  ['with an unknown $patch', { a: { $patch: 'explode' } }],
  ['with an unknown $patch in a list', { items: [{ name: 'a', $patch: 'merge' }] }],
  ['with an unknown directive', { $explode: 1 }],
  ['with an item that has no key', { items: [{ x: 1 }] }],
  ['with an item that is no object', { items: [1] }],
  ['that deletes an item without naming it', { items: [{ $patch: 'delete' }] }],
  [
    'whose order contradicts its list',
    { '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }], items: [{ name: 'a' }, { name: 'b' }] },
  ],
  ['whose order lacks an item of its list', { '$setElementOrder/items': [{ name: 'b' }], items: [{ name: 'a' }] }],
  ['that sets what it does not retain', { union: { $retainKeys: ['a'], b: 1 } }],
  ['whose $retainKeys is no list', { union: { $retainKeys: 'a' } }],
  ['that deletes from a set by something that is no list', { '$deleteFromPrimitiveList/tags': 'a' }],
]

for (const [name, patch] of refused) {
  test(`a strategic merge patch ${name} is refused`, () => {
    const document = { items: [{ name: 'a' }, { name: 'b' }], tags: ['a'], union: { a: 1 } }
    assert.throws(
      () => applyStrategicPatch(document, patch, schema),
      (error) => error instanceof PatchError && error.code === 'Malformed',
    )
  })
}

test('three states: items are changed, added, deleted and ordered; what others wrote stays', () => {
  const original = { items: [{ name: 'a', x: 1 }, { name: 'gone' }], tags: ['one', 'two'] }
  const modified = { items: [{ name: 'new' }, { name: 'a', x: 2 }], tags: ['one', 'three'] }
  const current = {
    items: [{ name: 'a', x: 1, y: 'theirs' }, { name: 'gone' }, { name: 'theirs' }],
    tags: ['one', 'two', 'theirs'],
  }
  const patch = createStrategicPatch(original, modified, current, schema)
  assert.deepEqual(patch, {
    items: [{ name: 'new' }, { name: 'a', x: 2, $retainKeys: ['name', 'x'] }, { $patch: 'delete', name: 'gone' }],
    '$setElementOrder/items': [{ name: 'new' }, { name: 'a' }],
    tags: ['three'],
    '$deleteFromPrimitiveList/tags': ['two'],
    '$setElementOrder/tags': ['one', 'three'],
  })
  assert.deepEqual(applyStrategicPatch(current, patch, schema), {
    items: [{ name: 'new' }, { name: 'a', x: 2 }, { name: 'theirs' }],
    tags: ['one', 'three', 'theirs'],
  })
})

test('a union that changes names all it keeps', () => {
  const patch = createStrategicPatch(
    {},
    { union: { type: 'Recreate' } },
    { union: { type: 'RollingUpdate', rolling: {} } },
    schema,
  )
  assert.deepEqual(patch, { union: { type: 'Recreate', $retainKeys: ['type'] } })
})

test('an object as its file says needs no patch', () => {
  const file = { items: [{ name: 'a', x: 1 }], union: { type: 'x' }, gone: null }
  const live = { items: [{ name: 'theirs' }, { name: 'a', x: 1, y: 2 }], union: { type: 'x', more: 1 }, status: {} }
  assert.deepEqual(createStrategicPatch(file, file, live, schema), {})
})

test('a list with items of one key is replaced whole', () => {
  const udp = { port: 53, protocol: 'UDP' }
  const tcp = { port: 53, protocol: 'TCP' }
  const live = { items: [{ name: 'a', ports: [tcp, { port: 80 }] }] }
  const patch = createStrategicPatch({}, { items: [{ name: 'a', ports: [udp, tcp] }] }, live, schema)
  assert.deepEqual(applyStrategicPatch(live, patch, schema), { items: [{ name: 'a', ports: [udp, tcp] }] })
})

test('a list with items of one key needs no patch where the server has only added to its items', () => {
  const file = { items: [{ name: 'a', ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }] }] }
  const live = {
    items: [
      {
        name: 'a',
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
    ],
  }
  assert.deepEqual(createStrategicPatch(file, file, live, schema), {})
  const fewer = { items: [{ name: 'a', ports: [{ port: 53 }, { port: 53 }] }] }
  assert.notDeepEqual(createStrategicPatch(file, fewer, live, schema), {})
})

const name = fc.constantFrom('a', 'b', 'c', 'd')
const item = fc.record(
  {
    name,
    x: fc.nat(2),
    tags: fc.uniqueArray(name, { maxLength: 3 }),
    ports: fc.uniqueArray(
      fc.record({ port: fc.nat(3), y: fc.nat(1) }, { requiredKeys: ['port'], noNullPrototype: true }),
      {
        selector: ({ port }) => port,
        maxLength: 3,
      },
    ),
  },
  { requiredKeys: ['name'], noNullPrototype: true },
)
const document: fc.Arbitrary<JsonObject> = fc.record(
  {
    items: fc.uniqueArray(item, { selector: (one) => one.name, maxLength: 4 }),
    tags: fc.uniqueArray(name, { maxLength: 4 }),
    args: fc.array(fc.nat(2), { maxLength: 2 }),
    union: fc.dictionary(name, fc.nat(2), { maxKeys: 2, noNullPrototype: true }),
    map: fc.dictionary(name, fc.nat(2), { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
)

test('whatever three states: the patch is accepted and makes the file true, so that a second one is empty', () => {
  fc.assert(
    fc.property(document, document, document, (original, modified, current) => {
      const patch = createStrategicPatch(original, modified, current, schema)
      const patched = applyStrategicPatch(current, patch, schema) as JsonObject
      assert.deepEqual(createStrategicPatch(modified, modified, patched, schema), {})
    }),
    { numRuns: 500 },
  )
})

test('when nobody else wrote, the patch turns one file into the other', () => {
  fc.assert(
    fc.property(document, document, (before, after) => {
      const patch = createStrategicPatch(before, after, before, schema)
      assert.deepEqual(applyStrategicPatch(before, patch, schema), after)
    }),
    { numRuns: 500 },
  )
})

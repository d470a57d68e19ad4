import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { joinFieldPath, offsetOf, splitFieldPath } from './yaml-place.ts'

test('a field path is split and joined again, dots in a key and all', () => {
  const path = ['spec', 'a', 0, 'labels', 'x.y/z', 'b']
  assert.deepEqual(splitFieldPath('spec.a[0].labels[x.y/z].b'), path)
  assert.equal(joinFieldPath(path), 'spec.a[0].labels[x.y/z].b')
})

test('a path is found through lists and aliases, and as far as the document goes', () => {
  const text = 'a: &one\n  b: 1\nlist:\n  - x\n  - *one\n'
  const document = parseDocument(text)
  assert.equal(offsetOf(document, ['list', 0]), text.indexOf('x'))
  assert.equal(offsetOf(document, ['list', 1, 'b']), text.indexOf('b: 1'))
  assert.equal(offsetOf(document, ['a', 'missing', 'deeper']), text.indexOf('a:'))
})

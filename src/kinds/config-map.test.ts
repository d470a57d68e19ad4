import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, cells, complaints } from '../../test/support/admit.ts'
import { configMapKind } from './config-map.ts'
import { secretKind } from './secret.ts'

const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }

test('keys have a form and stand once', () => {
  assert.match(
    complaints(configMapKind, { ...config, data: { 'a/b': '' } })[0] ?? '',
    /^data\[a\/b\]: Invalid value: "a\/b": a valid config key/,
  )
  assert.deepEqual(complaints(configMapKind, { ...config, data: { a: '' }, binaryData: { a: 'aGk=' } }), [
    'binaryData[a]: Duplicate value: "a"',
  ])
})

test('a mebibyte is the limit', () => {
  assert.deepEqual(complaints(configMapKind, { ...config, data: { a: 'x'.repeat(1024 * 1024) } }), [])
  assert.deepEqual(complaints(configMapKind, { ...config, data: { a: 'x'.repeat(1024 * 1024), b: 'x' } }), [
    ': Too long: may not be more than 1048576 bytes',
  ])
})

test('what is marked immutable stays', () => {
  const old = { ...config, immutable: true, data: { a: '1' } }
  assert.deepEqual(complaints(configMapKind, { ...old, data: { a: '2' } }, old), [
    'data: Forbidden: field is immutable when `immutable` is set',
  ])
  assert.deepEqual(complaints(configMapKind, { ...config, data: { a: '1' } }, old), [
    'immutable: Forbidden: field is immutable when `immutable` is set',
  ])
  assert.deepEqual(complaints(configMapKind, old, old), [])
})

test('what was written in plain is kept as base64', () => {
  const { metadata: _metadata, ...stored } = admitted(secretKind, {
    ...secret,
    data: { a: 'MQ==', b: 'Mg==' },
    stringData: { b: 'new', c: 'ü' },
  })
  assert.deepEqual(stored, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    data: { a: 'MQ==', b: 'bmV3', c: 'w7w=' },
  })
})

test('a secret of a published type holds what the type promises, and keeps its type', () => {
  const tls = { ...secret, type: 'kubernetes.io/tls', data: { 'tls.crt': 'aGk=' } }
  assert.deepEqual(complaints(secretKind, tls), ['data[tls.key]: Required value'])
  assert.deepEqual(complaints(secretKind, { ...secret, type: 'b' }, { ...secret, type: 'a' }), [
    'type: Invalid value: "b": field is immutable',
  ])
})

test('rows count entries', () => {
  assert.equal(cells(configMapKind, { ...config, data: { a: '', b: '' }, binaryData: { c: '' } })['Data'], 3)
  assert.deepEqual(cells(secretKind, admitted(secretKind, { ...secret, data: { a: '' } })), {
    Type: 'Opaque',
    Data: 1,
    Age: '<unknown>',
  })
})

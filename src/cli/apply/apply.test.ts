import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failure } from '../../kube/api-error.ts'
import { parseManifest } from '../manifest/parse.ts'
import { LAST_APPLIED_ANNOTATION, lastApplied, withLastApplied } from './last-applied.ts'
import { explainRefusal } from './mistakes.ts'

const CONFIG_MAP = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'b' },
  data: { key: '<&>' },
}

test('the last-applied annotation is byte for byte what kubectl writes', () => {
  const text = withLastApplied(CONFIG_MAP).metadata.annotations?.[LAST_APPLIED_ANNOTATION]
  assert.equal(
    text,
    '{"apiVersion":"v1","data":{"key":"\\u003c\\u0026\\u003e"},"kind":"ConfigMap",' +
      '"metadata":{"annotations":{},"name":"a","namespace":"b"}}\n',
  )
})

test('other annotations stay, and an old last-applied one is not nested', () => {
  const metadata = { ...CONFIG_MAP.metadata, annotations: { other: 'x', [LAST_APPLIED_ANNOTATION]: 'old' } }
  const applied = withLastApplied({ ...CONFIG_MAP, metadata })
  assert.equal(applied.metadata.annotations?.['other'], 'x')
  assert.deepEqual((lastApplied(applied) as typeof CONFIG_MAP).metadata, {
    annotations: { other: 'x' },
    name: 'a',
    namespace: 'b',
  })
})

test('an object made by other means has no last application, nor one with a broken annotation', () => {
  assert.equal(lastApplied(CONFIG_MAP), undefined)
  const metadata = { name: 'a', annotations: { [LAST_APPLIED_ANNOTATION]: '{' } }
  assert.equal(lastApplied({ ...CONFIG_MAP, metadata }), undefined)
})

const TEXT = 'apiVersion: v1\nkind: X\nmetadata: { name: a }\nspec:\n  count: -1\n  kount: 2\n'

test('each cause of a refusal is shown where its field stands', () => {
  const [manifest] = parseManifest(TEXT, 'x.yaml').objects
  assert.ok(manifest)
  const error = failure({
    code: 422,
    reason: 'Invalid',
    message: 'X "a" is invalid',
    details: {
      causes: [
        { field: 'spec.count', message: 'Invalid value: -1: must not be negative' },
        { field: 'spec.selector', message: 'Required value' },
      ],
    },
  })
  assert.deepEqual(explainRefusal(error, 'apply "x/a"', manifest), [
    'x.yaml:5:3: Cannot apply "x/a": spec.count: Invalid value: -1: must not be negative',
    'x.yaml:4:1: Cannot apply "x/a": spec.selector: Required value',
  ])
})

test('an unknown field is shown where it stands', () => {
  const [manifest] = parseManifest(TEXT, 'x.yaml').objects
  assert.ok(manifest)
  const message =
    'X in version "v1" cannot be handled as a X: strict decoding error: unknown field "spec.kount"; did you mean "count"?, duplicate field "spec.count"'
  const error = failure({ code: 400, reason: 'BadRequest', message })
  assert.deepEqual(explainRefusal(error, 'apply "x/a"', manifest), [
    'x.yaml:6:3: Cannot apply "x/a": unknown field "spec.kount"; did you mean "count"?',
    'x.yaml:5:3: Cannot apply "x/a": duplicate field "spec.count"',
  ])
})

test('any other refusal is shown where the object begins', () => {
  const [manifest] = parseManifest(TEXT, 'x.yaml').objects
  assert.ok(manifest)
  const error = failure({ code: 404, reason: 'NotFound', message: 'namespaces "b" not found' })
  assert.deepEqual(explainRefusal(error, 'apply "x/a"', manifest), [
    'x.yaml:1:1: Cannot apply "x/a": namespaces "b" not found (NotFound)',
  ])
})

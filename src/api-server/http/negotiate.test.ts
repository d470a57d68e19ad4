import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReason } from '../../kube/api-error.ts'
import { representationOf } from './negotiate.ts'

test('the first form that we can produce is taken', () => {
  const cases: [accept: string | undefined, kind: string][] = [
    [undefined, 'object'],
    ['*/*', 'object'],
    ['application/json', 'object'],
    ['application/vnd.kubernetes.protobuf,application/json', 'object'],
    ['application/vnd.kubernetes.protobuf', 'object'],
    ['application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1', 'metadata'],
    ['application/vnd.kubernetes.protobuf,application/json;as=Table;v=v1;g=meta.k8s.io', 'table'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'table'],
    ['application/json;as=Table;v=v9;g=meta.k8s.io,application/json', 'object'],
    ['application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadata', 'metadata'],
    ['application/json;q=0.1,application/json;as=Table;v=v1beta1;g=meta.k8s.io', 'table'],
  ]
  for (const [accept, kind] of cases)
    assert.equal(representationOf(accept, { isBuiltIn: true }).kind, kind, String(accept))
})

test('where there is none, the answer is 406', () => {
  assert.throws(
    () => representationOf('application/yaml', { isBuiltIn: true }),
    (error) => isReason(error, 'NotAcceptable'),
  )
})

test('protobuf alone is not acceptable for a custom resource, but for its metadata', () => {
  const custom = { isBuiltIn: false }
  assert.throws(
    () => representationOf('application/vnd.kubernetes.protobuf', custom),
    (error) => isReason(error, 'NotAcceptable'),
  )
  const metadata = 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
  assert.equal(representationOf(metadata, custom).kind, 'metadata')
  assert.equal(representationOf('application/vnd.kubernetes.protobuf, */*', custom).kind, 'object')
})

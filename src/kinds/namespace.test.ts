import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, cells, complaints } from '../../test/support/admit.ts'
import { controllerRevisionKind } from './controller-revision.ts'
import { eventKind } from './event.ts'
import type { Event } from './event.ts'
import { namespaceKind } from './namespace.ts'

test('a Namespace is named by a label, active, and kept until it is empty', () => {
  assert.deepEqual(admitted(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'kubernetes.io/metadata.name': 'shop' } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  })
})

test('a Namespace without finalizers stays without them', () => {
  const emptied = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' }, spec: { finalizers: [] } }
  assert.deepEqual(admitted(namespaceKind, emptied).spec, { finalizers: [] })
})

const event: Event = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'web.1', namespace: 'default' },
  involvedObject: { kind: 'Pod', name: 'web-1', namespace: 'default', fieldPath: 'spec.containers{web}' },
  reason: 'Started',
  message: 'Started container web\n',
  source: { component: 'sluice-runtime', host: 'local' },
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:01:00Z',
  count: 2,
  type: 'Normal',
}

test('a row tells what happened to what, and when', () => {
  assert.deepEqual(cells(eventKind, event, Date.parse('2026-01-01T00:01:30Z')), {
    'Last Seen': '30s',
    Type: 'Normal',
    Reason: 'Started',
    Object: 'pod/web-1',
    Subobject: 'spec.containers{web}',
    Source: 'sluice-runtime, local',
    Message: 'Started container web',
    'First Seen': '90s',
    Count: '2',
    Name: 'web.1',
  })
})

test('an Event stands in the namespace of what it is about', () => {
  assert.deepEqual(complaints(eventKind, event), [])
  assert.deepEqual(complaints(eventKind, { ...event, metadata: { name: 'a', namespace: 'other' } }), [
    'involvedObject.namespace: Invalid value: "default": does not match event.namespace',
  ])
})

test('a ControllerRevision keeps its data, of any shape', () => {
  const revision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: 'r',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true }],
    },
    data: { spec: { anything: [1, null] } },
    revision: 1,
  }
  assert.deepEqual(admitted(controllerRevisionKind, revision).data, revision.data)
  assert.deepEqual(complaints(controllerRevisionKind, { ...revision, data: { spec: 1 } }, revision), [
    'data: Invalid value: {"spec":1}: field is immutable',
  ])
  assert.equal(cells(controllerRevisionKind, revision)['Controller'], 'deployment.apps/web')
})

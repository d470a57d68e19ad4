import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../kinds/pod.ts'
import type { ReplicaSet } from '../../kinds/replica-set.ts'
import { replicaSetStatus } from './status.ts'

const NOW_MS = Date.parse('2026-01-01T00:01:00Z')

const replicaSet = (minReadySeconds: number): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web', generation: 3 },
  spec: {
    minReadySeconds,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web', tier: 'front' } }, spec: { containers: [] } },
  },
})

const pod = (
  readySince: string | undefined,
  labels: Record<string, string> = { app: 'web' },
  leaving = false,
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', labels, ...(leaving ? { deletionTimestamp: '2026-01-01T00:00:59Z' } : {}) },
  spec: { containers: [] },
  status: {
    phase: 'Running',
    conditions: readySince === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: readySince }],
  },
})

test('a pod counts as available once it has been ready for minReadySeconds, and the next moment is named', () => {
  const pods = [pod('2026-01-01T00:00:30Z'), pod('2026-01-01T00:00:55Z'), pod('2026-01-01T00:00:57Z'), pod(undefined)]
  const result = replicaSetStatus({ replicaSet: replicaSet(10), pods, failure: undefined, nowMs: NOW_MS })
  assert.equal(result.status.replicas, 4)
  assert.equal(result.status.readyReplicas, 3)
  assert.equal(result.status.availableReplicas, 1)
  assert.equal(result.nextAvailableAtMs, NOW_MS + 5000)
})

test('terminating pods are counted apart, and only fully labelled ones as such', () => {
  const ready = '2026-01-01T00:00:00Z'
  const pods = [pod(ready, { app: 'web', tier: 'front' }), pod(ready), pod(ready, { app: 'web' }, true)]
  const { status } = replicaSetStatus({ replicaSet: replicaSet(0), pods, failure: undefined, nowMs: NOW_MS })
  assert.deepEqual(status, {
    replicas: 2,
    fullyLabeledReplicas: 1,
    readyReplicas: 2,
    availableReplicas: 2,
    terminatingReplicas: 1,
    observedGeneration: 3,
  })
})

test('a status that says the same is not written again', () => {
  const set = replicaSet(0)
  const failure = { reason: 'FailedCreate', message: 'quota' } as const
  const first = replicaSetStatus({ replicaSet: set, pods: [], failure, nowMs: NOW_MS })
  assert.equal(first.isChanged, true)
  const told = { ...set, status: first.status }
  const later = replicaSetStatus({ replicaSet: told, pods: [], failure, nowMs: NOW_MS + 5000 })
  assert.equal(later.isChanged, false)
  const cured = replicaSetStatus({ replicaSet: told, pods: [], failure: undefined, nowMs: NOW_MS })
  assert.equal(cured.isChanged, true)
  assert.equal(cured.status.conditions, undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition } from '../../kube/object.ts'
import { judgePods, judgeReleases, judgeRoutes, judgeWorkloads, statusLines, worst } from './judge.ts'
import type { StatusObject } from './judge.ts'

function object(kind: string, name: string, fields: Partial<StatusObject> = {}): StatusObject {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: 'echo', generation: 2 }, ...fields }
}

function condition(type: string, status: Condition['status'], observedGeneration: number): Condition {
  const lastTransitionTime = '2026-01-01T00:00:00Z'
  return { type, status, reason: 'Because', message: 'of it', lastTransitionTime, observedGeneration }
}

test('a route is live only when its present generation is acknowledged', () => {
  const live = object('VirtualService', 'a', { status: { conditions: [condition('Programmed', 'True', 2)] } })
  const stale = object('VirtualService', 'b', { status: { conditions: [condition('Programmed', 'True', 1)] } })
  const refused = object('VirtualService', 'c', { status: { conditions: [condition('Accepted', 'False', 2)] } })
  assert.equal(judgeRoutes([live]).health, 'ok')
  assert.equal(judgeRoutes([live, stale]).health, 'busy')
  assert.deepEqual(judgeRoutes([live, stale, refused]), {
    part: 'routes',
    health: 'bad',
    summary: '1 live, 1 on the way, 1 refused',
    details: ['VirtualService echo/c: Because: of it', 'VirtualService echo/b: not yet acknowledged by every proxy'],
  })
  assert.equal(judgeRoutes([]).summary, 'none')
})

test('workloads are busy until all their pods are ready', () => {
  const ready = object('Deployment', 'a', { spec: { replicas: 2 }, status: { readyReplicas: 2 } })
  const short = object('Deployment', 'b', { spec: { replicas: 2 }, status: { readyReplicas: 1 } })
  assert.equal(judgeWorkloads([ready]).health, 'ok')
  assert.deepEqual(judgeWorkloads([ready, short]).details, ['Deployment echo/b: 1 of 2 pods ready'])
})

function waiting(reason: string): StatusObject {
  return object('Pod', 'p', {
    status: { containerStatuses: [{ state: { waiting: { reason, message: 'unknown image' } } }] },
  })
}

test('a pod that keeps crashing or has no image is bad, one that starts is not', () => {
  assert.equal(judgePods([waiting('ContainerCreating')]).health, 'ok')
  assert.deepEqual(judgePods([waiting('ErrImagePull')]).details, ['Pod echo/p: ErrImagePull: unknown image'])
})

test('releases that run are told with their message', () => {
  const parts = judgeReleases([
    object('Release', 'a', { status: { phase: 'Succeeded' } }),
    object('Release', 'b', { status: { phase: 'Paused', message: 'waits for a person' } }),
  ])
  assert.deepEqual([parts.health, parts.summary], ['busy', '1 succeeded, 1 paused'])
  assert.deepEqual(statusLines([parts]), [
    'releases   busy  1 succeeded, 1 paused',
    '                 Release echo/b: Paused: waits for a person',
  ])
})

test('the worst part decides', () => {
  assert.deepEqual([worst([]), worst(['ok', 'busy']), worst(['busy', 'bad', 'ok'])], ['ok', 'busy', 'bad'])
})

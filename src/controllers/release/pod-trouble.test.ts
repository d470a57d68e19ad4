import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Deployment } from '../../kinds/deployment.ts'
import type { ContainerStatus, Pod, PodStatus } from '../../kinds/pod.ts'
import { whyPodsNotReady } from './pod-trouble.ts'

const DEPLOYMENT: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'echo-v4' },
  spec: { selector: {}, template: { spec: { containers: [{ name: 'echo' }] } } },
}

function pod(state: Partial<ContainerStatus>, status: Partial<PodStatus> = {}): Pod {
  const containerStatus = { name: 'echo', ready: false, restartCount: 0, image: '', imageID: '', ...state }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'echo-v4-abc' },
    spec: { containers: [{ name: 'echo', readinessProbe: { httpGet: { path: '/', port: 80 } } }] },
    status: { containerStatuses: [containerStatus], ...status },
  }
}

function why(...pods: readonly Pod[]): string | undefined {
  return whyPodsNotReady(pods, DEPLOYMENT)
}

const EXIT_3 = { terminated: { exitCode: 3, reason: 'Error' } }

test('a crash loop is named with how the container ended', () => {
  const crashed = pod({ state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } }, lastState: EXIT_3 })
  assert.equal(why(crashed), 'pod echo-v4-abc: CrashLoopBackOff, exit 3')
  assert.equal(why(pod({ state: EXIT_3 })), 'pod echo-v4-abc: Error, exit 3')
})

test('a crash loop that is just running again is still named', () => {
  const again = pod({ state: { running: {} }, lastState: EXIT_3, started: true })
  assert.equal(why(again), 'pod echo-v4-abc: restarted after exit 3, its readiness probe has not succeeded')
})

test('an image that cannot be had is named with its message', () => {
  const unknown = pod({ state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } })
  assert.equal(why(unknown), 'pod echo-v4-abc: ErrImagePull: no such image')
})

test('a readiness probe that does not succeed is named', () => {
  assert.equal(
    why(pod({ state: { running: {} }, started: true })),
    'pod echo-v4-abc: its readiness probe has not succeeded',
  )
})

test('a pod that the machine could not run or place is named with the reason', () => {
  assert.equal(
    why(pod({}, { phase: 'Failed', reason: 'Evicted', message: 'no disk' })),
    'pod echo-v4-abc: Evicted: no disk',
  )
  const conditions = [
    { type: 'PodScheduled', status: 'False' as const, reason: 'Unschedulable', message: 'no address' },
  ]
  assert.equal(why(pod({}, { conditions })), 'pod echo-v4-abc: Unschedulable: no address')
})

test('pods that just start, are ready or are on their way out are no trouble', () => {
  const starting = pod({ state: { waiting: { reason: 'ContainerCreating' } } })
  const leaving = pod({ state: EXIT_3 })
  const gone = { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
  const ready = pod({ state: { running: {} }, ready: true }, { conditions: [{ type: 'Ready', status: 'True' }] })
  assert.equal(why(starting, gone, ready), undefined)
})

test('pods that could not even be made are told by their Deployment', () => {
  const message = 'pods "echo" is forbidden'
  const conditions = [{ type: 'ReplicaFailure', status: 'True' as const, message }]
  assert.equal(whyPodsNotReady([], { ...DEPLOYMENT, status: { conditions } }), message)
})

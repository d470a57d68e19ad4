import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../kinds/pod.ts'
import { podsToDelete } from './rank.ts'

const NOW_MS = Date.parse('2026-01-01T12:00:00Z')

interface Shape {
  readonly node?: string
  readonly phase?: 'Pending' | 'Running'
  readonly readyFor?: number
  readonly cost?: number
  readonly restarts?: number
  readonly age?: number
}

const ago = (seconds: number): string => new Date(NOW_MS - seconds * 1000).toISOString()

const pod = (name: string, { node = 'n1', phase = 'Running', readyFor, cost, restarts = 0, age = 60 }: Shape): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    creationTimestamp: ago(age),
    ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': String(cost) } }),
  },
  spec: { containers: [], ...(node === '' ? {} : { nodeName: node }) },
  status: {
    phase,
    conditions: readyFor === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: ago(readyFor) }],
    containerStatuses: [{ name: 'c', ready: true, restartCount: restarts, image: '', imageID: '' }],
  },
})

const first = (pods: readonly Pod[], related = pods): string | undefined =>
  podsToDelete(pods, related, { count: 1, nowMs: NOW_MS })[0]?.metadata.name

test('pods go in the order of what their loss costs', () => {
  const ready = { readyFor: 30 }
  assert.equal(first([pod('placed', ready), pod('unplaced', { ...ready, node: '' })]), 'unplaced')
  assert.equal(first([pod('running', {}), pod('pending', { phase: 'Pending' })]), 'pending')
  assert.equal(first([pod('ready', ready), pod('unready', {})]), 'unready')
  assert.equal(first([pod('dear', { ...ready, cost: 10 }), pod('cheap', { ...ready, cost: -10 })]), 'cheap')
  assert.equal(first([pod('old', { readyFor: 4000 }), pod('fresh', { readyFor: 2 })]), 'fresh')
  assert.equal(first([pod('steady', ready), pod('shaky', { ...ready, restarts: 3 })]), 'shaky')
  assert.equal(first([pod('elder', { ...ready, age: 9000 }), pod('younger', { ...ready, age: 31 })]), 'younger')
})

test('of several nodes the fullest gives first', () => {
  const pods = [pod('a', { readyFor: 30, node: 'n1' }), pod('b', { readyFor: 30, node: 'n2' })]
  const neighbour = pod('other', { readyFor: 30, node: 'n2' })
  assert.equal(first(pods, [...pods, neighbour]), 'b')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, route, snapshotOf } from '../../../test/support/live-proxy.ts'
import { checkSnapshot } from '../check.ts'
import type { Cluster, Locality } from '../cluster-model.ts'
import type { RoutingSnapshot } from '../model.ts'

const HERE: Locality = { region: 'eu', zone: 'a', subzone: '' }

function snapshotWith(change: Partial<Cluster>): RoutingSnapshot {
  return { ...snapshotOf([route('r', { v1: 1 })], [cluster('v1', [8080], change)]), locality: HERE }
}

function problemsOf(change: Partial<Cluster>): string[] {
  return checkSnapshot(snapshotWith(change)).map(({ code, path }) => `${code} ${path}`)
}

const slowStart = { windowMs: 10_000, aggression: 1, minWeightShare: 0.1 }

test('a slow start and a preference for near endpoints that can be kept to pass', () => {
  assert.deepEqual(problemsOf({ slowStart, preferLocal: { overprovisioning: 1.4 } }), [])
  assert.deepEqual(problemsOf({ slowStart: { windowMs: 1, aggression: 0.5, minWeightShare: 0 } }), [])
  assert.deepEqual(problemsOf({ slowStart, balance: { kind: 'least-request' } }), [])
})

test('numbers that mean nothing are refused', () => {
  const at = 'bad-slow-start clusters[0].slowStart'
  assert.deepEqual(problemsOf({ slowStart: { ...slowStart, windowMs: 0 } }), [`${at}.windowMs`])
  assert.deepEqual(problemsOf({ slowStart: { ...slowStart, aggression: 0 } }), [`${at}.aggression`])
  assert.deepEqual(problemsOf({ slowStart: { ...slowStart, minWeightShare: 1.5 } }), [`${at}.minWeightShare`])
  const overprovisioning = 'bad-prefer-local clusters[0].preferLocal.overprovisioning'
  assert.deepEqual(problemsOf({ preferLocal: { overprovisioning: 0.9 } }), [overprovisioning])
  assert.deepEqual(problemsOf({ preferLocal: { overprovisioning: Number.NaN } }), [overprovisioning])
})

test('a slow start is refused where weights may not change', () => {
  const balance = { kind: 'maglev', key: { kind: 'source-address' } } as const
  for (const each of [{ kind: 'random' } as const, balance]) {
    assert.deepEqual(problemsOf({ slowStart, balance: each }), ['bad-slow-start clusters[0].slowStart'])
  }
})

test('a preference for near endpoints without a place to be near to is warned about', () => {
  const { locality, ...nowhere } = snapshotWith({ preferLocal: { overprovisioning: 1.4 } })
  assert.deepEqual(locality, HERE)
  assert.deepEqual(
    checkSnapshot(nowhere).map(({ severity, code }) => `${severity} ${code}`),
    ['warning no-locality'],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SlowStart } from '../../routing/cluster-model.ts'
import type { HostHealth } from '../health/host-health.ts'
import { ClusterSlowStart, SLOW_START_STEP_MS, factorAfter } from './slow-start.ts'
import type { WarmingHost } from './slow-start.ts'

const SETTINGS: SlowStart = { windowMs: 10_000, aggression: 1, minWeightShare: 0.1 }
const SOUND: HostHealth = { outlier: null, checked: null }

/** Knows `old`, and then gets `next`. */
function joined(): { slowStart: ClusterSlowStart; old: WarmingHost; next: WarmingHost } {
  const slowStart = new ClusterSlowStart(SETTINGS, true)
  slowStart.use('old', SOUND)
  slowStart.settle()
  const old = slowStart.use('old', SOUND)
  const next = slowStart.use('next', SOUND)
  slowStart.settle()
  return { slowStart, old, next }
}

function at(elapsedMs: number, change: Partial<SlowStart> = {}): number {
  return factorAfter(elapsedMs, { ...SETTINGS, ...change })
}

test('the factor is (time / window) ^ (1 / aggression), and no less than the least share', () => {
  assert.equal(at(0), 0.1)
  assert.equal(at(500), 0.1)
  assert.equal(at(5_000), 0.5)
  assert.equal(at(2_500, { aggression: 2 }), 0.5)
  assert.equal(at(5_000, { aggression: 0.5 }), 0.25)
  assert.ok(at(9_999) < 1)
  assert.equal(at(10_000), 1)
  assert.equal(at(-1, { minWeightShare: 0 }), 0)
})

test('an endpoint that joins others starts at the least share and has all of its weight after the window', () => {
  const { slowStart, old, next } = joined()
  assert.deepEqual([old.factor, next.factor], [1, 0.1])
  slowStart.sweep(1_000)
  assert.equal(next.factor, 0.1)
  slowStart.sweep(6_000)
  assert.deepEqual([old.factor, next.factor, slowStart.isWarming], [1, 0.5, true])
  assert.deepEqual(slowStart.factors(), { next: 0.5 })
  slowStart.sweep(11_000)
  assert.deepEqual([next.factor, slowStart.isWarming], [1, false])
  assert.deepEqual(slowStart.factors(), {})
})

test('its time goes on over snapshots, and begins again when it was gone', () => {
  const { slowStart, next } = joined()
  slowStart.sweep(1_000)
  for (const address of ['old', 'next']) slowStart.use(address, SOUND)
  slowStart.settle()
  slowStart.sweep(6_000)
  assert.equal(next.factor, 0.5)
  slowStart.use('old', SOUND)
  slowStart.settle()
  slowStart.use('old', SOUND)
  assert.equal(slowStart.use('next', SOUND).factor, 0.1)
})

test('an endpoint that was ejected or unhealthy starts slowly again', () => {
  const outlier = { isEjected: false, onStatus: () => {}, onFailure: () => {} }
  const checked = { isHealthy: true }
  const slowStart = new ClusterSlowStart(SETTINGS, true)
  const host = slowStart.use('a', { outlier, checked })
  slowStart.settle()
  slowStart.sweep(0)
  assert.equal(host.factor, 1)
  outlier.isEjected = true
  slowStart.sweep(1_000)
  assert.equal(host.factor, 0.1)
  outlier.isEjected = false
  slowStart.sweep(2_000)
  slowStart.sweep(7_000)
  assert.equal(host.factor, 0.5)
  checked.isHealthy = false
  slowStart.sweep(8_000)
  checked.isHealthy = true
  slowStart.sweep(9_000)
  assert.equal(host.factor, 0.1)
  slowStart.sweep(19_000)
  assert.equal(host.factor, 1)
})

test('all endpoints of a cluster that is new after the first snapshot start alike', () => {
  const slowStart = new ClusterSlowStart(SETTINGS, false)
  const factors = (['a', 'b'] as const).map((name) => slowStart.use(name, SOUND).factor)
  assert.deepEqual(factors, [0.1, 0.1])
})

test('weights follow the time once in a step', () => {
  const { slowStart, next } = joined()
  slowStart.sweep(0)
  slowStart.sweep(5_000)
  const { version } = slowStart
  slowStart.sweep(5_000 + SLOW_START_STEP_MS - 1)
  assert.deepEqual([slowStart.version, next.factor], [version, 0.5])
  slowStart.sweep(5_000 + SLOW_START_STEP_MS)
  assert.equal(slowStart.version, version + 1)
})

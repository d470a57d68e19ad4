import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { GlooStatus } from './kinds/upstream.ts'
import type { Condition } from '../../kube/object.ts'
import type { DataPlaneState, ProxyState } from '../../routing/data-plane.ts'
import { livenessOf } from '../../routing/liveness.ts'
import type { Liveness } from '../../routing/liveness.ts'
import type { ObjectReport } from '../../routing/part.ts'
import { conditionOf as conditionIn } from '../status.ts'
import { glooStatus } from './status.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const EARLIER = '2025-12-31T00:00:00Z'
const LIVE: Liveness = { isLive: true, reason: 'Programmed', message: 'The proxy serves it' }
const PENDING: Liveness = { isLive: false, reason: 'Pending', message: 'Waiting' }
const ERROR: Diagnostic = { severity: 'error', code: 'unknown-subset', path: 'spec.x', message: 'Cannot' }
const WARNING: Diagnostic = { severity: 'warning', code: 'empty-subset', path: 'spec.y', message: 'No endpoint' }

function conditionOf(status: GlooStatus, type: string): Condition | undefined {
  return conditionIn(status.conditions, type)
}

function reportOf(...diagnostics: readonly Diagnostic[]): ObjectReport {
  const object = { group: 'gateway.solo.io', kind: 'VirtualService', namespace: 'gloo-system', name: 'echo' }
  return { object, text: 'virtualservice.gateway.solo.io/gloo-system/echo', uid: 'u', generation: 5, diagnostics }
}

function statusOf(report: ObjectReport, served: number | undefined, liveness = LIVE, old?: GlooStatus): GlooStatus {
  const serving = served === undefined ? undefined : { generation: served, liveness }
  const object = { apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', metadata: {}, status: old }
  return glooStatus({ report, serving, nowMs: NOW_MS, addresses: [] }, object)
}

test('a valid object is accepted, in the words of Gloo and in conditions', () => {
  const status = statusOf(reportOf(), 5)
  assert.deepEqual([status.state, status.reason, status.reportedBy], [1, undefined, 'gateway'])
  assert.equal(conditionOf(status, 'Accepted')?.status, 'True')
  assert.equal(conditionOf(status, 'Programmed')?.observedGeneration, 5)
})

test('a warning leaves the object accepted and says what it is', () => {
  const status = statusOf(reportOf(WARNING), 5)
  assert.deepEqual([status.state, status.reason], [3, 'spec.y: No endpoint'])
  assert.equal(conditionOf(status, 'Accepted')?.reason, 'AcceptedWithWarnings')
})

test('a rejected object says which generation serves instead', () => {
  const status = statusOf(reportOf(ERROR, WARNING), 4)
  assert.deepEqual([status.state, status.reason], [2, 'spec.x: Cannot\nspec.y: No endpoint'])
  assert.deepEqual(
    [conditionOf(status, 'Accepted')?.status, conditionOf(status, 'Accepted')?.observedGeneration],
    ['False', 5],
  )
  const programmed = conditionOf(status, 'Programmed')
  assert.deepEqual([programmed?.status, programmed?.observedGeneration], ['True', 4])
  assert.match(programmed?.message ?? '', /^Generation 4 serves; generation 5 is rejected/)
})

test('a rejected object that never was accepted is programmed with nothing', () => {
  const programmed = conditionOf(statusOf(reportOf(ERROR), undefined), 'Programmed')
  assert.deepEqual([programmed?.status, programmed?.reason, programmed?.observedGeneration], ['False', 'Invalid', 5])
})

test('an object without a free domain is rejected as conflicted', () => {
  const status = statusOf(reportOf({ ...ERROR, code: 'conflicted' }), undefined)
  assert.equal(conditionOf(status, 'Accepted')?.reason, 'Conflicted')
  assert.equal(conditionOf(status, 'Conflicted')?.status, 'True')
})

test('a conflict that is over takes its condition along', () => {
  const old = statusOf(reportOf({ ...WARNING, code: 'conflicted' }), 5)
  assert.notEqual(conditionOf(old, 'Conflicted'), undefined)
  assert.equal(conditionOf(statusOf(reportOf(), 5, LIVE, old), 'Conflicted'), undefined)
})

test('the time of a condition changes with its status only, and what others wrote stays', () => {
  const foreign = { type: 'Ready', status: 'True', reason: 'R', message: '', lastTransitionTime: EARLIER } as const
  const accepted = { ...foreign, type: 'Accepted', message: 'old words' } as const
  const old = { conditions: [accepted, foreign], reason: 'gone', details: { a: 1 } }
  const status = statusOf(reportOf(), 5, PENDING, old)
  assert.equal(conditionOf(status, 'Accepted')?.lastTransitionTime, EARLIER)
  assert.equal(conditionOf(status, 'Programmed')?.lastTransitionTime, '2026-01-01T00:00:00Z')
  assert.deepEqual(conditionOf(status, 'Ready'), foreign)
  assert.deepEqual([status.reason, status.details], [undefined, { a: 1 }])
})

test('many findings are counted, not all listed', () => {
  const status = statusOf(reportOf(...Array.from({ length: 30 }, () => WARNING)), 5)
  assert.equal(status.reason?.split('\n').length, 21)
  assert.match(status.reason ?? '', /and 10 more$/)
})

const PROXY: ProxyState = { id: 'p', connected: true, acknowledged: 10, listeners: [], draining: [] }

function stateOf(expected: number, ...proxies: readonly Partial<ProxyState>[]): DataPlaneState {
  return { expected, proxies: proxies.map((proxy, index) => ({ ...PROXY, id: `p${index}`, ...proxy })) }
}

test('live means: acknowledged by every proxy that there should be', () => {
  const reasons: readonly (readonly [DataPlaneState, string])[] = [
    [stateOf(1, {}), 'Programmed'],
    [stateOf(1, { acknowledged: 11 }), 'Programmed'],
    [stateOf(2, {}, {}), 'Programmed'],
    [stateOf(1), 'NoDataPlane'],
    [stateOf(2, {}), 'NoDataPlane'],
    [stateOf(2, {}, { connected: false }), 'NoDataPlane'],
    [stateOf(1, { acknowledged: 9 }), 'Pending'],
    [stateOf(1, { acknowledged: null }), 'Pending'],
    [stateOf(2, {}, { acknowledged: 9 }), 'Pending'],
    [stateOf(1, { acknowledged: 9, refused: { generation: 10, reason: 'no' } }), 'Refused'],
    // A newer snapshot was refused; the one that has ours is live.
    [stateOf(1, { refused: { generation: 11, reason: 'no' } }), 'Programmed'],
    [stateOf(1, { listeners: [{ id: 'l', address: '', port: 0, error: 'EADDRINUSE' }] }), 'NotListening'],
    [stateOf(1, { listeners: [{ id: 'other', address: '', port: 0, error: 'EADDRINUSE' }] }), 'Programmed'],
  ]
  for (const [state, reason] of reasons) {
    const liveness = livenessOf(state, { since: 10, listeners: ['l'] })
    assert.deepEqual([liveness.reason, liveness.isLive], [reason, reason === 'Programmed'], JSON.stringify(state))
  }
})

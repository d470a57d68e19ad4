import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Release, ReleaseStatus } from '../../kinds/release.ts'
import { ageOf, releaseLine, releaseReport, wordsOf } from './report.ts'
import { gateText, whyReport } from './why.ts'

const NOW_MS = Date.parse('2026-01-01T00:01:00Z')

function workload(name: string): { kind: string; name: string } {
  return { kind: 'Deployment', name }
}

function release(status?: ReleaseStatus): Release {
  const routes = [{ apiVersion: 'gateway.solo.io/v1', kind: 'VirtualService', name: 'echo' }]
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: 'echo-v3', namespace: 'echo', generation: 1 },
    spec: {
      targets: [{ name: 'echo', stable: workload('echo-v2'), canary: workload('echo-v3'), routes }],
      steps: [
        { name: 'smoke', matches: [{ headers: [{ name: 'stage', value: 'canary' }] }], gates: [{ approval: {} }] },
        {
          name: 'half',
          weight: 50,
          gates: [{ metrics: { minRequests: 50, successRate: { min: 99 }, window: '30s' } }],
        },
      ],
    },
    ...(status === undefined ? {} : { status }),
  }
}

const WAITING: ReleaseStatus = {
  phase: 'Paused',
  observedGeneration: 1,
  message: 'step smoke waits for approval',
  currentStep: {
    index: 1,
    total: 2,
    name: 'smoke',
    state: 'WaitingForApproval',
    since: '2026-01-01T00:00:30Z',
    liveAt: '2026-01-01T00:00:30Z',
    message: 'waits for a person',
  },
  waitsForPerson: { reason: 'step smoke has an approval gate', since: '2026-01-01T00:00:30Z' },
  steps: [{ name: 'smoke', startedAt: '2026-01-01T00:00:29Z', liveAt: '2026-01-01T00:00:30Z', shiftMs: 14 }],
  traffic: { stableWeight: 100, canaryWeight: 0 },
  analysis: { requests: 60, failures: 3, successRate: 95, p99Ms: 12.345 },
}

test('a release that nobody has looked at yet says so', () => {
  assert.match(releaseLine(release()), /^echo-v3 {2}Pending {2}not looked at yet$/)
  assert.deepEqual(whyReport(release(), NOW_MS), [
    'echo/echo-v3 has not been looked at by the controller yet. Is "sluice up" running?',
  ])
})

test('the report tells phase, step, traffic, measurements and the fate of each step', () => {
  assert.deepEqual(releaseReport(release(WAITING), NOW_MS), [
    'Release    echo/echo-v3',
    'Phase      Paused',
    'Step       1/2 smoke: waiting for approval for 30 s',
    'Traffic    stable 100 %, canary 0 %',
    'Measured   60 requests, 3 failed, 95 % good, p99 12.35 ms',
    'Message    step smoke waits for approval',
    'Steps',
    '  1 smoke matches 1: live 14 ms after it was written',
    '  2 half weight 50',
  ])
})

test('why tells what it waits for, since when, and the commands that go on or back', () => {
  const lines = whyReport(release(WAITING), NOW_MS)
  assert.ok(lines.includes('For 30 s it has waited for a person: step smoke has an approval gate.'))
  assert.ok(lines.includes('  go on:    sluice release approve echo-v3 -n echo'))
  assert.ok(lines.includes('  gate: a person approves'))
})

test('why tells of a failed step when it was live, or that it never was', () => {
  const step = {
    index: 1,
    total: 2,
    name: 'smoke',
    since: '2026-01-01T00:00:30Z',
    message: 'no',
    state: 'Failed',
  } as const
  const never = whyReport(release({ phase: 'Paused', currentStep: step }), NOW_MS)
  assert.ok(never.some((line) => line.includes(', never live.')))
  const was = whyReport(release({ phase: 'Paused', currentStep: { ...step, liveAt: step.since } }), NOW_MS)
  assert.ok(was.some((line) => line.includes(', it went live 30 s ago.')))
})

test('why says a message once, also where the conditions repeat it', () => {
  const message = 'Rolled back: too many errors'
  const told = { status: 'False', reason: 'RolledBack', lastTransitionTime: '2026-01-01T00:00:30Z' } as const
  const conditions = [
    { ...told, type: 'Succeeded', message },
    { ...told, type: 'Other', message: 'something else' },
  ] as const
  const lines = whyReport(release({ phase: 'RolledBack', message, conditions }), NOW_MS)
  assert.equal(lines.filter((line) => line.includes(message)).length, 1)
  assert.ok(lines.includes('Condition Succeeded is False: RolledBack'))
  assert.ok(lines.includes('Condition Other is False: RolledBack, something else'))
})

test('a spec that the controller has not seen yet is pointed out', () => {
  const stale = { ...release(WAITING), metadata: { name: 'echo-v3', namespace: 'echo', generation: 2 } }
  assert.ok(whyReport(stale, NOW_MS).includes('The controller has not seen the last change of the object yet.'))
})

test('gates read as sentences', () => {
  assert.equal(gateText({ wait: { duration: '5s' } }), '5s pass after the step is live')
  assert.equal(
    gateText({ metrics: { minRequests: 50, successRate: { min: 99 }, latency: { max: '500ms' }, window: '30s' } }),
    "the canary's own 50 requests or more of the last 30s: at least 99 % good, p99 at most 500ms",
  )
})

test('ages and states are words', () => {
  assert.deepEqual(
    ['2026-01-01T00:00:57Z', '2025-12-31T23:56:00Z', '2025-12-31T19:01:00Z'].map((time) => ageOf(time, NOW_MS)),
    ['3 s', '5 min', '5 h'],
  )
  assert.equal(wordsOf('WaitingForPods'), 'waiting for pods')
})

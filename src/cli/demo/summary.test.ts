import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newLines } from './printer.ts'
import { hasSucceeded, summaryLines, tryNextLines } from './summary.ts'
import { lineText } from '../live/text.ts'
import type { ActResult, DemoResult, DemoView, StepView } from './view.ts'

const STEP: StepView = {
  act: 1,
  number: 3,
  total: 11,
  title: 'A route to v1',
  command: './sluice apply -f vs.yaml',
  output: ['virtualservice.gateway.solo.io/echo created'],
  findings: ['of 100 requests 100 v1'],
  state: 'passed',
  shiftMs: 12.4,
}

const ACT: ActResult = {
  number: 1,
  title: 'By hand: the two-phase canary with Gloo',
  steps: [STEP],
  requests: 2_100,
  failures: 0,
  durationMs: 9_800,
  checks: [{ holds: true, text: 'of 100 requests 100 v1' }],
  notes: ['seen: all of it'],
}

const RESULT: DemoResult = { acts: [ACT], durationMs: 12_000, bootMs: 1_200 }

function text(result: DemoResult): readonly string[] {
  return summaryLines(result).map((line) => lineText(line, false))
}

test('the summary counts steps, requests, failures and seconds by act, and lists every shift', () => {
  assert.deepEqual(text(RESULT), [
    'Summary',
    '',
    '  act                                         steps  requests  failures  seconds',
    '✓ 1 By hand: the two-phase canary with Gloo       1     2,100         0      9.8',
    '  all                                             1     2,100         0     12.0',
    '',
    '  act 1  seen: all of it',
    '',
    'Ready 1.2 s after the start. Time from the write of new routes until live,',
    'which means acknowledged by every proxy:',
    '     12 ms  1.3 A route to v1',
    '',
    '✓ Every assertion of the three acts held.',
  ])
})

test('one broken check makes the demo fail, and is named', () => {
  const broken = { ...RESULT, acts: [{ ...ACT, checks: [{ holds: false, text: '1 of 2,100 requests failed' }] }] }
  assert.equal(hasSucceeded(broken), false)
  assert.ok(text(broken).includes('✗ act 1: 1 of 2,100 requests failed'))
  assert.equal(text(broken).at(-1), '✗ Not every assertion held.')
  assert.equal(hasSucceeded({ ...RESULT, acts: [] }), false)
})

test('what to try next works as it stands', () => {
  const lines = tryNextLines({ program: './sluice', gateway: 'http://127.0.0.1:1', kubeconfig: '/tmp/k' })
  const commands = lines.map((line) => lineText(line, false).trim())
  assert.ok(commands.includes('export KUBECONFIG=/tmp/k'))
  assert.ok(commands.includes('curl http://127.0.0.1:1/'))
})

const VIEW: DemoView = {
  elapsedMs: 3_210,
  act: { number: 1, title: 'By hand' },
  steps: [],
  versions: [],
  whyDifferent: undefined,
  canaryVersion: undefined,
  requests: 120,
  failures: 0,
  perSecond: 200,
}

test('without a terminal each thing is printed once, when it happens', () => {
  const running = { ...VIEW, steps: [{ ...STEP, output: [], findings: [], state: 'running' as const }] }
  const told = { ...VIEW, steps: [{ ...STEP, findings: ['waits'], state: 'running' as const }] }
  const ended = { ...VIEW, steps: [STEP] }
  assert.deepEqual(newLines(VIEW, undefined), ['', 'Act 1: By hand'])
  assert.deepEqual(newLines(running, VIEW), ['   3.2 s  1.3 A route to v1', '          $ ./sluice apply -f vs.yaml'])
  assert.deepEqual(newLines(told, running), ['          virtualservice.gateway.solo.io/echo created'])
  assert.deepEqual(newLines(told, told), [])
  assert.deepEqual(newLines(ended, told), ['          ok; of 100 requests 100 v1 (requests 120, failures 0)'])
  assert.deepEqual(newLines(ended, ended), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assert as check, integer, property } from 'fast-check'
import { renderFrame } from './frame.ts'
import { lineText, widthOf } from '../live/text.ts'
import type { DemoView, StepView } from './view.ts'

const STEP: StepView = {
  act: 1,
  number: 8,
  total: 11,
  title: 'Half of the traffic to v2',
  command: './sluice apply -f examples/stories/gloo-two-phase/3-progressive-traffic-shift-to-v2/vs-2.yaml',
  output: ['virtualservice.gateway.solo.io/echo configured'],
  findings: ['live on every proxy after 12 ms', 'of 100 requests 50 v1, 50 v2'],
  state: 'passed',
  shiftMs: 12,
}

const VIEW: DemoView = {
  elapsedMs: 12_345,
  act: { number: 1, title: 'By hand: the two-phase canary with Gloo' },
  steps: [{ ...STEP, number: 7, title: 'Phase 2: weights, 100 to v1 and 0 to v2' }, STEP],
  versions: [
    { name: 'v1', readyPods: 1, wantedPods: 1, configuredPercent: 50, observedPercent: 50, observedRequests: 1_206 },
    { name: 'v2', readyPods: 0, wantedPods: 1, configuredPercent: 50, observedPercent: undefined, observedRequests: 0 },
  ],
  whyDifferent: undefined,
  canaryVersion: 'v2',
  requests: 2_341,
  failures: 0,
  perSecond: 200,
}

function screen(view: DemoView, columns: number, rows: number): readonly string[] {
  return renderFrame(view, { columns, rows }).map((line) => lineText(line, false).trimEnd())
}

test('a frame of 80 by 24 shows act, step, command, shares, pods and counts', () => {
  const rule = '─'.repeat(80)
  assert.deepEqual(screen(VIEW, 80, 24), [
    'Sluice: three live canaries                              200 requests/s   12.3 s',
    rule,
    'Act 1 of 3  By hand: the two-phase canary with Gloo',
    'Step 8 of 11  Half of the traffic to v2',
    '$ ./sluice apply -f examples/stories/gloo-two-phase/3-progressive-traffic-shift…',
    '  virtualservice.gateway.solo.io/echo configured',
    '✓ live on every proxy after 12 ms',
    '✓ of 100 requests 50 v1, 50 v2',
    '',
    'version  pods  configured                observed since live',
    'v1       1/1      50 % █████████░░░░░░░░   50.0 % █████████░░░░░░░░ (1,206)',
    'v2       0/1      50 % █████████░░░░░░░░       –',
    'stage: canary goes to v2',
    'requests 2,341   failures 0',
    '',
    '✓ 1.7  Phase 2: weights, 100 to v1 and 0 to v2  live after 12 ms',
  ])
})

test('under the shares stands why the observed ones are not the configured ones', () => {
  const whyDifferent = 'Deployment echo/echo-v1 has no ready endpoint: its requests go on to other pods'
  const lines = screen({ ...VIEW, whyDifferent }, 60, 24)
  const at = lines.findIndex((line) => line.startsWith('v2 '))
  assert.deepEqual(lines.slice(at + 1, at + 3), [
    '  Deployment echo/echo-v1 has no ready endpoint: its',
    '  requests go on to other pods',
  ])
})

test('a long finding goes on in the next line', () => {
  const step = {
    ...STEP,
    state: 'running' as const,
    findings: ['waits for a verdict on what the canary does: 12 of at least 50 requests so far'],
  }
  const lines = screen({ ...VIEW, steps: [step] }, 40, 24)
  assert.ok(lines.includes('… waits for a verdict on what the canary'))
  assert.ok(lines.includes('  does: 12 of at least 50 requests so'))
})

test('before the first act the frame says that it starts', () => {
  const view: DemoView = { ...VIEW, act: undefined, steps: [], versions: [], canaryVersion: undefined }
  assert.ok(screen(view, 80, 24).includes('Starting the control plane, the proxy and the gateway …'))
})

test('colours are only in the text where they are wanted', () => {
  const [line = []] = renderFrame(VIEW, { columns: 80, rows: 24 })
  assert.ok(lineText(line, true).includes('\u001b[1m'))
  assert.ok(!lineText(line, false).includes('\u001b'))
})

test('no frame is larger than its terminal', () => {
  check(
    property(
      integer({ min: 1, max: 200 }),
      integer({ min: 1, max: 60 }),
      integer({ min: 0, max: 40 }),
      (columns, rows, count) => {
        const steps = Array.from({ length: count }, (_, index) => ({ ...STEP, number: index + 1 }))
        const lines = renderFrame({ ...VIEW, steps }, { columns, rows })
        assert.ok(lines.length <= rows)
        for (const line of lines) assert.ok(widthOf(line) <= columns)
      },
    ),
  )
})

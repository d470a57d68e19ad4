import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, percentileMs, successRate } from './analysis.ts'
import type { MetricsGate, WindowNumbers } from './model.ts'

const GATE: MetricsGate = { minRequests: 50, successRateMin: 99, windowMs: 30_000 }

function seen(requests: number, failures = 0, latency?: WindowNumbers['latency']): WindowNumbers {
  return { requests, failures, latency: latency ?? { boundsMs: [10, 100], counts: [requests, 0, 0] } }
}

function verdict(gate: MetricsGate, window: WindowNumbers, sinceLive = window): string {
  const { kind, message } = judge(gate, window, sinceLive)
  return `${kind}: ${message}`
}

test('enough good requests pass, enough bad ones fail, and the sentence says what was seen', () => {
  assert.equal(verdict(GATE, seen(200, 1)), 'pass: success rate 99.50 % (1 of 200 failed)')
  assert.equal(verdict(GATE, seen(200, 3)), 'fail: success rate 98.50 % (3 of 200 failed) is below 99 %')
  assert.equal(verdict(GATE, seen(100, 1)), 'pass: success rate 99.00 % (1 of 100 failed)')
})

test('tries that were sent again are named, so that whoever saw no failure knows where they come from', () => {
  const window = { ...seen(200, 3), retried: 2 }
  assert.equal(verdict(GATE, window), 'fail: success rate 98.50 % (3 of 200 failed, 2 were tried again) is below 99 %')
})

test('too few requests are no verdict, unless the threshold is out of reach already', () => {
  assert.equal(verdict(GATE, seen(0)), 'not-enough: 0 of at least 50 requests seen (0 failed)')
  assert.equal(
    verdict({ ...GATE, successRateMin: 98 }, seen(10, 1)),
    'not-enough: 10 of at least 50 requests seen (1 failed)',
  )
  assert.equal(
    verdict(GATE, seen(3, 1)),
    'fail: 1 of the first 3 requests failed: a success rate of 99 % over 50 requests is out of reach',
  )
})

test('while the window has too few requests, all since the step is live count', () => {
  assert.match(verdict(GATE, seen(5), seen(60, 0)), /^pass: .*0 of 60/)
  assert.match(verdict(GATE, seen(50, 0), seen(90, 40)), /^pass: .*0 of 50/)
})

test('latency is judged at its percentile', () => {
  const gate: MetricsGate = { minRequests: 10, latency: { percentile: 99, maxMs: 100 }, windowMs: 1 }
  const slow = { boundsMs: [10, 100, 500], counts: [90, 5, 5, 0] }
  assert.match(verdict(gate, seen(100, 0, slow)), /^fail: latency p99 420 ms of 100 requests is above 100 ms$/)
  assert.match(verdict(gate, seen(100, 0, { boundsMs: [10, 100], counts: [90, 10, 0] })), /^pass: .*latency p99 91 ms$/)
  const beyond = { boundsMs: [10], counts: [50, 50] }
  assert.match(verdict(gate, seen(100, 0, beyond)), /^fail: latency p99 beyond what is measured/)
})

test('all faults are told, not only the first', () => {
  const gate: MetricsGate = { ...GATE, latency: { percentile: 50, maxMs: 5 } }
  const message = verdict(gate, seen(100, 50, { boundsMs: [10, 100], counts: [0, 100, 0] }))
  assert.match(message, /success rate 50\.00 %.*below 99 %; latency p50 55 ms/)
})

test('percentiles are interpolated inside their bucket, and unknown without requests', () => {
  assert.equal(percentileMs(seen(0), 99), undefined)
  assert.equal(percentileMs(seen(100, 0, { boundsMs: [10, 20], counts: [0, 100, 0] }), 50), 15)
  assert.equal(percentileMs(seen(1, 0, { boundsMs: [10, 20], counts: [1, 0, 0] }), 100), 10)
  assert.equal(successRate(seen(0)), undefined)
  assert.equal(successRate(seen(3, 1)), 66.67)
})

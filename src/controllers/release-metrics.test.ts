import assert from 'node:assert/strict'
import { test } from 'node:test'
import { release } from '../../test/support/release-lab.ts'
import { releaseMetrics } from './release-metrics.ts'

test('the metrics of a release say phase, step, shares, verdict and seconds in the step', () => {
  const since = '2026-01-01T00:00:00.000Z'
  const status = {
    phase: 'Progressing',
    currentStep: { index: 2, total: 3, name: 'ten', state: 'Analysing', since, message: '' },
    steps: [{ name: 'ten', startedAt: since }],
    traffic: { stableWeight: 90, canaryWeight: 10, observed: { stableWeight: 0, canaryWeight: 100 } },
    analysis: { requests: 5, failures: 0, verdict: 'not-enough' },
  } as const
  const one = { ...release([{ name: 'ten', weight: 10 }]), status }
  const lines = releaseMetrics([one], Date.parse(since) + 1_500).split('\n')
  const labels = 'namespace="echo",release="echo-v3"'
  assert.deepEqual(
    lines.filter((line) => line !== '' && !line.startsWith('#')),
    [
      `sluice_release_phase{${labels},phase="Progressing"} 1`,
      `sluice_release_step{${labels},step="ten"} 2`,
      `sluice_release_step_seconds{${labels},step="ten"} 1.5`,
      `sluice_release_canary_configured_ratio{${labels}} 0.1`,
      `sluice_release_canary_observed_ratio{${labels}} 1`,
      `sluice_release_verdict{${labels},verdict="not-enough"} 1`,
    ],
  )
  assert.equal(lines.filter((line) => line.startsWith('# TYPE')).length, 6)
})

test('without releases nothing is said of them', () => {
  assert.equal(releaseMetrics([], 0), '')
})

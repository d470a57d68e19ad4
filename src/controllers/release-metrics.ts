/** What `/metrics` says of every release, from its status. All gauges, in Prometheus' text format. */
import type { Release } from '../kinds/release.ts'

interface Gauge {
  readonly name: string
  readonly help: string
  /** Extra label and value for each sample; none where there is nothing to say. */
  readonly samples: (release: Release, nowMs: number) => readonly (readonly [labels: string, value: number])[]
}

const GAUGES: readonly Gauge[] = [
  {
    name: 'sluice_release_phase',
    help: 'The phase that the release is in: 1 for that phase.',
    samples: ({ status }) => [[`,phase="${status?.phase ?? 'Pending'}"`, 1]],
  },
  {
    name: 'sluice_release_step',
    help: 'Number of the current step, from 1.',
    samples: ({ status }) =>
      status?.currentStep === undefined ? [] : [[`,step="${status.currentStep.name}"`, status.currentStep.index]],
  },
  {
    name: 'sluice_release_step_seconds',
    help: 'How long the release has been in its current step.',
    samples: ({ status }, nowMs) => {
      const step = status?.currentStep
      if (step === undefined) return []
      const began = status?.steps?.findLast(({ name }) => name === step.name)?.startedAt ?? step.since
      return [[`,step="${step.name}"`, Math.max(0, (nowMs - Date.parse(began)) / 1_000)]]
    },
  },
  {
    name: 'sluice_release_canary_configured_ratio',
    help: 'The share of the traffic that the routes give to the canary, 0 to 1.',
    samples: ({ status }) => (status?.traffic === undefined ? [] : [['', status.traffic.canaryWeight / 100]]),
  },
  {
    name: 'sluice_release_canary_observed_ratio',
    help: 'The share of the requests that the canary answered, 0 to 1, where that is not what the routes say.',
    samples: ({ status }) =>
      status?.traffic?.observed === undefined ? [] : [['', status.traffic.observed.canaryWeight / 100]],
  },
  {
    name: 'sluice_release_verdict',
    help: 'What the metrics gate said last: 1 for that verdict.',
    samples: ({ status }) =>
      status?.analysis?.verdict === undefined ? [] : [[`,verdict="${status.analysis.verdict}"`, 1]],
  },
]

/** Names of objects and steps are DNS labels, so no label needs escaping. */
export function releaseMetrics(releases: readonly Release[], nowMs: number): string {
  return GAUGES.map(({ name, help, samples }) => {
    const lines = releases.flatMap((release) => {
      const { namespace = '', name: own = '' } = release.metadata
      const labels = `namespace="${namespace}",release="${own}"`
      return samples(release, nowMs).map(([more, value]) => `${name}{${labels}${more}} ${value}\n`)
    })
    return lines.length === 0 ? '' : `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`
  }).join('')
}

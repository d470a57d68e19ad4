/** What the user may leave out of a Release. */
import type { Release, ReleaseGate, ReleaseMatch, ReleaseStep, ReleaseTarget, ReleaseValueMatch } from './types.ts'

const DEFAULT_PROGRESS_DEADLINE_SECONDS = 600
const DEFAULT_MIN_REQUESTS = 20
const DEFAULT_PERCENTILE = 99
const DEFAULT_WINDOW = '1m'

/**
 * What is stored. Items of lists stay as they were written: a client that applies its manifest again compares whole lists,
 * so what was filled in there would look like a change each time.
 */
export function withDefaults(release: Release): Release {
  const { spec } = release
  return {
    ...release,
    spec: {
      ...spec,
      onFailure: { action: 'Rollback', canary: 'ScaleToZero', ...spec.onFailure },
      onStart: { stable: 'RequireReady', ...spec.onStart },
      onSuccess: { stable: 'ScaleToZero', ...spec.onSuccess },
      progressDeadlineSeconds: spec.progressDeadlineSeconds ?? DEFAULT_PROGRESS_DEADLINE_SECONDS,
    },
  }
}

/** With everything that is left out filled in, in lists too: for readers. */
export function completeRelease(release: Release): Release {
  const filled = withDefaults(release)
  return {
    ...filled,
    spec: {
      ...filled.spec,
      targets: filled.spec.targets.map((target) => targetWithDefaults(target, release.metadata.namespace)),
      steps: filled.spec.steps.map(stepWithDefaults),
    },
  }
}

function targetWithDefaults(target: ReleaseTarget, namespace: string | undefined): ReleaseTarget {
  return {
    ...target,
    scaling: target.scaling ?? 'Proportional',
    routes: target.routes.map((route) =>
      route.namespace === undefined && namespace !== undefined ? { ...route, namespace } : route,
    ),
  }
}

function stepWithDefaults(step: ReleaseStep, index: number): ReleaseStep {
  return {
    ...step,
    name: step.name ?? `step-${index + 1}`,
    ...(step.matches === undefined ? {} : { matches: step.matches.map(matchWithDefaults) }),
    gates: (step.gates ?? []).map(gateWithDefaults),
  }
}

function matchWithDefaults(match: ReleaseMatch): ReleaseMatch {
  return {
    ...(match.headers === undefined ? {} : { headers: match.headers.map(valueWithDefaults) }),
    ...(match.queryParams === undefined ? {} : { queryParams: match.queryParams.map(valueWithDefaults) }),
  }
}

function valueWithDefaults(match: ReleaseValueMatch): ReleaseValueMatch {
  return { ...match, type: match.type ?? 'Exact' }
}

function gateWithDefaults(gate: ReleaseGate): ReleaseGate {
  if (gate.metrics === undefined) return gate
  const { latency } = gate.metrics
  return {
    ...gate,
    metrics: {
      ...gate.metrics,
      minRequests: gate.metrics.minRequests ?? DEFAULT_MIN_REQUESTS,
      window: gate.metrics.window ?? DEFAULT_WINDOW,
      ...(latency === undefined
        ? {}
        : { latency: { ...latency, percentile: latency.percentile ?? DEFAULT_PERCENTILE } }),
    },
  }
}

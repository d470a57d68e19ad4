/** A Release's spec as the engine's plan: defaults resolved, what a step leaves out taken from the one before. */
import { defined } from '../../base/assert.ts'
import { parseDurationMs } from '../../base/duration.ts'
import type {
  Release,
  ReleaseGate,
  ReleaseMatch,
  ReleaseRoute,
  ReleaseStep,
  ReleaseTarget,
} from '../../kinds/release.ts'
import { keyOf } from '../../kube/object.ts'
import type { Gate, Plan, RequestMatch, Shift, StepPlan, TargetPlan, ValueMatch } from '../../release/model.ts'
import { NO_SHIFT } from '../../release/model.ts'

const DEADLINE_SECONDS = 600
const MIN_REQUESTS = 20
const PERCENTILE = 99
const WINDOW_MS = 60_000

/** The object has passed admission; what defaults would have filled may still be absent (an older object). */
export function toPlan(release: Release): Plan {
  const { spec } = release
  const namespace = release.metadata.namespace ?? ''
  return {
    name: keyOf(release),
    targets: spec.targets.map((target) => toTarget(target, namespace)),
    steps: toSteps(spec.steps),
    onFailure: { action: spec.onFailure?.action ?? 'Rollback', canary: spec.onFailure?.canary ?? 'ScaleToZero' },
    onStart: { stable: spec.onStart?.stable ?? 'RequireReady' },
    onSuccess: { stable: spec.onSuccess?.stable ?? 'ScaleToZero' },
    isPaused: spec.paused ?? false,
    deadlineMs: (spec.progressDeadlineSeconds ?? DEADLINE_SECONDS) * 1_000,
  }
}

function toTarget(target: ReleaseTarget, namespace: string): TargetPlan {
  return {
    name: target.name,
    stable: `${target.stable.kind} ${namespace}/${target.stable.name}`,
    canary: `${target.canary.kind} ${namespace}/${target.canary.name}`,
    routes: target.routes.map((route) => `${route.kind} ${routeNamespace(route, namespace)}/${route.name}`),
    scaling: target.scaling ?? 'Proportional',
  }
}

export function routeNamespace(route: ReleaseRoute, ownNamespace: string): string {
  return route.namespace ?? ownNamespace
}

/** Ends with all traffic on the canary, also where the spec does not say so. */
function toSteps(steps: readonly ReleaseStep[]): readonly StepPlan[] {
  let shift: Shift = NO_SHIFT
  const planned = steps.map((step, index): StepPlan => {
    shift = {
      canaryWeight: step.weight ?? shift.canaryWeight,
      matches: step.matches?.map(toMatch) ?? shift.matches,
    }
    return { name: step.name ?? `step-${index + 1}`, shift, gates: (step.gates ?? []).flatMap(toGate) }
  })
  if (shift.canaryWeight === 100) return planned
  const name = planned.some((step) => step.name === 'all') ? 'all-traffic' : 'all'
  return [...planned, { name, shift: { ...shift, canaryWeight: 100 }, gates: [] }]
}

function toMatch({ headers = [], queryParams = [] }: ReleaseMatch): RequestMatch {
  return { headers: headers.map(toValue), queryParams: queryParams.map(toValue) }
}

function toValue({ name, type = 'Exact', value = '' }: NonNullable<ReleaseMatch['headers']>[number]): ValueMatch {
  return { name, type, value }
}

function toGate({ approval, wait, metrics }: ReleaseGate): readonly Gate[] {
  if (approval !== undefined) return [{ kind: 'approval' }]
  if (wait !== undefined) return [{ kind: 'wait', durationMs: toMs(wait.duration) }]
  if (metrics === undefined) return []
  const { minRequests, successRate, latency, window } = metrics
  return [
    {
      kind: 'metrics',
      minRequests: minRequests ?? MIN_REQUESTS,
      windowMs: window === undefined ? WINDOW_MS : toMs(window),
      ...(successRate === undefined ? {} : { successRateMin: successRate.min }),
      ...(latency === undefined
        ? {}
        : { latency: { percentile: latency.percentile ?? PERCENTILE, maxMs: toMs(latency.max) } }),
    },
  ]
}

function toMs(duration: string): number {
  return defined(parseDurationMs(duration), `duration in ${JSON.stringify(duration)}`)
}

/** What one call of `advance` looks at, and what a stage may answer. */
import { defined } from '../../base/assert.ts'
import type {
  Baseline,
  Effect,
  Failure,
  Plan,
  ReleaseEvent,
  ReleaseState,
  Report,
  Stage,
  StepPlan,
  TargetPlan,
  TargetWorld,
  WorkloadWorld,
  World,
} from '../model.ts'
import { revisionsOf } from './revisions.ts'

export interface Scene {
  readonly plan: Plan
  readonly state: ReleaseState
  readonly world: World
  readonly nowMs: number
}

/** One target with everything known about it. */
export interface Target {
  readonly index: number
  readonly plan: TargetPlan
  readonly world: TargetWorld
  /** Absent before the release has started. */
  readonly baseline: Baseline | undefined
}

/** Every change of state is a `go`: the new state is looked at again. A `stay` changes nothing but the world. */
export type Move =
  | { readonly kind: 'go'; readonly state: ReleaseState; readonly events: readonly ReleaseEvent[] }
  | {
      readonly kind: 'stay'
      readonly effects: readonly Effect[]
      readonly report: Report
      readonly wakeAtMs?: number | undefined
    }

export function targetsOf({ plan, state, world }: Scene): readonly Target[] {
  return plan.targets.map((target, index) => ({
    index,
    plan: target,
    world: defined(world.targets[index], `world of target ${target.name}`),
    baseline: state.baselines[index],
  }))
}

export function stepOf(plan: Plan, index: number): StepPlan {
  return defined(plan.steps[index], `step ${index}`)
}

export function go(state: ReleaseState, stage: Stage, ...events: readonly ReleaseEvent[]): Move {
  return { kind: 'go', state: { ...state, stage }, events }
}

/** Something of the world may have been changed for this release. */
export function isStarted({ baselines, isLost }: ReleaseState): boolean {
  return baselines.length > 0 || isLost === true
}

export function normal(reason: string, message: string): ReleaseEvent {
  return { kind: 'event', type: 'Normal', reason, message }
}

export function warning(reason: string, message: string): ReleaseEvent {
  return { kind: 'event', type: 'Warning', reason, message }
}

export function readyOf(workload: WorkloadWorld): number {
  return workload.kind === 'present' ? workload.ready : 0
}

/** Why pods of the workload are not ready, to end a sentence with. */
export function whyNotReady(workload: WorkloadWorld): string {
  return workload.kind === 'present' && workload.reason !== undefined ? `: ${workload.reason}` : ''
}

export function replicasOf(workload: WorkloadWorld): number {
  return workload.kind === 'present' ? workload.replicas : 0
}

/** Highest share of the canary over all routes: what people are told. */
export function canaryShare({ world }: Scene): number {
  return Math.max(
    0,
    ...world.targets.flatMap(({ routes }) => routes.map((route) => (route.kind === 'present' ? route.shareMax : 0))),
  )
}

/** The numbers that a failure was about, for the report. */
export function analysisOf({ analysis }: Failure): Pick<Report, 'analysis'> {
  return analysis === undefined ? {} : { analysis }
}

/** The earliest of some moments; undefined ones do not count. */
export function earliest(...moments: readonly (number | undefined)[]): number | undefined {
  const known = moments.filter((moment) => moment !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** After a restart of control a wait gets at least this much of its deadline again, to finish what was stopped. */
const RESTART_GRACE_MS = 60_000

/** When a wait that began at `sinceMs` is over. */
export function deadlineAfter({ plan, world, state, nowMs }: Scene, sinceMs: number): number {
  // What a person holds does not run out of time.
  if (state.heldSinceMs !== undefined) return nowMs + plan.deadlineMs
  return Math.max(
    Math.max(sinceMs, state.resumedAtMs ?? sinceMs) + plan.deadlineMs,
    world.watchedSinceMs + Math.min(plan.deadlineMs, RESTART_GRACE_MS),
  )
}

/** A fault that only a person or a failed wait may decide about: taken back, or kept for inspection. */
export function fail(scene: Scene, failure: Failure): Move {
  const { plan, state, nowMs } = scene
  const { stage } = state
  const isPause = plan.onFailure.action === 'Pause' && failure.kind !== 'aborted' && failure.kind !== 'deleted'
  if (!isPause) {
    const event = isStarted(state)
      ? warning('RollingBack', `Taking all traffic back to stable: ${failure.message}`)
      : warning('NeverStarted', `The release ends before it has started: ${failure.message}`)
    return go(
      markFailed(state, failure, nowMs),
      { kind: 'rolling-back', sinceMs: nowMs, failure, failedRevisions: revisionsOf(scene) },
      event,
    )
  }
  const step = stage.kind === 'step' ? { index: stage.index, name: stage.name, shift: stage.shift } : lastStep(scene)
  const event = warning('Paused', `Kept for inspection, no weight on the canary: ${failure.message}`)
  return go(markFailed(state, failure, nowMs), { kind: 'paused', sinceMs: nowMs, step, failure }, event)
}

/** Where to take up again: the last step when promoting failed, the start when nothing had begun. */
function lastStep({ plan, state }: Scene): { index: number; name: string; shift: StepPlan['shift'] } | null {
  if (state.stage.kind !== 'promoting') return null
  const index = plan.steps.length - 1
  const { name, shift } = stepOf(plan, index)
  return { index, name, shift }
}

/** What was approved ahead was approved before the failure was seen. */
function markFailed(before: ReleaseState, failure: Failure, nowMs: number): ReleaseState {
  const { approvals: _, ...state } = before
  const last = state.history.at(-1)
  if (last === undefined || last.finishedAtMs !== undefined) return state
  const closed = { ...last, finishedAtMs: nowMs, verdict: failure.message }
  return { ...state, history: [...state.history.slice(0, -1), closed] }
}

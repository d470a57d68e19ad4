/** Which numbers the next `advance` wants to see. */
import type { Plan, ReleaseState } from './model.ts'

export interface MetricsQuery {
  readonly target: number
  readonly gate: number
  readonly windowFromMs: number
  readonly sinceLiveFromMs: number
}

/** One query per target and metrics gate of the step that is live; none otherwise. */
export function metricsQueries(plan: Plan, { stage }: ReleaseState, nowMs: number): readonly MetricsQuery[] {
  if (stage.kind !== 'step' || stage.liveAtMs === null) return []
  const { liveAtMs } = stage
  const gates = plan.steps[stage.index]?.gates ?? []
  return gates.flatMap((gate, index) =>
    gate.kind !== 'metrics'
      ? []
      : plan.targets.map((_, target) => ({
          target,
          gate: index,
          windowFromMs: Math.max(liveAtMs, nowMs - gate.windowMs),
          sinceLiveFromMs: liveAtMs,
        })),
  )
}

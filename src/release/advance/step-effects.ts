/** What a step does to the world: pods first, then the routes of one target after the other. */
import type { Effect, StepStage } from '../model.ts'
import { hasCanary, isLive, podsFor, scaleUp, shapeRoutes, wantedShift } from './exposure.ts'
import { readyOf } from './scene.ts'
import type { Scene, Target } from './scene.ts'

/** Scales what is too small; shifts what can carry it, one target after the other. */
export function stepEffects(scene: Scene, stage: StepStage, targets: readonly Target[]): readonly Effect[] {
  const form = { kind: 'shift', shift: stage.shift } as const
  let mayRaise = !scene.plan.isPaused
  return targets.flatMap((target) => {
    const wanted = wantedShift(scene.plan, target, stage.index, mayRaise)
    mayRaise &&= hasCanary(target) && isLive(target, form)
    return [
      ...(target.plan.scaling === 'Manual' ? [] : scaleUp(target, 'canary', podsFor(target, stage.shift.canaryWeight))),
      ...(stage.restoreStable ? scaleUp(target, 'stable', target.baseline?.stableReplicas ?? 1) : []),
      ...(wanted === undefined ? [] : shapeRoutes(target, { kind: 'shift', shift: wanted })),
    ]
  })
}

export function hasPods(target: Target, { shift }: StepStage): boolean {
  return readyOf(target.world.canary) >= podsFor(target, shift.canaryWeight)
}

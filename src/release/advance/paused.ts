/** A failed release that is kept for inspection: no weight on the canary; a person decides. */
import type { PausedStage, ReleaseState } from '../model.ts'
import { NO_SHIFT, isSameShift } from '../model.ts'
import { beginStep } from './begin-step.ts'
import { hasCanary, scaleUp, shapeRoutes } from './exposure.ts'
import { openRequest, takeRequest } from './requests.ts'
import { analysisOf, canaryShare, go, normal, targetsOf } from './scene.ts'
import type { Move, Scene } from './scene.ts'

export function advancePaused(scene: Scene, stage: PausedStage): Move {
  const { state, world } = scene
  const { approval } = world
  const retry = openRequest(scene, 'retry')
  if (retry !== undefined) return resume(scene, stage, takeRequest(state, 'retry', retry))
  if (approval !== undefined && approval !== state.takenApproval) {
    return resume(scene, stage, { ...state, takenApproval: approval })
  }
  const matches = stage.step?.shift.matches ?? []
  const targets = targetsOf(scene)
  const effects = targets.toReversed().flatMap((target) => {
    // Matched requests are how a person inspects; without a pod to reach they would only fail.
    const shift = hasCanary(target) ? { canaryWeight: 0, matches } : NO_SHIFT
    return [
      ...scaleUp(target, 'stable', target.baseline?.stableReplicas ?? 0),
      ...(stage.step === null ? [] : shapeRoutes(target, { kind: 'shift', shift })),
    ]
  })
  const reason = `a person's decision, to retry or to abort, because ${stage.failure.message}`
  return {
    kind: 'stay',
    effects,
    report: {
      phase: 'Paused',
      message: `Paused: ${stage.failure.message}`,
      canaryWeight: canaryShare(scene),
      ...analysisOf(stage.failure),
      waitsForPerson: { reason, sinceMs: stage.sinceMs },
      ...(stage.step === null
        ? {}
        : {
            step: {
              ...wasLive(state, stage.step.name),
              index: stage.step.index,
              state: 'Failed',
              sinceMs: stage.sinceMs,
            },
          }),
    },
  }
}

/** The failed step's record is the newest. */
function wasLive({ history }: ReleaseState, name: string): { readonly liveAtMs?: number } {
  const last = history.at(-1)
  return last?.name === name && last.liveAtMs !== undefined ? { liveAtMs: last.liveAtMs } : {}
}

function resume({ plan, nowMs }: Scene, stage: PausedStage, taken: ReleaseState): Move {
  const event = normal('Resumed', 'A person lets the release try again')
  if (stage.step === null) return go(taken, { kind: 'pending', sinceMs: nowMs }, event)
  const { name, shift } = stage.step
  const found = plan.steps.findIndex((step) => step.name === name && isSameShift(step.shift, shift))
  const reached = plan.steps.findLastIndex((step) => step.shift.canaryWeight <= shift.canaryWeight)
  return go(taken, beginStep(plan, Math.max(0, found >= 0 ? found : reached), nowMs), event)
}

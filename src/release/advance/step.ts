/** One step: pods, then routes, then (from the moment it is live) gates. */
import type { StepStage } from '../model.ts'
import { isSameShift } from '../model.ts'
import { takeApprovals, voidApprovals } from './approval.ts'
import { beginStep, finishRecord } from './begin-step.ts'
import { hasStable } from './exposure.ts'
import { becomeLive, stayLive } from './live-step.ts'
import { takePromotion, voidRequests } from './requests.ts'
import { joinRevisions, revisionsOf } from './revisions.ts'
import { go, normal, stepOf, targetsOf, warning, whyNotReady } from './scene.ts'
import type { Move, Scene, Target } from './scene.ts'

export function advanceStep(scene: Scene, stage: StepStage): Move {
  return (
    followPlan(scene, stage) ??
    voidApprovals(scene) ??
    followRevision(scene) ??
    takeApprovals(scene) ??
    takePromotion(scene, stage) ??
    noteStable(scene, stage) ??
    (stage.liveAtMs === null ? becomeLive(scene, stage) : stayLive(scene, stage, stage.liveAtMs))
  )
}

/** The plan was edited: stay with the step of this name; if it has another shift, or is gone, begin again. */
function followPlan(scene: Scene, stage: StepStage): Move | undefined {
  const { plan, state, nowMs } = scene
  const here = plan.steps[stage.index]
  if (here?.name === stage.name && isSameShift(here.shift, stage.shift)) return undefined
  const found = plan.steps.findIndex(({ name }) => name === stage.name)
  const same = plan.steps[found]
  if (same !== undefined && isSameShift(same.shift, stage.shift)) return go(state, { ...stage, index: found })
  // Never above what was reached: the gates in between have not been passed.
  const reached = plan.steps.findLastIndex(({ shift }) => shift.canaryWeight <= stage.shift.canaryWeight)
  const index = found >= 0 ? found : Math.max(0, reached)
  const { name } = stepOf(plan, index)
  const event = normal('PlanChanged', `The steps were edited: continuing with step "${name}"`)
  return go(finishRecord(state, nowMs, 'plan edited'), beginStep(plan, index, nowMs), event)
}

/** The canary's pods are of another revision than those that passed the gates so far. */
function followRevision(scene: Scene): Move | undefined {
  const { plan, state, nowMs } = scene
  const changed = targetsOf(scene).find(
    ({ world: { canary }, baseline }) => canary.kind === 'present' && canary.revision !== baseline?.canaryRevision,
  )
  if (changed === undefined) return undefined
  const baselines = state.baselines.map((baseline, index) => {
    const canary = scene.world.targets[index]?.canary
    return canary?.kind === 'present' ? { ...baseline, canaryRevision: canary.revision } : baseline
  })
  const event = warning('NewRevision', `${changed.plan.canary} has a new pod template: starting over`)
  const voided = voidRequests(scene, joinRevisions(revisionsOf(scene)))
  const next = { ...finishRecord(voided.state, nowMs, 'new revision of the canary'), baselines }
  return go(next, beginStep(plan, 0, nowMs), event, ...voided.events)
}

/** What stable cannot answer goes where nobody planned: people are told once, and once when it is back. */
function noteStable(scene: Scene, stage: StepStage): Move | undefined {
  const isLost = (target: Target): boolean => !hasStable(target) && stage.shift.canaryWeight < 100
  const lost = stage.restoreStable ? undefined : targetsOf(scene).find(isLost)
  const { stableLost, ...rest } = stage
  if ((lost !== undefined) === (stableLost === true)) return undefined
  if (lost === undefined) return go(scene.state, rest, normal('StableBack', 'Stable has ready endpoints again'))
  const happens =
    'its requests go on to other pods where the fallback policy of an Upstream says so, and fail elsewhere'
  const message = `${lost.plan.stable} has no ready endpoint${whyNotReady(lost.world.stable)}: ${happens}`
  return go(scene.state, { ...rest, stableLost: true }, warning('StableLost', message))
}

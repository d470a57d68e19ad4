/** All traffic is on the canary: stable is retired, then the routes take their final form. */
import type { Effect, PromotingStage, RouteForm } from '../model.ts'
import { beginStep } from './begin-step.ts'
import { hasCanary, hasStable, isLive, podsFor, routeObstacle, scaleUp, shapeRoutes } from './exposure.ts'
import {
  deadlineAfter,
  canaryShare,
  fail,
  go,
  normal,
  readyOf,
  replicasOf,
  stepOf,
  targetsOf,
  warning,
} from './scene.ts'
import type { Move, Scene, Target } from './scene.ts'

const LOSSES_MAX = 3

export function advancePromoting(scene: Scene, stage: PromotingStage): Move {
  const { plan, nowMs } = scene
  const limitMs = deadlineAfter(scene, stage.sinceMs)
  const message = obstacle(scene, stage)
  return (
    retreat(scene, stage) ??
    finish(scene, stage) ??
    (nowMs >= limitMs
      ? fail(scene, { kind: 'deadline', message: `the promotion did not finish: ${message}` })
      : {
          kind: 'stay',
          effects: targetsOf(scene).flatMap((target) => promotingEffects(scene, stage, target)),
          wakeAtMs: limitMs,
          report: {
            phase: 'Promoting',
            message,
            canaryWeight: canaryShare(scene),
            waitsUntilMs: limitMs,
            step: { index: plan.steps.length - 1, state: 'Finished', sinceMs: stage.sinceMs },
          },
        })
  )
}

/** The canary lost all its endpoints while stable can still serve. */
function retreat(scene: Scene, stage: PromotingStage): Move | undefined {
  const { plan, state, nowMs } = scene
  const lost = targetsOf(scene).find((target) => !hasCanary(target) && hasStable(target))
  if (lost === undefined) return undefined
  const message = `${lost.plan.canary} lost all its ready pods while it was promoted`
  const losses = stage.losses + 1
  if (losses > LOSSES_MAX) return fail(scene, { kind: 'canary-lost', message: `${message}, ${losses} times` })
  const step = { ...beginStep(plan, plan.steps.length - 1, nowMs), losses, restoreStable: true }
  return go(state, step, warning('CanaryLost', message))
}

function finish(scene: Scene, stage: PromotingStage): Move | undefined {
  const { state, nowMs } = scene
  const targets = targetsOf(scene)
  if (!targets.every((target) => hasCanary(target) && isLive(target, formOf(scene, stage)))) return undefined
  if (stage.part === 'settle') {
    const event = normal('Succeeded', 'All traffic is on the canary')
    return go(state, { kind: 'succeeded', atMs: nowMs }, event)
  }
  if (!targets.every((target) => isRetired(scene, target))) return undefined
  return go(state, { ...stage, part: 'settle', sinceMs: nowMs })
}

function promotingEffects(scene: Scene, stage: PromotingStage, target: Target): readonly Effect[] {
  const { plan } = scene
  const form = formOf(scene, stage)
  const needed = podsFor(target, 100)
  const mayRetire = targetsOf(scene).every((one) => isLive(one, form) && readyOf(one.world.canary) >= podsFor(one, 100))
  const isLeft = replicasOf(target.world.stable) > 0 && plan.onSuccess.stable !== 'Keep'
  return [
    ...(target.plan.scaling === 'Manual' ? [] : scaleUp(target, 'canary', needed)),
    ...shapeRoutes(target, form),
    ...(mayRetire && isLeft ? [{ kind: 'scale', target: target.index, side: 'stable', replicas: 0 } as const] : []),
  ]
}

/** Also before a deletion stable is drained first; it is deleted once nothing can call it back. */
function isRetired({ plan }: Scene, { world }: Target): boolean {
  return plan.onSuccess.stable === 'Keep' || (replicasOf(world.stable) === 0 && readyOf(world.stable) === 0)
}

function formOf({ plan }: Scene, { part }: PromotingStage): RouteForm {
  if (part === 'settle') return { kind: 'promoted' }
  return { kind: 'shift', shift: stepOf(plan, plan.steps.length - 1).shift }
}

function obstacle(scene: Scene, stage: PromotingStage): string {
  const form = formOf(scene, stage)
  for (const target of targetsOf(scene)) {
    if (!hasCanary(target)) return `${target.plan.canary} has no ready pods`
    const route = routeObstacle(target, form)
    if (route !== undefined) return `promoting: ${route}`
  }
  const old = targetsOf(scene).find((target) => !isRetired(scene, target))
  if (stage.part === 'drain' && old !== undefined) {
    return `promoting: retiring ${old.plan.stable}, ${readyOf(old.world.stable)} pods left`
  }
  return 'promoting'
}

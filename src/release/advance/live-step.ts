/** Whether a step is live: its pods are ready and every proxy has its routes. Gates count only while it is. */
import { formatDurationMs } from '../../base/duration.ts'
import type { StepStage } from '../model.ts'
import { hasCanary, isLive, isShaped, podsFor, routeObstacle } from './exposure.ts'
import { passGates } from './passed-gates.ts'
import { canaryShare, deadlineAfter, fail, go, normal, targetsOf, warning, whyNotReady } from './scene.ts'
import type { Move, Scene, Target } from './scene.ts'
import { hasPods, stepEffects } from './step-effects.ts'

/** How often a step may lose all endpoints of a canary, or have its routes edited by others, before that is a failure. */
const LOSSES_MAX = 3
const EDITS_MAX = 10

export function becomeLive(scene: Scene, stage: StepStage): Move {
  const { plan, state, nowMs } = scene
  const targets = targetsOf(scene)
  const form = { kind: 'shift', shift: stage.shift } as const
  if (targets.every((target) => hasCanary(target) && isLive(target, form))) {
    const notLiveBeforeMs = stage.notLiveBeforeMs + (nowMs - stage.notLiveSinceMs)
    const live = { ...stage, liveAtMs: nowMs, notLiveBeforeMs, shiftingSinceMs: stage.shiftingSinceMs ?? nowMs }
    return go(state, live, normal('StepLive', liveMessage(stage, nowMs)))
  }
  const limitMs = deadlineAfter(scene, stage.notLiveSinceMs - stage.notLiveBeforeMs)
  const message = obstacle(targets, stage)
  if (nowMs >= limitMs) {
    const after = formatDurationMs(plan.deadlineMs)
    return fail(scene, { kind: 'deadline', message: `step "${stage.name}" was not live after ${after}: ${message}` })
  }
  const effects = stepEffects(scene, stage, targets)
  if (stage.shiftingSinceMs === null && effects.some(({ kind }) => kind === 'shape-route')) {
    return go(state, { ...stage, shiftingSinceMs: nowMs })
  }
  const isShort = targets.some((target) => !hasPods(target, stage))
  return {
    kind: 'stay',
    effects,
    wakeAtMs: limitMs,
    report: {
      phase: 'Progressing',
      message,
      waitsUntilMs: limitMs,
      canaryWeight: canaryShare(scene),
      step: { index: stage.index, state: isShort ? 'WaitingForPods' : 'Shifting', sinceMs: stage.notLiveSinceMs },
    },
  }
}

function liveMessage({ name, shift, shiftingSinceMs }: StepStage, nowMs: number): string {
  const matched = shift.matches.length === 0 ? '' : ' and the matched requests'
  const took = shiftingSinceMs === null ? '' : `, ${nowMs - shiftingSinceMs} ms after the first write`
  return `Step "${name}" is live: ${shift.canaryWeight} % of the traffic${matched} on the canary${took}`
}

export function stayLive(scene: Scene, stage: StepStage, liveAtMs: number): Move {
  const { state, nowMs } = scene
  const targets = targetsOf(scene)
  const form = { kind: 'shift', shift: stage.shift } as const
  const again = { ...stage, liveAtMs: null, notLiveSinceMs: nowMs, shiftingSinceMs: null, othersPassedAtMs: null }
  const lost = targets.find((target) => !hasCanary(target))
  if (lost !== undefined) {
    const message = `${lost.plan.canary} lost all its ready pods in step "${stage.name}"${whyNotReady(lost.world.canary)}`
    if (stage.losses >= LOSSES_MAX) {
      return fail(scene, { kind: 'canary-lost', message: `${message}, ${stage.losses + 1} times` })
    }
    return go(state, { ...again, losses: stage.losses + 1 }, warning('CanaryLost', message))
  }
  const edited = targets.flatMap(({ world, plan }) =>
    plan.routes.filter((_, at) => !isShapedAt(world.routes, at, form)),
  )
  if (edited.length > 0) {
    const message = `${edited.join(', ')} no longer says what step "${stage.name}" wants`
    if (stage.edits >= EDITS_MAX) {
      return fail(scene, { kind: 'routes-edited', message: `${message}, ${stage.edits + 1} times` })
    }
    return go(state, { ...again, edits: stage.edits + 1 }, warning('RouteEdited', `${message}: writing it again`))
  }
  return passGates(scene, stage, liveAtMs)
}

function isShapedAt(routes: Target['world']['routes'], at: number, form: Parameters<typeof isShaped>[1]): boolean {
  const route = routes[at]
  return route !== undefined && isShaped(route, form)
}

/** What keeps the step from being live, as a sentence. */
function obstacle(targets: readonly Target[], stage: StepStage): string {
  for (const target of targets) {
    const { canary } = target.world
    if (canary.kind === 'missing') return `${target.plan.canary} does not exist`
    if (!hasPods(target, stage)) {
      const needed = podsFor(target, stage.shift.canaryWeight)
      return `waiting for pods: ${target.plan.canary} has ${canary.ready} ready of the ${needed} that step "${stage.name}" needs${whyNotReady(canary)}`
    }
    const route = routeObstacle(target, { kind: 'shift', shift: stage.shift })
    if (route !== undefined) return `shifting to ${stage.shift.canaryWeight} %: ${route}`
  }
  return 'shifting'
}

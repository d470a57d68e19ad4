/**
 * Back to stable: it is ready first, then the traffic returns, last target first, then the canary goes.
 * Never given up: past the deadline it says which person it waits for and keeps trying.
 */
import type { Effect, Failure, RollingBackStage, RouteWorld } from '../model.ts'
import { NO_SHIFT } from '../model.ts'
import { howToTryAgain } from './ended.ts'
import { hasCanary, hasStable, isGone, isSameForm, isShaped, routeObstacle, scaleUp, shapeRoutes } from './exposure.ts'
import { revisionsOf } from './revisions.ts'
import {
  deadlineAfter,
  analysisOf,
  canaryShare,
  earliest,
  go,
  isStarted,
  readyOf,
  replicasOf,
  targetsOf,
  warning,
  whyNotReady,
} from './scene.ts'
import type { Move, Scene, Target } from './scene.ts'

/** How long a rollback that is not urgent waits for all stable pods before one has to do. */
const STABLE_PATIENCE_MS = 30_000

const BACK = { kind: 'shift', shift: NO_SHIFT } as const

export function advanceRollingBack(scene: Scene, stage: RollingBackStage): Move {
  const { plan, state, nowMs } = scene
  const targets = targetsOf(scene).toReversed()
  const away = targets.filter((target) => !isBack(target))
  const canaries = plan.onFailure.canary === 'Keep' || state.baselines.length === 0 ? [] : targets
  const running = canaries.filter((target) => replicasOf(target.world.canary) > 0 && isOurs(target))
  const restoring = targets.flatMap((target) => scaleUp(target, 'stable', target.baseline?.stableReplicas ?? 0))
  if (away.length === 0 && running.length === 0 && restoring.length === 0) {
    const event = warning('RolledBack', `All traffic is on stable: ${stage.failure.message}. ${howToTryAgain(scene)}`)
    const { failure, failedRevisions = revisionsOf(scene) } = stage
    const ended = { kind: 'rolled-back', atMs: nowMs, failure, failedRevisions } as const
    return isStarted(state) ? go(state, ended, event) : go(state, ended)
  }
  const next = away[0]
  const limitMs = deadlineAfter(scene, stage.sinceMs)
  const message = next === undefined ? 'retiring the canary' : obstacle(next, stage.failure)
  return {
    kind: 'stay',
    effects: [
      ...restoring,
      ...returnEffects(scene, stage, away),
      ...(next === undefined ? running.map(scaleToZero) : []),
    ],
    wakeAtMs: earliest(...[stage.sinceMs + STABLE_PATIENCE_MS, limitMs].filter((moment) => moment > nowMs)),
    report: {
      phase: 'RollingBack',
      message: `Rolling back, ${stage.failure.message}: ${message}`,
      canaryWeight: canaryShare(scene),
      ...analysisOf(stage.failure),
      ...(nowMs >= limitMs ? { waitsForPerson: { reason: message, sinceMs: limitMs } } : { waitsUntilMs: limitMs }),
    },
  }
}

/** In order, except that a canary without endpoints loses its traffic at once. */
function returnEffects(scene: Scene, stage: RollingBackStage, away: readonly Target[]): readonly Effect[] {
  return away.flatMap((target, position) => {
    const isDead = !hasCanary(target) && hasStable(target)
    const mayReturn = position === 0 && isStableReady(scene, stage, target)
    // A release that is deleted waits for no version that is gone, too: in a namespace that ends it cannot come again.
    const mayLeave = stage.failure.kind === 'deleted' && isGone(target)
    return isDead || mayReturn || mayLeave ? shapeRoutes(target, BACK) : []
  })
}

function isStableReady({ nowMs }: Scene, { failure, sinceMs }: RollingBackStage, target: Target): boolean {
  const ready = readyOf(target.world.stable)
  if (ready >= (target.baseline?.stableReplicas ?? 1)) return true
  const isUrgent = failure.kind === 'metrics' || failure.kind === 'canary-lost' || !hasCanary(target)
  return ready > 0 && (isUrgent || nowMs >= sinceMs + STABLE_PATIENCE_MS)
}

function isBack({ world, baseline }: Target): boolean {
  return world.routes.every((route) => isRouteBack(route, baseline !== undefined))
}

/** What is gone, or somebody else's, carries nothing of this release; where only its claim is gone, look at the rest. */
function isRouteBack(route: RouteWorld, hasStarted: boolean): boolean {
  if (route.kind !== 'present') return true
  if (route.isClaimed) return isShaped(route, BACK) && route.isProgrammed
  const isUntouched = route.form === null || isSameForm(route.form, BACK)
  return isUntouched && route.shareMax === 0 && (route.isProgrammed || !hasStarted)
}

/** Where others now decide over the routes, they may need the canary's pods. */
function isOurs({ world }: Target): boolean {
  return world.routes.every(({ kind }) => kind === 'present' || kind === 'missing')
}

function scaleToZero({ index }: Target): Effect {
  return { kind: 'scale', target: index, side: 'canary', replicas: 0 }
}

function obstacle(target: Target, failure: Failure): string {
  const { stable } = target.world
  if (stable.kind === 'missing')
    return `${target.plan.stable} does not exist; create it so that traffic can return to it`
  const needed = target.baseline?.stableReplicas ?? 1
  if (stable.ready < needed && !isReturning(target)) {
    return `waiting for stable: ${target.plan.stable} has ${stable.ready} of ${needed} pods ready${whyNotReady(stable)}`
  }
  return routeObstacle(target, BACK) ?? `returning the traffic after: ${failure.message}`
}

function isReturning({ world }: Target): boolean {
  return world.routes.some((route) => isShaped(route, BACK))
}

/** Before the release starts: everything it names must exist and be able to say what it will say. */
import { assertNever } from '../../base/assert.ts'
import type { PendingStage, ReleaseState } from '../model.ts'
import { takeApprovals, voidApprovals } from './approval.ts'
import { beginStep } from './begin-step.ts'
import { deadlineAfter, canaryShare, fail, go, normal, replicasOf, targetsOf, warning, whyNotReady } from './scene.ts'
import type { Move, Scene, Target } from './scene.ts'

export function advancePending(scene: Scene, stage: PendingStage): Move {
  return voidApprovals(scene) ?? takeApprovals(scene) ?? start(scene, stage)
}

function start(scene: Scene, stage: PendingStage): Move {
  const { plan, state, world, nowMs } = scene
  const obstacles = targetsOf(scene).flatMap((target) => [...startObstacles(target), ...stableObstacles(scene, target)])
  const deadlineMs = deadlineAfter(scene, stage.sinceMs)
  if (obstacles.length > 0) {
    const message = `Cannot start release "${plan.name}": ${obstacles.join('; ')}`
    if (message !== stage.obstacle) return go(state, { ...stage, obstacle: message }, warning('CannotStart', message))
    // Its turn has not come: how long the release before it takes is that one's matter, and has that one's deadline.
    if (isQueued(scene)) return stay(scene, message, nowMs + plan.deadlineMs)
    if (nowMs >= deadlineMs) return fail(scene, { kind: 'deadline', message })
    return stay(scene, message, deadlineMs)
  }
  if (!world.hasFinalizer) return stay(scene, 'Starting', Math.max(deadlineMs, nowMs + 1_000))
  const started: ReleaseState = { ...state, baselines: targetsOf(scene).map(baselineOf) }
  return go(started, beginStep(plan, 0, nowMs), normal('Started', `Release started: ${plan.steps.length} steps`))
}

function isQueued({ world }: Scene): boolean {
  return world.targets.some(({ routes }) => routes.some(({ kind }) => kind === 'held'))
}

function stay(scene: Scene, message: string, deadlineMs: number): Move {
  return {
    kind: 'stay',
    effects: scene.world.hasFinalizer ? [] : [{ kind: 'add-finalizer' }],
    report: {
      phase: 'Pending',
      message,
      canaryWeight: canaryShare(scene),
      ...(isQueued(scene) ? {} : { waitsUntilMs: deadlineMs }),
    },
    wakeAtMs: deadlineMs,
  }
}

/** What stable cannot answer goes elsewhere: a share of the traffic would say nothing. */
function stableObstacles({ plan }: Scene, { index, plan: { stable }, world }: Target): readonly string[] {
  if (plan.onStart.stable === 'AllowUnready' || world.stable.kind === 'missing' || world.stable.ready > 0) return []
  const cure = 'repair it, or set spec.onStart.stable to AllowUnready'
  return [`spec.targets[${index}].stable: ${stable} has no ready endpoint${whyNotReady(world.stable)}; ${cure}`]
}

/** With the field path, so that the mistake is found. */
function startObstacles({ index, plan, world }: Target): readonly string[] {
  const field = `spec.targets[${index}]`
  // Without its workloads nothing can be said about how a route fits them.
  const isWhole = world.stable.kind === 'present' && world.canary.kind === 'present'
  return [
    ...(world.stable.kind === 'missing'
      ? [`${field}.stable: ${plan.stable} does not exist; create it or correct the name`]
      : []),
    ...(world.canary.kind === 'missing'
      ? [`${field}.canary: ${plan.canary} does not exist; create it or correct the name`]
      : []),
    ...world.routes.flatMap((route, position) => {
      const path = `${field}.routes[${position}]`
      const name = plan.routes[position] ?? 'route'
      switch (route.kind) {
        case 'missing':
          return [`${path}: ${name} does not exist; create it or correct the name`]
        case 'held':
          return [`${path}: ${name} is held by release ${route.by}; this one starts when that has ended`]
        case 'unfit':
          return isWhole ? [`${path}: ${name}: ${route.reason}`] : []
        case 'present':
          return []
        default:
          return assertNever(route, 'route')
      }
    }),
  ]
}

function baselineOf({ world }: Target): ReleaseState['baselines'][number] {
  const { stable, canary } = world
  return {
    stableReplicas: Math.max(1, replicasOf(stable)),
    stableUid: stable.kind === 'present' ? stable.uid : '',
    canaryRevision: canary.kind === 'present' ? canary.revision : '',
  }
}

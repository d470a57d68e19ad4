/** After the end: give up everything that was held. */
import type { Effect, ReleaseState, Stage } from '../model.ts'
import { openRequest, takeRequest } from './requests.ts'
import { revisionsOf } from './revisions.ts'
import { analysisOf, canaryShare, go, isStarted, normal, targetsOf } from './scene.ts'
import type { Move, Scene } from './scene.ts'

export function advanceEnded(scene: Scene, stage: Stage & { kind: 'succeeded' | 'rolled-back' }): Move {
  const isSuccess = stage.kind === 'succeeded'
  const hasStarted = isStarted(scene.state)
  const again = stage.kind === 'succeeded' ? undefined : startOver(scene, stage)
  if (again !== undefined) return again
  return {
    kind: 'stay',
    effects: cleanUp(scene, isSuccess),
    report: {
      phase: isSuccess ? 'Succeeded' : 'RolledBack',
      message: isSuccess
        ? 'All traffic is on the canary'
        : `${hasStarted ? 'Rolled back' : 'Never started'}: ${stage.failure.message}. ${howToTryAgain(scene)}`,
      canaryWeight: isSuccess ? 100 : canaryShare(scene),
      ...(isSuccess ? {} : analysisOf(stage.failure)),
      ...(hasStarted ? {} : { neverStarted: true }),
    },
  }
}

/** A release that was taken back begins anew with a new revision of a canary, or because a person says so. */
function startOver(scene: Scene, stage: Stage & { kind: 'rolled-back' }): Move | undefined {
  const { state, world, nowMs } = scene
  if (world.isDeleting) return undefined
  const seen = revisionsOf(scene)
  const failed = stage.failedRevisions ?? state.baselines.map(({ canaryRevision }) => canaryRevision)
  const renewed = targetsOf(scene).find(({ index }) => seen[index] !== '' && seen[index] !== failed[index])
  if (world.abort !== undefined) {
    // A person who aborts means what is there now, too.
    return renewed === undefined ? undefined : go(state, { ...stage, failedRevisions: seen })
  }
  const fresh = { kind: 'pending', sinceMs: nowMs } as const
  const retry = openRequest(scene, 'retry')
  if (retry !== undefined) {
    const why = retry === '' ? '' : `: ${retry}`
    return go(begun(takeRequest(state, 'retry', retry)), fresh, normal('Retried', `The release starts over${why}`))
  }
  if (renewed === undefined) return undefined
  const event = normal('NewRevision', `${renewed.plan.canary} has a new pod template: the release starts over`)
  return go(begun(state), fresh, event)
}

/** What is remembered of the tries before: that they were. */
function begun(state: ReleaseState): ReleaseState {
  const { heldSinceMs: _, resumedAtMs: __, isLost: ___, ...rest } = state
  return { ...rest, baselines: [], history: [] }
}

/** For people who see that it was taken back. */
export function howToTryAgain({ plan }: Pick<Scene, 'plan'>): string {
  const canaries = plan.targets.map(({ canary }) => canary).join(' or ')
  return `It starts over by itself when ${canaries} gets a new pod template; to try the same one again: sluice release retry`
}

/** The finalizer goes last: without it nothing is left to do. */
function cleanUp(scene: Scene, isSuccess: boolean): readonly Effect[] {
  const { plan, world } = scene
  if (!world.hasFinalizer) return []
  const { abort } = world
  const answered: readonly Effect[] =
    abort === undefined ? [] : [{ kind: 'clear-request', request: 'abort', value: abort }]
  const effects = targetsOf(scene).flatMap((target): readonly Effect[] => {
    const { stable, routes } = target.world
    const uid = target.baseline?.stableUid
    const isDoomed = isSuccess && plan.onSuccess.stable === 'Delete' && stable.kind === 'present' && stable.uid === uid
    return [
      ...routes.flatMap((route, index) =>
        route.kind === 'present' && route.isClaimed
          ? [{ kind: 'release-route' as const, target: target.index, route: index }]
          : [],
      ),
      ...(isDoomed && uid !== undefined ? [{ kind: 'delete-stable' as const, target: target.index, uid }] : []),
    ]
  })
  return effects.length > 0 ? effects : [...answered, { kind: 'remove-finalizer' }]
}

/** After the end: give up everything that was held. */
import type { Effect, Stage } from '../model.ts'
import { analysisOf, canaryShare, isStarted, targetsOf } from './scene.ts'
import type { Move, Scene } from './scene.ts'

export function advanceEnded(scene: Scene, stage: Stage & { kind: 'succeeded' | 'rolled-back' }): Move {
  const isSuccess = stage.kind === 'succeeded'
  const hasStarted = isStarted(scene.state)
  return {
    kind: 'stay',
    effects: cleanUp(scene, isSuccess),
    report: {
      phase: isSuccess ? 'Succeeded' : 'RolledBack',
      message: isSuccess
        ? 'All traffic is on the canary'
        : `${hasStarted ? 'Rolled back' : 'Never started'}: ${stage.failure.message}`,
      canaryWeight: isSuccess ? 100 : canaryShare(scene),
      ...(isSuccess ? {} : analysisOf(stage.failure)),
      ...(hasStarted ? {} : { neverStarted: true }),
    },
  }
}

/** The finalizer goes last: without it nothing is left to do. */
function cleanUp(scene: Scene, isSuccess: boolean): readonly Effect[] {
  const { plan, world } = scene
  if (!world.hasFinalizer) return []
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
  return effects.length > 0 ? effects : [{ kind: 'remove-finalizer' }]
}

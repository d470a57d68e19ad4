/** Revisions of the canaries: what their pod templates are now, and what they were when the release started. */
import type { ReleaseState, World } from '../model.ts'

/** In the order of the targets. Of a canary that is gone, the last one; empty: it was never seen. */
export function revisionsOf({
  state,
  world,
}: {
  readonly state: ReleaseState
  readonly world: World
}): readonly string[] {
  return world.targets.map(({ canary }, index) =>
    canary.kind === 'present' ? canary.revision : (state.baselines[index]?.canaryRevision ?? ''),
  )
}

/** All of them as one, as people see it in `status.canaryRevision`. Undefined: one was never seen. */
export function joinRevisions(revisions: readonly string[]): string | undefined {
  return revisions.length === 0 || revisions.includes('') ? undefined : revisions.join('+')
}

/** With which the release runs. Undefined before it has started. */
export function startedRevision({ baselines }: ReleaseState): string | undefined {
  return joinRevisions(baselines.map(({ canaryRevision }) => canaryRevision))
}

/**
 * The release engine: from where a release stands and what the world looks like to what to do next. Pure and total;
 * the same observations give the same answer, so a lost or repeated effect, or a restart anywhere, changes nothing.
 */
import { BugError, assertNever } from '../base/assert.ts'
import { recordStep } from './advance/begin-step.ts'
import { recordAttempt } from './advance/attempts.ts'
import { advanceEnded } from './advance/ended.ts'
import { hold, noteHold } from './advance/held.ts'
import { advancePaused } from './advance/paused.ts'
import { advancePending } from './advance/pending.ts'
import { advancePromoting } from './advance/promoting.ts'
import { advanceRollingBack } from './advance/rolling-back.ts'
import { clearRequests, forgetTaken } from './advance/requests.ts'
import { fail } from './advance/scene.ts'
import type { Move, Scene } from './advance/scene.ts'
import { advanceStep } from './advance/step.ts'
import type { Advance, Effect, Plan, ReleaseEvent, ReleaseState, World } from './model.ts'

/** More moves in one call than any chain of stages is long: reaching it means that two stages disagree. */
const MOVES_MAX = 200

export function initialState(nowMs: number): ReleaseState {
  return { stage: { kind: 'pending', sinceMs: nowMs }, baselines: [], takenApproval: null, history: [] }
}

/** For a release whose state cannot be read and whose traffic is to go back: the routes say what they were. */
export function lostState(nowMs: number): ReleaseState {
  return { ...initialState(nowMs), isLost: true }
}

/**
 * One look at the release. The caller stores `state` durably before it runs any of `effects`, and calls again when
 * the world changed or at `wakeAtMs`.
 */
export function advance(plan: Plan, state: ReleaseState, world: World, nowMs: number): Advance {
  const events: ReleaseEvent[] = []
  let current = state
  for (let moves = 0; moves < MOVES_MAX; moves++) {
    const scene = { plan, state: current, world, nowMs }
    const move = noteHold(scene) ?? hold(scene, next(scene))
    if (move.kind === 'stay') {
      return {
        state: current,
        effects: [...events, ...clearApproval(current, world), ...clearRequests(current, world), ...move.effects],
        report: move.report,
        ...(move.wakeAtMs === undefined ? {} : { wakeAtMs: move.wakeAtMs }),
      }
    }
    current = recordAttempt(recordStep(move.state), nowMs)
    events.push(...move.events)
  }
  throw new BugError(`Release ${plan.name} moves in circles at stage ${current.stage.kind}`)
}

function next(scene: Scene): Move {
  const { state, world } = scene
  const { stage } = state
  if (state.takenApproval !== null && world.approval === undefined) {
    return { kind: 'go', state: { ...state, takenApproval: null }, events: [] }
  }
  const remembered = forgetTaken(state, world)
  if (remembered !== undefined) return { kind: 'go', state: remembered, events: [] }
  switch (stage.kind) {
    case 'pending':
      return interrupt(scene) ?? advancePending(scene, stage)
    case 'step':
      return interrupt(scene) ?? advanceStep(scene, stage)
    case 'paused':
      return interrupt(scene) ?? advancePaused(scene, stage)
    case 'promoting':
      return interrupt(scene) ?? advancePromoting(scene, stage)
    case 'rolling-back':
      return advanceRollingBack(scene, stage)
    case 'succeeded':
    case 'rolled-back':
      return advanceEnded(scene, stage)
    default:
      return assertNever(stage, 'stage')
  }
}

/** A person's word comes before everything else. */
function interrupt(scene: Scene): Move | undefined {
  const { abort, isDeleting } = scene.world
  if (abort !== undefined)
    return fail(scene, { kind: 'aborted', message: abort === '' ? 'aborted' : `aborted: ${abort}` })
  if (isDeleting) return fail(scene, { kind: 'deleted', message: 'the release was deleted before it had ended' })
  return undefined
}

function clearApproval({ takenApproval }: ReleaseState, { approval }: World): readonly Effect[] {
  return approval !== undefined && approval === takenApproval ? [{ kind: 'clear-approval', value: approval }] : []
}

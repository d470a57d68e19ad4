/**
 * `spec.paused`: a person holds the release where it is. Nothing goes further and no deadline passes; what fails, and a
 * person who aborts, still take it back.
 */
import type { ReleaseState, Stage } from '../model.ts'
import { canaryShare, normal } from './scene.ts'
import type { Move, Scene } from './scene.ts'

/** Notes since when the release is held, and when it was let go. */
export function noteHold({ plan, state, nowMs }: Scene): Move | undefined {
  const isHeld = state.heldSinceMs !== undefined
  if (plan.isPaused === isHeld || !canBeHeld(state.stage)) return undefined
  const { heldSinceMs: _, ...rest } = state
  return plan.isPaused
    ? {
        kind: 'go',
        state: { ...rest, heldSinceMs: nowMs },
        events: [normal('Held', 'Paused by a person (spec.paused)')],
      }
    : {
        kind: 'go',
        state: { ...rest, resumedAtMs: nowMs },
        events: [normal('Resumed', 'A person lets the release go on')],
      }
}

function canBeHeld({ kind }: Stage): boolean {
  return kind === 'pending' || kind === 'step' || kind === 'promoting'
}

/** The move that a held release may make instead. */
export function hold(scene: Scene, move: Move): Move {
  const { plan, state } = scene
  if (!plan.isPaused || !canBeHeld(state.stage)) return move
  if (move.kind === 'go') return isForward(state.stage, move.state.stage) ? heldBefore(scene) : move
  const { waitsUntilMs: _, ...report } = move.report
  return {
    kind: 'stay',
    // In a step `stepEffects` raises nothing while held; what promotes or starts is left out whole.
    effects: state.stage.kind === 'step' ? move.effects : [],
    ...(move.wakeAtMs === undefined ? {} : { wakeAtMs: move.wakeAtMs }),
    report: { ...report, phase: 'Paused', message: `Paused by a person: ${report.message}`, ...waitOf(state) },
  }
}

function isForward(from: Stage, to: Stage): boolean {
  if (from.kind === 'pending') return to.kind === 'step'
  if (from.kind === 'step') {
    return to.kind === 'promoting' || (to.kind === 'step' && to.index > from.index && to.name !== from.name)
  }
  return from.kind === 'promoting' && (to.kind === 'succeeded' || to.kind === 'promoting')
}

function heldBefore(scene: Scene): Move {
  const { state } = scene
  const { stage } = state
  return {
    kind: 'stay',
    effects: [],
    report: {
      phase: 'Paused',
      message: `Paused by a person: ${whatIsHeld(stage)}`,
      canaryWeight: canaryShare(scene),
      ...waitOf(state),
      ...(stage.kind !== 'step'
        ? {}
        : {
            step: {
              index: stage.index,
              state: 'Waiting',
              sinceMs: stage.liveAtMs ?? stage.sinceMs,
              ...(stage.liveAtMs === null ? {} : { liveAtMs: stage.liveAtMs }),
            },
          }),
    },
  }
}

function whatIsHeld(stage: Stage): string {
  if (stage.kind === 'step') return `step "${stage.name}" has passed, the next one waits`
  return stage.kind === 'pending' ? 'the release has not started' : 'the promotion waits'
}

function waitOf({ heldSinceMs, stage }: ReleaseState): { waitsForPerson: { reason: string; sinceMs: number } } {
  const sinceMs = heldSinceMs ?? ('sinceMs' in stage ? stage.sinceMs : 0)
  return { waitsForPerson: { reason: 'spec.paused is true; set it to false to go on', sinceMs } }
}

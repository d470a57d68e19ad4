/** Entering a step, and the record of it. */
import type { Plan, ReleaseState, StepRecord, StepStage } from '../model.ts'
import { stepOf } from './scene.ts'

/** A step may be taken up several times (pods lost, plan edited), so this is more than the number of steps allowed. */
const HISTORY_MAX = 60

export function beginStep(plan: Plan, index: number, nowMs: number): StepStage {
  const { name, shift } = stepOf(plan, index)
  return {
    kind: 'step',
    index,
    name,
    shift,
    sinceMs: nowMs,
    shiftingSinceMs: null,
    liveAtMs: null,
    notLiveSinceMs: nowMs,
    notLiveBeforeMs: 0,
    approved: false,
    othersPassedAtMs: null,
    losses: 0,
    edits: 0,
    restoreStable: false,
  }
}

/** Keeps the newest record in step with the stage; a step that begins gets a new one. */
export function recordStep(state: ReleaseState): ReleaseState {
  const { stage, history } = state
  if (stage.kind !== 'step') return state
  const last = history.at(-1)
  const isSame = last !== undefined && last.name === stage.name && last.startedAtMs === stage.sinceMs
  // The first shift is what is remembered: a route that others edit is written again later, maybe long after.
  const isKnown = isSame && last.liveAtMs !== undefined
  const record: StepRecord = {
    ...(isSame ? last : { name: stage.name, startedAtMs: stage.sinceMs }),
    ...(stage.shiftingSinceMs === null || isKnown ? {} : { shiftingSinceMs: stage.shiftingSinceMs }),
    ...(stage.liveAtMs === null || isKnown ? {} : { liveAtMs: stage.liveAtMs }),
  }
  return { ...state, history: [...(isSame ? history.slice(0, -1) : history), record].slice(-HISTORY_MAX) }
}

export function finishRecord(state: ReleaseState, nowMs: number, verdict: string): ReleaseState {
  const last = state.history.at(-1)
  if (last === undefined) return state
  return { ...state, history: [...state.history.slice(0, -1), { ...last, finishedAtMs: nowMs, verdict }] }
}

/** The record of tries: which revision, when, and how it ended. Read off the state alone. */
import type { AttemptRecord, ReleaseState } from '../model.ts'
import { startedRevision } from './revisions.ts'
import { isStarted } from './scene.ts'

/** A release that is repaired again and again keeps its last tries. */
const ATTEMPTS_MAX = 10

/** Keeps the newest record in step with the state; a revision that begins gets a new one. */
export function recordAttempt(state: ReleaseState, nowMs: number): ReleaseState {
  const attempts = state.attempts ?? []
  const last = attempts.at(-1)
  const open = last?.finishedAtMs === undefined ? last : undefined
  const { stage } = state
  if (stage.kind === 'step') return recordStart(state, open, nowMs)
  if (stage.kind === 'succeeded') {
    return open === undefined ? state : close(state, open, { finishedAtMs: nowMs, outcome: 'Succeeded' })
  }
  if (stage.kind !== 'rolled-back') return state
  const why = stage.failure.message
  if (open !== undefined) return close(state, open, { finishedAtMs: nowMs, outcome: 'RolledBack', why })
  const { atMs } = stage
  if (isStarted(state) || last?.finishedAtMs === atMs) return state
  return append(state, attempts, { revision: '', startedAtMs: atMs, finishedAtMs: atMs, outcome: 'NeverStarted', why })
}

function recordStart(state: ReleaseState, open: AttemptRecord | undefined, nowMs: number): ReleaseState {
  const revision = startedRevision(state) ?? ''
  if (open?.revision === revision) return state
  const why = 'the canary got a new pod template'
  const closed = open === undefined ? state : close(state, open, { finishedAtMs: nowMs, outcome: 'Replaced', why })
  return append(closed, closed.attempts ?? [], { revision, startedAtMs: nowMs })
}

function append(
  state: ReleaseState,
  attempts: readonly AttemptRecord[],
  record: Omit<AttemptRecord, 'number'>,
): ReleaseState {
  const number = (attempts.at(-1)?.number ?? 0) + 1
  return { ...state, attempts: [...attempts, { number, ...record }].slice(-ATTEMPTS_MAX) }
}

function close(state: ReleaseState, open: AttemptRecord, end: Partial<AttemptRecord>): ReleaseState {
  return { ...state, attempts: [...(state.attempts ?? []).slice(0, -1), { ...open, ...end }] }
}

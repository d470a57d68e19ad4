/** What the engine says, as a Release's status. */
import { STATE_UNREADABLE } from '../../kinds/release.ts'
import type { Release, ReleaseStatus } from '../../kinds/release.ts'
import type { Condition } from '../../kube/object.ts'
import { toTimestamp } from '../../kube/timestamp.ts'
import type { ReleaseTraffic } from './traffic.ts'
import type { Advance, AttemptRecord, Plan, ReleaseState, Report, StepRecord } from '../../release/model.ts'

export interface StatusScene {
  readonly release: Release
  readonly plan: Plan
  readonly nowMs: number
  /** What is seen of the requests where it is not what the routes say. */
  readonly observed: Partial<ReleaseTraffic>
  /** Number of the stored state. */
  readonly stateCount: number
}

/** The status of a release whose state cannot be read: nothing is guessed, a person decides. */
export function statusOfUnreadable(release: Release, reason: string, nowMs: number): ReleaseStatus {
  // In which step it is, and until when, the state would say.
  const { currentStep: _, waitsUntil: __, waitsForPerson: waits, ...status } = release.status ?? {}
  const message = `Paused: ${reason}`
  return {
    ...status,
    phase: 'Paused',
    message,
    waitsForPerson: waits?.reason === reason ? waits : { reason, since: time(nowMs) },
    conditions: conditionsOf(release, { phase: 'Paused', reason: STATE_UNREADABLE, message }, nowMs),
  }
}

export function statusOf(
  { release, plan, nowMs, observed, stateCount }: StatusScene,
  { state, report }: Pick<Advance, 'state' | 'report'>,
): ReleaseStatus {
  const generation = release.metadata.generation ?? 0
  return {
    observedGeneration: generation,
    phase: report.phase,
    message: report.message,
    ...stepOf(plan, report),
    ...(state.revision === undefined ? {} : { canaryRevision: state.revision }),
    ...approvalsOf(state),
    ...(report.waitsForPerson === undefined
      ? {}
      : { waitsForPerson: { reason: report.waitsForPerson.reason, since: time(report.waitsForPerson.sinceMs) } }),
    ...(report.waitsUntilMs === undefined ? {} : { waitsUntil: time(report.waitsUntilMs) }),
    ...(state.history.length === 0 ? {} : { steps: state.history.map(recordOf) }),
    traffic: { ...trafficOf(report.canaryWeight), ...observed },
    ...(report.analysis === undefined ? keptAnalysis(release, report) : { analysis: report.analysis }),
    ...(state.attempts === undefined ? {} : { attempts: state.attempts.map(attemptOf) }),
    ...keptEvidence(release, state),
    conditions: conditionsOf(release, { ...report, reason: reasonOf(report) }, nowMs),
    stateCount,
  }
}

function stepOf(plan: Plan, { step, message }: Report): Pick<ReleaseStatus, 'currentStep'> {
  if (step === undefined) return {}
  const { index, state, sinceMs, liveAtMs } = step
  return {
    currentStep: {
      index: index + 1,
      total: plan.steps.length,
      name: plan.steps[index]?.name ?? '',
      state,
      since: time(sinceMs),
      ...(liveAtMs === undefined ? {} : { liveAt: time(liveAtMs) }),
      message,
    },
  }
}

function approvalsOf({ approvals = [] }: ReleaseState): Pick<ReleaseStatus, 'approvals'> {
  return approvals.length === 0 ? {} : { approvals: approvals.map(({ step, revision }) => ({ step, revision })) }
}

function recordOf(record: StepRecord): NonNullable<ReleaseStatus['steps']>[number] {
  const { name, startedAtMs, shiftingSinceMs, liveAtMs, finishedAtMs, verdict } = record
  return {
    name,
    startedAt: time(startedAtMs),
    ...(liveAtMs === undefined ? {} : { liveAt: time(liveAtMs) }),
    ...(liveAtMs === undefined || shiftingSinceMs === undefined ? {} : { shiftMs: liveAtMs - shiftingSinceMs }),
    ...(finishedAtMs === undefined ? {} : { finishedAt: time(finishedAtMs) }),
    ...(verdict === undefined ? {} : { verdict }),
  }
}

function attemptOf(record: AttemptRecord): NonNullable<ReleaseStatus['attempts']>[number] {
  const { number, revision, startedAtMs, finishedAtMs, outcome, why } = record
  return {
    number,
    ...(revision === '' ? {} : { revision }),
    startedAt: time(startedAtMs),
    ...(finishedAtMs === undefined ? {} : { finishedAt: time(finishedAtMs) }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(why === undefined ? {} : { why }),
  }
}

/** What was seen of a failure stays until the next try begins. */
function keptEvidence({ status }: Release, { stage }: ReleaseState): Pick<ReleaseStatus, 'evidence'> {
  const isAnew = stage.kind === 'pending' || stage.kind === 'step' || stage.kind === 'promoting'
  return isAnew || status?.evidence === undefined ? {} : { evidence: status.evidence }
}

function trafficOf(share: number): NonNullable<ReleaseStatus['traffic']> {
  const canaryWeight = Math.round(share)
  return { stableWeight: 100 - canaryWeight, canaryWeight }
}

/**
 * The last numbers stay to be read where it went back or stands: they are the reason, or what a person saw. Where it
 * went on they are older than the verdict, which the step's record has.
 */
function keptAnalysis({ status }: Release, { phase }: Report): Pick<ReleaseStatus, 'analysis'> {
  const isBack = phase === 'RollingBack' || phase === 'RolledBack' || phase === 'Paused'
  return !isBack || status?.analysis === undefined ? {} : { analysis: status.analysis }
}

function reasonOf({ phase, neverStarted }: Report): string {
  return neverStarted === true ? 'NeverStarted' : phase
}

interface Judgement {
  readonly phase: Report['phase']
  readonly reason: string
  readonly message: string
}

function conditionsOf(release: Release, { phase, reason, message }: Judgement, nowMs: number): readonly Condition[] {
  const hasEnded = phase === 'Succeeded' || phase === 'RolledBack'
  const isMoving = !hasEnded && phase !== 'Paused'
  const succeeded = phase === 'Succeeded' ? 'True' : phase === 'RolledBack' ? 'False' : 'Unknown'
  const fresh = [
    { type: 'Progressing', status: isMoving ? 'True' : 'False', reason, message },
    { type: 'Succeeded', status: succeeded, reason, message },
  ] as const
  return fresh.map((condition) => {
    const before = release.status?.conditions?.find(({ type }) => type === condition.type)
    const isSame = before?.status === condition.status
    return {
      ...condition,
      lastTransitionTime: isSame ? before.lastTransitionTime : toTimestamp(nowMs),
      observedGeneration: release.metadata.generation ?? 0,
    }
  })
}

/** To the millisecond: steps may be shorter than a second. */
function time(ms: number): string {
  return new Date(ms).toISOString()
}

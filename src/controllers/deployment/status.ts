/** A Deployment's status, as `kubectl rollout status` and `kubectl wait` read it. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { Deployment, DeploymentStatus } from '../../kinds/deployment.ts'
import type { ReplicaSet } from '../../kinds/replica-set.ts'
import { toTimestamp } from '../../kube/timestamp.ts'
import { limitsOf } from './limits.ts'

type Condition = NonNullable<DeploymentStatus['conditions']>[number]
type Outcome = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

/** A deadline of this many seconds means none. */
const NO_DEADLINE_S = 2_147_483_647

/** What this reconcile did or found, which alone no status can tell. */
export type Step = 'created' | 'found' | 'none'

export interface StatusInput {
  readonly deployment: Deployment
  readonly newSet: ReplicaSet | undefined
  /** All, the new one too. */
  readonly sets: readonly ReplicaSet[]
  readonly step: Step
  readonly collisionCount: number | undefined
  /** Why the new ReplicaSet could not be created. */
  readonly createError?: string
  readonly nowMs: number
}

export interface StatusResult {
  readonly status: DeploymentStatus
  readonly isChanged: boolean
  /** When the progress deadline will have passed, if nothing happens until then. */
  readonly deadlineMs: number | undefined
}

export function deploymentStatus(input: StatusInput): StatusResult {
  const { deployment, newSet, sets, collisionCount, nowMs } = input
  const total = (of: (set: ReplicaSet) => number | undefined): number =>
    sets.reduce((sum, set) => sum + (of(set) ?? 0), 0)
  const wanted = total(({ spec }) => spec.replicas ?? 1)
  const available = total(({ status }) => status?.availableReplicas)
  const counts: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: total(({ status }) => status?.replicas),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: total(({ status }) => status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wanted - available),
    terminatingReplicas: total(({ status }) => status?.terminatingReplicas),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  }
  const conditions = conditionsOf(input, counts)
  const status = { ...counts, conditions }
  return {
    status,
    isChanged: !isDeepStrictEqual(normal(deployment.status), normal(status)),
    deadlineMs: deadlineOf(deployment, conditions, nowMs),
  }
}

/** Every pod is of the new revision, and available. */
export function isComplete({ spec, metadata }: Deployment, status: DeploymentStatus): boolean {
  const replicas = spec.replicas ?? 1
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  )
}

function conditionsOf(input: StatusInput, counts: DeploymentStatus): readonly Condition[] {
  const old = input.deployment.status?.conditions ?? []
  const known = new Set(['Available', 'Progressing', 'ReplicaFailure'])
  const outcomes = [availability(input.deployment, counts), progress(input, counts), replicaFailure(input)]
  return [
    ...outcomes.filter((outcome) => outcome !== undefined).map((outcome) => dated(outcome, old, input, counts)),
    ...old.filter(({ type }) => !known.has(type)),
  ]
}

function availability(deployment: Deployment, { availableReplicas = 0 }: DeploymentStatus): Outcome {
  const { replicas, maxUnavailable } = limitsOf(deployment)
  return availableReplicas >= replicas - maxUnavailable
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      }
}

function progress(input: StatusInput, counts: DeploymentStatus): Outcome | undefined {
  const { deployment, newSet, step, createError, nowMs } = input
  const old = progressing(deployment.status?.conditions)
  if (deadlineSeconds(deployment) === undefined) return undefined
  if (createError !== undefined) return progressIs('False', 'ReplicaSetCreateError', createError)
  if (deployment.spec.paused === true) {
    // What timed out stays so, paused or not.
    if (old?.reason === 'ProgressDeadlineExceeded') return old
    return progressIs('Unknown', 'DeploymentPaused', 'Deployment is paused')
  }
  const subject = newSet === undefined ? 'Deployment' : 'ReplicaSet'
  const name = `${subject} "${(newSet ?? deployment).metadata.name ?? ''}"`
  const wasComplete = old?.reason === 'NewReplicaSetAvailable' && counts.replicas === counts.updatedReplicas
  if (step === 'created') return progressIs('True', 'NewReplicaSetCreated', `Created new replica set ${quoted(newSet)}`)
  if (wasComplete) return old
  if (isComplete(deployment, counts)) {
    return progressIs('True', 'NewReplicaSetAvailable', `${name} has successfully progressed.`)
  }
  if (hasProgressed(deployment, counts)) return progressIs('True', 'ReplicaSetUpdated', `${name} is progressing.`)
  if (hasTimedOut(deployment, old, nowMs)) {
    return progressIs('False', 'ProgressDeadlineExceeded', `${name} has timed out progressing.`)
  }
  if (old?.reason === 'DeploymentPaused') return progressIs('Unknown', 'DeploymentResumed', 'Deployment is resumed')
  if (step === 'found' && (old === undefined || old.reason === 'NewReplicaSetAvailable')) {
    return progressIs('True', 'FoundNewReplicaSet', `Found new replica set ${quoted(newSet)}`)
  }
  return old
}

function progressIs(status: 'True' | 'False' | 'Unknown', reason: string, message: string): Outcome {
  return { type: 'Progressing', status, reason, message }
}

function quoted(set: ReplicaSet | undefined): string {
  return `"${set?.metadata.name ?? ''}"`
}

function replicaFailure({ newSet, sets }: StatusInput): Outcome | undefined {
  const ordered = newSet === undefined ? sets : [newSet, ...sets]
  return ordered
    .flatMap(({ status }) => status?.conditions ?? [])
    .map(({ type, status, reason, message }) => ({
      type,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
    }))
    .find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
}

/**
 * Adds the times. `lastTransitionTime` moves with the status, `lastUpdateTime` with anything that is said; of
 * Progressing also with each progress, as the deadline counts from it.
 */
function dated(
  outcome: Outcome,
  conditions: readonly Condition[],
  { deployment, nowMs }: StatusInput,
  counts: DeploymentStatus,
): Condition {
  const old = conditions.find(({ type }) => type === outcome.type)
  const isSaid = old !== undefined && isDeepStrictEqual(said(old), said(outcome))
  const isProgress = outcome.reason === 'ReplicaSetUpdated' && hasProgressed(deployment, counts)
  if (isSaid && !isProgress) return old
  const now = toTimestamp(nowMs)
  const lastTransitionTime = old?.status === outcome.status ? (old.lastTransitionTime ?? now) : now
  return { ...said(outcome), lastUpdateTime: now, lastTransitionTime }
}

function said({ type, status, reason, message }: Outcome): Outcome {
  return {
    type,
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  }
}

/** More new pods, fewer old ones, more ready or more available ones than at the last look. */
function hasProgressed({ status: old = {} }: Deployment, now: DeploymentStatus): boolean {
  return (
    (now.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldPodsIn(now) < oldPodsIn(old) ||
    (now.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  )
}

function oldPodsIn({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number {
  return replicas - updatedReplicas
}

function hasTimedOut(deployment: Deployment, old: Condition | undefined, nowMs: number): boolean {
  if (old === undefined || old.reason === 'NewReplicaSetAvailable') return false
  if (old.reason === 'ProgressDeadlineExceeded') return true
  const seconds = deadlineSeconds(deployment)
  return seconds !== undefined && nowMs >= Date.parse(old.lastUpdateTime ?? '') + seconds * 1000
}

/** Undefined: nothing is under way that could miss it. */
function deadlineOf(deployment: Deployment, conditions: readonly Condition[], nowMs: number): number | undefined {
  const seconds = deadlineSeconds(deployment)
  const condition = progressing(conditions)
  const isOver = condition?.reason === 'NewReplicaSetAvailable' || condition?.reason === 'ProgressDeadlineExceeded'
  if (seconds === undefined || condition === undefined || isOver || deployment.spec.paused === true) return undefined
  const atMs = Date.parse(condition.lastUpdateTime ?? '') + seconds * 1000
  return Number.isNaN(atMs) || atMs <= nowMs ? undefined : atMs
}

function deadlineSeconds({ spec }: Deployment): number | undefined {
  const seconds = spec.progressDeadlineSeconds
  return seconds === undefined || seconds >= NO_DEADLINE_S ? undefined : seconds
}

function progressing(conditions: readonly Condition[] | undefined): Condition | undefined {
  return conditions?.find(({ type }) => type === 'Progressing')
}

/** An absent count means none. */
function normal(status: DeploymentStatus | undefined): unknown {
  const entries = Object.entries(status ?? {}).filter(([, value]) => value !== 0 && value !== undefined)
  return Object.fromEntries(entries)
}

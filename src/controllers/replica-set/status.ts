/** A ReplicaSet's status from its pods. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { Pod } from '../../kinds/pod.ts'
import type { ReplicaSet, ReplicaSetStatus } from '../../kinds/replica-set.ts'
import { toTimestamp } from '../../kube/timestamp.ts'
import { availableAtMs, isActive, isReady, isTerminating } from '../pods/availability.ts'

type Condition = NonNullable<ReplicaSetStatus['conditions']>[number]

export interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly message: string
}

export interface StatusInput {
  readonly replicaSet: ReplicaSet
  /** All that it owns, terminating ones too. */
  readonly pods: readonly Pod[]
  /** What just went wrong; undefined when nothing did. */
  readonly failure: Failure | undefined
  readonly nowMs: number
}

export interface StatusResult {
  readonly status: ReplicaSetStatus
  readonly isChanged: boolean
  /** When the next ready pod becomes available by the mere passing of time. */
  readonly nextAvailableAtMs: number | undefined
}

export function replicaSetStatus({ replicaSet, pods, failure, nowMs }: StatusInput): StatusResult {
  const { minReadySeconds = 0, template } = replicaSet.spec
  const active = pods.filter(isActive)
  const times = active.map((pod) => availableAtMs(pod, minReadySeconds)).filter((atMs) => atMs !== undefined)
  const coming = times.filter((atMs) => atMs > nowMs)
  const templateLabels = Object.entries(template.metadata?.labels ?? {})
  const old = replicaSet.status
  const conditions = withFailure(old?.conditions ?? [], failure, nowMs)
  const status: ReplicaSetStatus = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) =>
      templateLabels.every(([name, value]) => pod.metadata.labels?.[name] === value),
    ).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: times.length - coming.length,
    terminatingReplicas: pods.filter(isTerminating).length,
    observedGeneration: replicaSet.metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  }
  return {
    status,
    isChanged: !isDeepStrictEqual(normal(old), normal(status)),
    nextAvailableAtMs: coming.length === 0 ? undefined : Math.min(...coming),
  }
}

function withFailure(
  conditions: readonly Condition[],
  failure: Failure | undefined,
  nowMs: number,
): readonly Condition[] {
  const others = conditions.filter(({ type }) => type !== 'ReplicaFailure')
  if (failure === undefined) return others
  const old = conditions.find(({ type }) => type === 'ReplicaFailure')
  const lastTransitionTime = old?.lastTransitionTime ?? toTimestamp(nowMs)
  return [...others, { type: 'ReplicaFailure', status: 'True', ...failure, lastTransitionTime }]
}

/** An absent count means none. */
function normal(status: ReplicaSetStatus | undefined): unknown {
  const entries = Object.entries(status ?? {}).filter(([, value]) => value !== 0 && value !== undefined)
  return Object.fromEntries(entries)
}

/** Why the pods of a workload are not ready, in a few words that a person can act on. Pure. */
import type { Deployment } from '../../kinds/deployment.ts'
import type { Container, ContainerStatus, Pod } from '../../kinds/pod.ts'
import { isReady } from '../pods/availability.ts'

/** Waiting for these is how every pod begins. */
const USUAL_REASONS: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing'])
/** A message goes into statuses and events; a longer one can be read at the pod. */
const MESSAGE_MAX_CHARS = 300

/** The worst that is seen: of the newest pods that are in trouble, else of pods that could not be made. */
export function whyPodsNotReady(pods: readonly Pod[], { status }: Deployment): string | undefined {
  const open = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && !isReady(pod))
  const newestFirst = open.toSorted((left, right) => createdAt(right).localeCompare(createdAt(left)))
  for (const pod of newestFirst) {
    const trouble = podTrouble(pod)
    if (trouble !== undefined) return `pod ${pod.metadata.name ?? ''}: ${shortened(trouble)}`
  }
  const failure = status?.conditions?.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True')
  return failure?.message === undefined ? undefined : shortened(failure.message)
}

function createdAt({ metadata }: Pod): string {
  return metadata.creationTimestamp ?? ''
}

function shortened(text: string): string {
  return text.length <= MESSAGE_MAX_CHARS ? text : `${text.slice(0, MESSAGE_MAX_CHARS - 1)}…`
}

function podTrouble({ spec, status }: Pod): string | undefined {
  if (status === undefined) return undefined
  if (status.phase === 'Failed' && status.reason !== undefined) return withMessage(status.reason, status.message)
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const seen = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
  const troubles = seen.flatMap((one) => {
    const trouble = containerTrouble(
      one,
      containers.find(({ name }) => name === one.name),
    )
    return trouble === undefined ? [] : [containers.length === 1 ? trouble : `container ${one.name}: ${trouble}`]
  })
  const unplaced = status.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False')
  return troubles[0] ?? (unplaced === undefined ? undefined : withMessage(unplaced.reason ?? '', unplaced.message))
}

function containerTrouble(status: ContainerStatus, container: Container | undefined): string | undefined {
  const { state, lastState } = status
  const before = lastState?.terminated
  if (state?.waiting !== undefined) {
    const { reason = '', message } = state.waiting
    // How it ended says more than how long it will wait.
    if (before !== undefined) return `${reason}, ${endOf(before)}`
    return USUAL_REASONS.has(reason) ? undefined : withMessage(reason, message)
  }
  const end = state?.terminated
  if (end !== undefined) return end.exitCode === 0 ? undefined : `${end.reason ?? 'Error'}, ${endOf(end)}`
  if (state?.running === undefined || status.ready) return undefined
  const restarted = before === undefined ? '' : `restarted after ${endOf(before)}, `
  const probe = failingProbe(status, container)
  return probe === undefined ? restarted.slice(0, -2) || undefined : `${restarted}its ${probe} has not succeeded`
}

function failingProbe(status: ContainerStatus, container: Container | undefined): string | undefined {
  if (container?.startupProbe !== undefined && status.started !== true) return 'startup probe'
  return container?.readinessProbe === undefined ? undefined : 'readiness probe'
}

function endOf({ exitCode, signal }: { readonly exitCode: number; readonly signal?: number }): string {
  return signal === undefined || signal === 0 ? `exit ${exitCode}` : `signal ${signal}`
}

function withMessage(reason: string, message: string | undefined): string {
  return message === undefined || message === '' ? reason : `${reason}: ${message}`
}

/** What a pod counts as. Pure. */
import type { Pod } from '../../kinds/pod.ts'

/** Not finished and not on its way out. */
export function isActive(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isFinished(pod)
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isFinished(pod)
}

/** Its containers have ended and will not be started again. */
export function isFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

export function isReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True'
}

/**
 * When a ready pod has been ready for `minReadySeconds`, in milliseconds since the epoch; undefined while it is not
 * ready. Ready pods without a transition time count as available at once, as long as nothing has to be waited for.
 */
export function availableAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  const condition = readyCondition(pod)
  if (condition?.status !== 'True') return undefined
  if (minReadySeconds === 0) return 0
  const sinceMs = Date.parse(condition.lastTransitionTime ?? '')
  return Number.isNaN(sinceMs) ? undefined : sinceMs + minReadySeconds * 1000
}

export function readyCondition({ status }: Pod) {
  return status?.conditions?.find((condition) => condition.type === 'Ready')
}

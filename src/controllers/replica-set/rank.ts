/** Which pods go first when a ReplicaSet shrinks: those whose loss costs least. Pure. */
import type { Pod } from '../../kinds/pod.ts'
import { isReady, readyCondition } from '../pods/availability.ts'

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const PHASE_RANK: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/**
 * The `count` pods to delete, cheapest first. `related` are all active pods of the same owner's other ReplicaSets and
 * of this one: of pods on one node, those on the fuller node go first.
 */
export function podsToDelete(
  pods: readonly Pod[],
  related: readonly Pod[],
  { count, nowMs }: { readonly count: number; readonly nowMs: number },
): readonly Pod[] {
  if (count >= pods.length) return pods
  const crowd = new Map<string, number>()
  for (const { spec } of related) crowd.set(spec.nodeName ?? '', (crowd.get(spec.nodeName ?? '') ?? 0) + 1)
  const crowdOf = (pod: Pod): number => crowd.get(pod.spec.nodeName ?? '') ?? 0
  return pods.toSorted((a, b) => compare(a, b, crowdOf, nowMs)).slice(0, count)
}

/** Kubernetes' order, criterion by criterion; the name makes it total. */
function compare(a: Pod, b: Pod, crowdOf: (pod: Pod) => number, nowMs: number): number {
  return (
    Number(isAssigned(a)) - Number(isAssigned(b)) ||
    phaseRank(a) - phaseRank(b) ||
    Number(isReady(a)) - Number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    crowdOf(b) - crowdOf(a) ||
    logAge(readyCondition(a)?.lastTransitionTime, nowMs) - logAge(readyCondition(b)?.lastTransitionTime, nowMs) ||
    restarts(b) - restarts(a) ||
    logAge(a.metadata.creationTimestamp, nowMs) - logAge(b.metadata.creationTimestamp, nowMs) ||
    (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '')
  )
}

function isAssigned({ spec }: Pod): boolean {
  return (spec.nodeName ?? '') !== ''
}

function phaseRank({ status }: Pod): number {
  return PHASE_RANK[status?.phase ?? 'Pending'] ?? 0
}

function deletionCost({ metadata }: Pod): number {
  const cost = Number(metadata.annotations?.[DELETION_COST] ?? 0)
  return Number.isInteger(cost) ? cost : 0
}

/** Ages that are alike count as equal, so that not always the same pods survive. */
function logAge(timestamp: string | undefined, nowMs: number): number {
  const ageMs = nowMs - Date.parse(timestamp ?? '')
  return Number.isNaN(ageMs) || ageMs <= 0 ? 0 : Math.floor(Math.log2(ageMs / 1000 + 1))
}

function restarts({ status }: Pod): number {
  return Math.max(0, ...(status?.containerStatuses ?? []).map((container) => container.restartCount))
}

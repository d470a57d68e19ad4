/** Conditions of a status (API conventions, "Typical status properties"). */
import type { Condition, KubeObject } from './object.ts'
import { toTimestamp } from './timestamp.ts'

/** Of any object; undefined where its status has none. */
export function conditionsOf(object: KubeObject): readonly Condition[] | undefined {
  const { status } = object as KubeObject & { readonly status?: { readonly conditions?: readonly Condition[] } }
  return status?.conditions
}

export type ConditionDraft = Omit<Condition, 'lastTransitionTime'>

export interface MergeOptions {
  /** The types that the writer owns: those without a draft go. Conditions of other types stay. */
  readonly owned: readonly string[]
  readonly nowMs: number
}

/** The drafts, each with the time at which its status last changed, then what others wrote. */
export function mergeConditions(
  old: readonly Condition[],
  drafts: readonly ConditionDraft[],
  { owned, nowMs }: MergeOptions,
): readonly Condition[] {
  const ours = drafts.map((draft) => {
    const before = old.find(({ type }) => type === draft.type)
    const lastTransitionTime = before?.status === draft.status ? before.lastTransitionTime : toTimestamp(nowMs)
    return { ...draft, lastTransitionTime }
  })
  return [...ours, ...old.filter(({ type }) => !owned.includes(type))]
}

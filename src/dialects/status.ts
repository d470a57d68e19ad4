/** What every language says of its objects in the same words: the conditions Accepted, Programmed and Conflicted. Pure. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { formatDiagnostic, hasErrors } from '../base/diagnostic.ts'
import type { Condition } from '../kube/object.ts'
import { mergeConditions } from '../kube/conditions.ts'
import type { ConditionDraft } from '../kube/conditions.ts'
import type { Liveness } from '../routing/liveness.ts'
import type { ObjectReport } from '../routing/part.ts'

/** Beyond it, findings are only counted. */
const FINDINGS_MAX = 20

/** What is served of the object, and whether that is live. */
export interface Serving {
  readonly generation: number
  readonly liveness: Liveness
  /** True: too early to take back what was said before; the stored condition stays. */
  readonly isUnchanged?: boolean
}

export interface StatusDraft {
  readonly report: ObjectReport
  /** Absent: nothing is served. */
  readonly serving: Serving | undefined
  readonly nowMs: number
  /** How clients reach the gateway; empty: not known yet. */
  readonly addresses: readonly string[]
}

const OURS: readonly string[] = ['Accepted', 'Programmed', 'Conflicted']

/** Conditions of others stay as they are. */
export function routingConditions(
  old: readonly Condition[],
  { report, serving, nowMs }: StatusDraft,
): readonly Condition[] {
  const drafts = [accepted(report), programmed(report, serving, old), ...conflicted(report)]
  return mergeConditions(old, drafts, { owned: OURS, nowMs })
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

export function findings(diagnostics: readonly Diagnostic[]): string {
  const lines = diagnostics.slice(0, FINDINGS_MAX).map(formatDiagnostic)
  const rest = diagnostics.length - lines.length
  return [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n')
}

function accepted({ diagnostics, generation }: ObjectReport): ConditionDraft {
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  const base = { type: 'Accepted', observedGeneration: generation }
  if (errors.length > 0) {
    const reason = errors.every(({ code }) => code === 'conflicted') ? 'Conflicted' : 'Invalid'
    return { ...base, status: 'False', reason, message: findings(errors) }
  }
  if (diagnostics.length > 0) {
    return { ...base, status: 'True', reason: 'AcceptedWithWarnings', message: findings(diagnostics) }
  }
  return { ...base, status: 'True', reason: 'Accepted', message: 'The object is valid' }
}

/** About what is served: for a rejected object that is the last good generation, and the message says so. */
function programmed(
  { generation, diagnostics }: ObjectReport,
  serving: Serving | undefined,
  old: readonly Condition[],
): ConditionDraft {
  const type = 'Programmed'
  const before = conditionOf(old, type)
  if (serving?.isUnchanged === true && before !== undefined) return before
  if (serving === undefined) {
    const message = 'Nothing of this object is served: it is rejected'
    return { type, status: 'False', observedGeneration: generation, reason: 'Invalid', message }
  }
  const { liveness } = serving
  return {
    type,
    status: liveness.isLive ? 'True' : 'False',
    observedGeneration: serving.generation,
    reason: liveness.reason,
    message: hasErrors(diagnostics)
      ? `${lastGood(serving.generation, generation)}. ${liveness.message}`
      : liveness.message,
  }
}

function lastGood(served: number, rejected: number): string {
  return served === rejected
    ? `Generation ${served} is rejected as things are now, and serves as it was last accepted`
    : `Generation ${served} serves; generation ${rejected} is rejected`
}

function conflicted({ diagnostics, generation }: ObjectReport): ConditionDraft[] {
  const conflicts = diagnostics.filter(({ code }) => code === 'conflicted')
  if (conflicts.length === 0) return []
  const message = findings(conflicts)
  return [{ type: 'Conflicted', status: 'True', observedGeneration: generation, reason: 'DomainTaken', message }]
}

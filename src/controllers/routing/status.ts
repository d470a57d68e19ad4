/** The status that a Gloo object should have, from what the compiler and the data plane say about it. Pure. */
import type { Diagnostic } from '../../base/diagnostic.ts'
import { formatDiagnostic, hasErrors } from '../../base/diagnostic.ts'
import type { ObjectReport } from '../../dialects/dialect.ts'
import type { GlooStatus } from '../../kinds/gloo-upstream.ts'
import { GLOO_STATE } from '../../kinds/gloo-upstream.ts'
import type { Condition } from '../../kube/object.ts'
import { toTimestamp } from '../../kube/timestamp.ts'
import type { Liveness } from './programmed.ts'

/** Beyond it, findings are only counted. */
const FINDINGS_MAX = 20

/** What is served of the object, and whether that is live; absent when nothing is. */
export interface Serving {
  readonly generation: number
  readonly liveness: Liveness
  /** True: too early to take back what was said before; the stored condition stays. */
  readonly isUnchanged?: boolean
}

type Draft = Omit<Condition, 'lastTransitionTime'>

export interface StatusInput {
  readonly report: ObjectReport
  readonly serving: Serving | undefined
  readonly old: GlooStatus | undefined
  readonly nowMs: number
}

/** Fields and conditions of others stay as they are. */
export function glooStatus({ report, serving, old = {}, nowMs }: StatusInput): GlooStatus {
  const { reason: _, ...kept } = old
  const reason = findings(report.diagnostics)
  const drafts = [acceptedCondition(report), programmedCondition(report, serving, old), ...conflictCondition(report)]
  return {
    ...kept,
    state: stateOf(report.diagnostics),
    ...(reason === '' ? {} : { reason }),
    reportedBy: report.object.kind === 'VirtualService' ? 'gateway' : 'gloo',
    observedGeneration: report.generation,
    conditions: mergeConditions(old.conditions ?? [], drafts, toTimestamp(nowMs)),
  }
}

export function conditionOf(status: GlooStatus | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

function stateOf(diagnostics: readonly Diagnostic[]): number {
  if (hasErrors(diagnostics)) return GLOO_STATE.rejected
  return diagnostics.length > 0 ? GLOO_STATE.warning : GLOO_STATE.accepted
}

function acceptedCondition({ diagnostics, generation }: ObjectReport): Draft {
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
function programmedCondition(
  { generation, diagnostics }: ObjectReport,
  serving: Serving | undefined,
  old: GlooStatus,
): Draft {
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

function conflictCondition({ diagnostics, generation }: ObjectReport): Draft[] {
  const conflicts = diagnostics.filter(({ code }) => code === 'conflicted')
  if (conflicts.length === 0) return []
  const message = findings(conflicts)
  return [{ type: 'Conflicted', status: 'True', observedGeneration: generation, reason: 'DomainTaken', message }]
}

function findings(diagnostics: readonly Diagnostic[]): string {
  const lines = diagnostics.slice(0, FINDINGS_MAX).map(formatDiagnostic)
  const rest = diagnostics.length - lines.length
  return [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n')
}

const OURS: readonly string[] = ['Accepted', 'Programmed', 'Conflicted']

function mergeConditions(old: readonly Condition[], drafts: readonly Draft[], now: string): readonly Condition[] {
  const ours = drafts.map((draft) => {
    const before = old.find(({ type }) => type === draft.type)
    const lastTransitionTime = before?.status === draft.status ? before.lastTransitionTime : now
    return { ...draft, lastTransitionTime }
  })
  return [...ours, ...old.filter(({ type }) => !OURS.includes(type))]
}

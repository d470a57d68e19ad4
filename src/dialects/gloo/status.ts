/** What Gloo's objects say of themselves: Gloo's own `state` and `reason`, and the conditions that every language has. Pure. */
import type { Diagnostic } from '../../base/diagnostic.ts'
import { hasErrors } from '../../base/diagnostic.ts'
import type { GlooStatus } from './kinds/upstream.ts'
import { GLOO_STATE } from './kinds/upstream.ts'
import type { KubeObject } from '../../kube/object.ts'
import { findings, routingConditions } from '../status.ts'
import type { StatusDraft } from '../status.ts'

/** Fields of others stay as they are. */
export function glooStatus(draft: StatusDraft, object: KubeObject): GlooStatus {
  // Both of Gloo's kinds have it.
  const { status: old = {} } = object as KubeObject & { readonly status?: GlooStatus }
  const { report } = draft
  const { reason: _, ...kept } = old
  const reason = findings(report.diagnostics)
  return {
    ...kept,
    state: stateOf(report.diagnostics),
    ...(reason === '' ? {} : { reason }),
    reportedBy: report.object.kind === 'VirtualService' ? 'gateway' : 'gloo',
    observedGeneration: report.generation,
    conditions: routingConditions(old.conditions ?? [], draft),
  }
}

function stateOf(diagnostics: readonly Diagnostic[]): number {
  if (hasErrors(diagnostics)) return GLOO_STATE.rejected
  return diagnostics.length > 0 ? GLOO_STATE.warning : GLOO_STATE.accepted
}

/**
 * What people approve. An approval is for one step as it is planned and for one revision of the canary. It is taken from
 * the annotation as soon as it is seen, and kept in the state until its step is live: several stand side by side.
 */
import type { Approval, Plan, ReleaseEvent, ReleaseState, Stage, StepPlan, StepStage } from '../model.ts'
import { isSameShift } from '../model.ts'
import { entriesOf, stepNamed } from './named-step.ts'
import type { NamedStep } from './named-step.ts'
import { joinRevisions, revisionsOf, startedRevision } from './revisions.ts'
import { normal, warning } from './scene.ts'
import type { Move, Scene } from './scene.ts'

/** Another revision or another plan: what was approved before is not what is there now. */
export function voidApprovals(scene: Scene): Move | undefined {
  const { plan, state, world } = scene
  const seen = joinRevisions(revisionsOf(scene))
  if (seen === undefined) return undefined
  const approvals = state.approvals ?? []
  const known = state.revision ?? startedRevision(state)
  if (known !== undefined && known !== seen) {
    const open = openEntries(scene)
    const kept = open.flatMap((entry) => (entry.revision === seen ? approvalsOf(plan, entry, seen) : []))
    const lost = [...approvals, ...open.filter(({ revision }) => revision !== seen)].map(({ step }) => step)
    const next = { ...state, revision: seen, approvals: kept, takenApproval: world.approval ?? null }
    return { kind: 'go', state: next, events: lost.length === 0 ? [] : [voidEvent(lost, `revision ${known}`, seen)] }
  }
  if (state.revision !== seen) return { kind: 'go', state: { ...state, revision: seen }, events: [] }
  const valid = approvals.filter((approval) => isPlanned(plan, approval))
  if (valid.length === approvals.length) return undefined
  const lost = approvals.filter((approval) => !valid.includes(approval)).map(({ step }) => step)
  return { kind: 'go', state: { ...state, approvals: valid }, events: [voidEvent(lost, 'the steps before', seen)] }
}

function voidEvent(steps: readonly string[], what: string, seen: string): ReleaseEvent {
  const message = `The approval of ${steps.map((step) => `"${step}"`).join(', ')} was given for ${what} and counts no more`
  return warning('ApprovalVoid', `${message}: the canary is of revision ${seen}; look at it and approve again`)
}

function isPlanned({ steps }: Plan, { step, shift }: Approval): boolean {
  return steps.some((one) => one.name === step && isSameShift(one.shift, shift) && one.gates.some(isApproval))
}

/** Takes what the annotation says; uses what is approved for a step that is live. */
export function takeApprovals(scene: Scene): Move | undefined {
  const { state, world } = scene
  const seen = joinRevisions(revisionsOf(scene))
  if (seen === undefined) return undefined
  if (world.approval !== undefined && world.approval !== state.takenApproval) {
    return takeEntries(scene, openEntries(scene), seen)
  }
  return useApproval(state)
}

function takeEntries({ plan, state, world }: Scene, entries: readonly NamedStep[], seen: string): Move {
  let approvals = state.approvals ?? []
  const events: ReleaseEvent[] = []
  for (const entry of entries) {
    const refusal = refusalOf(plan, state.stage, entry, seen)
    if (refusal !== undefined) {
      events.push(refusal)
      continue
    }
    for (const approval of approvalsOf(plan, entry, seen)) {
      if (approvals.some(({ step }) => step === approval.step)) continue
      approvals = [...approvals, approval]
      if (!isLiveIn(state.stage, approval.step)) events.push(aheadEvent(approval))
    }
  }
  return { kind: 'go', state: { ...state, approvals, takenApproval: world.approval ?? null }, events }
}

function aheadEvent({ step, revision }: Approval): ReleaseEvent {
  const when = 'it counts when the step is live'
  return normal('ApprovedAhead', `Step "${step}" is approved for revision ${revision} of the canary: ${when}`)
}

function useApproval(state: ReleaseState): Move | undefined {
  const { stage, approvals = [] } = state
  if (stage.kind !== 'step' || stage.approved || !isLiveIn(stage, stage.name)) return undefined
  const used = approvals.find(({ step }) => step === stage.name)
  if (used === undefined) return undefined
  const next = { ...state, approvals: approvals.filter((one) => one !== used), stage: { ...stage, approved: true } }
  const event = normal('Approved', `Step "${stage.name}" was approved for revision ${used.revision} of the canary`)
  return { kind: 'go', state: next, events: [event] }
}

/** Why an approval cannot count; undefined: it can. */
function refusalOf(plan: Plan, stage: Stage, entry: NamedStep, seen: string): ReleaseEvent | undefined {
  const index = stepNamed(plan, entry.step)
  if (index === undefined) {
    const names = plan.steps.map(({ name }) => name).join(', ')
    return warning('UnknownStep', `Cannot approve step "${entry.step}": there is none; the steps are ${names}`)
  }
  if (entry.revision !== undefined && entry.revision !== seen) {
    const why = `the approval is for revision ${entry.revision}, but the canary is of revision ${seen}`
    return warning('ApprovalVoid', `Cannot approve step "${entry.step}": ${why}; look at it and approve again`)
  }
  const isOver = stage.kind === 'step' && (index < stage.index || (index === stage.index && stage.approved))
  if (!isOver && plan.steps[index]?.gates.some(isApproval) === true) return undefined
  return warning('NothingToApprove', `Step "${entry.step}" does not wait for an approval`)
}

function approvalsOf(plan: Plan, { step }: NamedStep, revision: string): readonly Approval[] {
  const planned: StepPlan | undefined = plan.steps[stepNamed(plan, step) ?? -1]
  return planned === undefined ? [] : [{ step: planned.name, shift: planned.shift, revision }]
}

function isLiveIn(stage: Stage, step: string): stage is StepStage {
  return stage.kind === 'step' && stage.name === step && stage.liveAtMs !== null
}

/** Those that were not taken before: the annotation may have grown since. */
function openEntries({ state, world }: Scene): readonly NamedStep[] {
  const taken = new Set(entriesOf(state.takenApproval ?? '').map(({ text }) => text))
  return entriesOf(world.approval ?? '').filter(({ text }) => !taken.has(text))
}

function isApproval({ kind }: { readonly kind: string }): boolean {
  return kind === 'approval'
}

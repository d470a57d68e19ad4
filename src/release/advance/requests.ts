/** What a person asks for by an annotation: each request is taken once, then its annotation is cleared. */
import type { Effect, PersonRequest, ReleaseEvent, ReleaseState, StepStage, World } from '../model.ts'
import { entryOf, stepNamed } from './named-step.ts'
import type { NamedStep } from './named-step.ts'
import { joinRevisions, revisionsOf, startedRevision } from './revisions.ts'
import { normal, warning } from './scene.ts'
import type { Move, Scene } from './scene.ts'

const REQUESTS: readonly PersonRequest[] = ['promote', 'promote-full', 'retry']

/** The request's value, unless it was taken already. */
export function openRequest({ state, world }: Scene, request: PersonRequest): string | undefined {
  const value = world.requests[request]
  return value === undefined || value === state.takenRequests?.[request] ? undefined : value
}

export function takeRequest(state: ReleaseState, request: PersonRequest, value: string): ReleaseState {
  return { ...state, takenRequests: { ...state.takenRequests, [request]: value } }
}

/** What was asked for another revision of the canary than the new one counts no more. */
export function voidRequests({ state, world: { requests } }: Scene, revision: string | undefined): Voided {
  const lost = REQUESTS.filter((name) => {
    const value = requests[name]
    return value !== undefined && entryOf(value).revision !== revision
  })
  if (lost.length === 0) return { state, events: [] }
  const taken = Object.fromEntries(lost.map((name) => [name, requests[name]]))
  const promotions = lost.filter((name) => name !== 'retry' && state.takenRequests?.[name] !== requests[name])
  const events = promotions.map((name) => {
    const { step, revision: given = startedRevision(state) } = entryOf(requests[name] ?? '')
    const what = `The promotion of step "${step}" was given for revision ${given} and counts no more`
    return warning('PromotionVoid', `${what}: the canary is of revision ${revision}; look at it and promote again`)
  })
  return { state: { ...state, takenRequests: { ...state.takenRequests, ...taken } }, events }
}

interface Voided {
  readonly state: ReleaseState
  readonly events: readonly ReleaseEvent[]
}

/** Once an annotation is gone, or says something else, the same value counts again. */
export function forgetTaken(state: ReleaseState, { requests }: World): ReleaseState | undefined {
  const taken = state.takenRequests
  if (taken === undefined) return undefined
  const kept = REQUESTS.filter((request) => taken[request] !== undefined && requests[request] === taken[request])
  if (kept.length === Object.keys(taken).length) return undefined
  const { takenRequests: _, ...rest } = state
  return kept.length === 0
    ? rest
    : { ...rest, takenRequests: Object.fromEntries(kept.map((request) => [request, taken[request]])) }
}

export function clearRequests({ takenRequests = {} }: ReleaseState, { requests }: World): readonly Effect[] {
  return REQUESTS.flatMap((request) => {
    const value = requests[request]
    return value !== undefined && value === takenRequests[request]
      ? [{ kind: 'clear-request' as const, request, value }]
      : []
  })
}

/** A person passes the current step without its gates; `promote-full`: this step and all later ones. */
export function takePromotion(scene: Scene, stage: StepStage): Move | undefined {
  for (const request of ['promote-full', 'promote'] as const) {
    const value = openRequest(scene, request)
    if (value === undefined) continue
    const refusal = refusalOf(scene, stage, entryOf(value))
    // The step is not passed before its traffic is live; until then the request waits.
    if (refusal === undefined && stage.liveAtMs === null) continue
    const taken = takeRequest(scene.state, request, value)
    if (refusal !== undefined) return { kind: 'go', state: taken, events: [refusal] }
    const isFull = request === 'promote-full'
    const what = isFull ? ' and all later steps are passed' : ' is passed'
    const event = normal('Promoted', `Step "${stage.name}"${what} without gates: a person promoted it`)
    return { kind: 'go', state: { ...taken, stage: { ...stage, promoted: isFull ? 'full' : 'step' } }, events: [event] }
  }
  return undefined
}

/** Why a promotion cannot count; undefined: it can. */
function refusalOf(scene: Scene, stage: StepStage, { step, revision }: NamedStep): ReleaseEvent | undefined {
  const seen = joinRevisions(revisionsOf(scene))
  if (revision !== undefined && revision !== seen) {
    const why = `the promotion is for revision ${revision}, but the canary is of revision ${seen}`
    return warning('PromotionVoid', `Cannot promote step "${step}": ${why}; look at it and promote again`)
  }
  if (stepNamed(scene.plan, step) === stage.index) return undefined
  return warning('NothingToPromote', `Cannot promote step "${step}": the release is in step "${stage.name}"`)
}

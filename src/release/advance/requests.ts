/** What a person asks for by an annotation: each request is taken once, then its annotation is cleared. */
import type { Effect, PersonRequest, ReleaseState, StepStage, World } from '../model.ts'
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

/** What was asked for before a new revision came was asked for another one. */
export function voidRequests(state: ReleaseState, { requests }: World): ReleaseState {
  return Object.keys(requests).length === 0 ? state : { ...state, takenRequests: requests }
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
    const isCurrent = value === stage.name || value === String(stage.index + 1)
    // The step is not passed before its traffic is live; until then the request waits.
    if (isCurrent && stage.liveAtMs === null) continue
    const taken = takeRequest(scene.state, request, value)
    if (!isCurrent) {
      const event = warning(
        'NothingToPromote',
        `Cannot promote step "${value}": the release is in step "${stage.name}"`,
      )
      return { kind: 'go', state: taken, events: [event] }
    }
    const isFull = request === 'promote-full'
    const what = isFull ? ' and all later steps are passed' : ' is passed'
    const event = normal('Promoted', `Step "${stage.name}"${what} without gates: a person promoted it`)
    return { kind: 'go', state: { ...taken, stage: { ...stage, promoted: isFull ? 'full' : 'step' } }, events: [event] }
  }
  return undefined
}

/** What a person approved: taken once, then its annotation is cleared. */
import type { Plan, StepStage } from '../model.ts'
import { stepOf, normal, warning } from './scene.ts'
import type { Move, Scene } from './scene.ts'

/** A later step's approval stays until that step asks for it. */
export function takeApproval(scene: Scene, stage: StepStage): Move | undefined {
  const { plan, state, world } = scene
  const { approval } = world
  if (approval === undefined || approval === state.takenApproval) return undefined
  const index = stepNamed(plan, approval)
  const taken = { ...state, takenApproval: approval }
  if (index === undefined) {
    const names = plan.steps.map(({ name }) => name).join(', ')
    const event = warning('UnknownStep', `Cannot approve step "${approval}": there is none; the steps are ${names}`)
    return { kind: 'go', state: taken, events: [event] }
  }
  if (index > stage.index || (index === stage.index && stage.liveAtMs === null)) return undefined
  const needsIt = index === stage.index && !stage.approved && stepOf(plan, index).gates.some(isApproval)
  if (!needsIt) {
    const event = warning('NothingToApprove', `Step "${approval}" does not wait for an approval`)
    return { kind: 'go', state: taken, events: [event] }
  }
  const event = normal('Approved', `Step "${stage.name}" was approved`)
  return { kind: 'go', state: { ...taken, stage: { ...stage, approved: true } }, events: [event] }
}

/** By name, else by number from 1. */
function stepNamed({ steps }: Plan, text: string): number | undefined {
  const byName = steps.findIndex(({ name }) => name === text)
  if (byName >= 0) return byName
  const number = /^\d{1,3}$/.test(text) ? Number(text) - 1 : -1
  return number >= 0 && number < steps.length ? number : undefined
}

function isApproval({ kind }: { readonly kind: string }): boolean {
  return kind === 'approval'
}

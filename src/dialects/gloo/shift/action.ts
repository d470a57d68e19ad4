/** One route action: its share for the canary, read and written. Whole numbers only; the others' shares never move. */
import type { Destination, WeightedDestination } from '../kinds/virtual-service.ts'
import type { RouteForm } from '../../../release/model.ts'
import type { RouteAction } from './claim.ts'
import { sideOf } from './subsets.ts'
import type { Side, SubsetPair } from './subsets.ts'

/** A single destination stands for a list of one. */
export function destinationsOf({ single, multi }: RouteAction): readonly WeightedDestination[] {
  return single === undefined ? (multi?.destinations ?? []) : [{ destination: single, weight: 100 }]
}

export function carriesAny(action: RouteAction, pairs: readonly SubsetPair[]): boolean {
  return destinationsOf(action).some(({ destination }) => sideOf(destination, pairs) !== undefined)
}

/** Stable serves requests here, alone or together with the canary. */
export function carriesStable(action: RouteAction, pairs: readonly SubsetPair[]): boolean {
  const list = destinationsOf(action)
  const hasStable = list.some(({ destination }) => sideOf(destination, pairs)?.side === 'stable')
  return hasStable && weightOf(list, 'stable', pairs) + weightOf(list, 'canary', pairs) > 0
}

/** Percent of what goes to either version. */
export function shareOf(action: RouteAction | undefined, pairs: readonly SubsetPair[]): number {
  const list = action === undefined ? [] : destinationsOf(action)
  const canary = weightOf(list, 'canary', pairs)
  const both = canary + weightOf(list, 'stable', pairs)
  return both === 0 ? 0 : (canary * 100) / both
}

/** Where the canary is reached: the stable's destination with the other subset. */
export function canaryDestination(action: RouteAction, pairs: readonly SubsetPair[]): Destination | undefined {
  for (const { destination } of destinationsOf(action)) {
    const found = sideOf(destination, pairs)
    if (found?.side === 'stable')
      return { ...destination, subset: { ...destination?.subset, values: found.pair.canary } }
  }
  return undefined
}

export function shapeAction(original: RouteAction, form: RouteForm, pairs: readonly SubsetPair[]): RouteAction {
  const canary = canaryDestination(original, pairs)
  if (canary === undefined) return original
  if (form.kind === 'promoted') return promote(original, canary, pairs)
  return form.shift.canaryWeight === 0 ? original : split(original, canary, form.shift.canaryWeight, pairs)
}

/** The canary gets `weight` percent of what the stable had; everything is scaled up where that is no whole number. */
function split(original: RouteAction, canary: Destination, weight: number, pairs: readonly SubsetPair[]): RouteAction {
  const list = destinationsOf(original)
  const total = weightOf(list, 'stable', pairs) + weightOf(list, 'canary', pairs)
  const factor = 100 / greatestCommonDivisor(100, total * weight)
  const weights = { stable: (total * factor * (100 - weight)) / 100, canary: (total * factor * weight) / 100 }
  const given = new Set<Side>()
  const destinations = list.map((entry) => {
    const side = sideOf(entry.destination, pairs)?.side
    if (side === undefined) return { ...entry, weight: (entry.weight ?? 0) * factor }
    const share = given.has(side) ? 0 : weights[side]
    given.add(side)
    return { ...entry, weight: share }
  })
  if (given.has('canary')) return { multi: { destinations } }
  const at = destinations.findIndex(({ destination }) => sideOf(destination, pairs)?.side === 'stable') + 1
  return { multi: { destinations: destinations.toSpliced(at, 0, { destination: canary, weight: weights.canary }) } }
}

/** Only the canary, and those others that have a share of their own. */
function promote(original: RouteAction, canary: Destination, pairs: readonly SubsetPair[]): RouteAction {
  const list = destinationsOf(original)
  const rest = list.filter(({ destination, weight }) => sideOf(destination, pairs) === undefined && (weight ?? 0) > 0)
  if (rest.length === 0) return { single: canary }
  const weight = weightOf(list, 'stable', pairs) + weightOf(list, 'canary', pairs)
  return { multi: { destinations: [{ destination: canary, weight }, ...rest] } }
}

/** The canary's part given back to the stable: what an action of unknown history was before. */
export function foldAction(action: RouteAction, pairs: readonly SubsetPair[]): RouteAction {
  const list = destinationsOf(action)
  const canaryWeight = weightOf(list, 'canary', pairs)
  if (canaryWeight === 0) return action
  const total = canaryWeight + weightOf(list, 'stable', pairs)
  const kept = list.filter(({ destination }) => sideOf(destination, pairs)?.side !== 'canary')
  const hasOthers = kept.some(({ destination }) => sideOf(destination, pairs) === undefined)
  const stable = kept.find(({ destination }) => sideOf(destination, pairs)?.side === 'stable')
  if (!hasOthers && stable?.destination !== undefined) return { single: stable.destination }
  const destinations = kept.map((entry) =>
    sideOf(entry.destination, pairs) === undefined ? entry : { ...entry, weight: entry === stable ? total : 0 },
  )
  return { multi: { destinations } }
}

function weightOf(list: readonly WeightedDestination[], side: Side, pairs: readonly SubsetPair[]): number {
  return list
    .filter(({ destination }) => sideOf(destination, pairs)?.side === side)
    .reduce((sum, { weight }) => sum + (weight ?? 0), 0)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** What a release notes on the VirtualService that it holds. */
import type { Route, VirtualService } from '../kinds/virtual-service.ts'
import type { RouteForm } from '../../../release/model.ts'
import { FORM_ANNOTATION, ORIGINAL_ANNOTATION } from '../../traffic-shift.ts'
import type { SubsetPair } from './subsets.ts'

export type RouteAction = NonNullable<Route['routeAction']>

/** The action of one owned route as it was before. Routes are known by name and matchers, in order of appearance. */
export interface Original {
  readonly key: string
  readonly action: RouteAction
}

export interface Claim {
  readonly pairs: readonly SubsetPair[]
  readonly originals: readonly Original[]
  /** Null: nothing was written yet. */
  readonly form: RouteForm | null
}

const NOTHING: Claim = { pairs: [], originals: [], form: null }

/** Notes that somebody garbled count as absent: what they would tell is then read off the routes. */
export function readClaim({ metadata }: VirtualService): Claim {
  const original = parse(metadata.annotations?.[ORIGINAL_ANNOTATION])
  const form = parse(metadata.annotations?.[FORM_ANNOTATION])
  if (!isNote(original) || !isForm(form)) return NOTHING
  return { pairs: original.pairs, originals: original.originals, form }
}

export function routeKey({ name, matchers }: Route): string {
  return JSON.stringify([name ?? '', matchers ?? []])
}

function parse(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Edited by hand into something that is not JSON.
    return undefined
  }
}

function isNote(value: unknown): value is Pick<Claim, 'pairs' | 'originals'> {
  if (!isRecord(value)) return false
  const { pairs, originals } = value
  return (
    Array.isArray(pairs) &&
    Array.isArray(originals) &&
    pairs.every(
      (pair) =>
        isRecord(pair) && typeof pair['upstream'] === 'string' && isRecord(pair['stable']) && isRecord(pair['canary']),
    ) &&
    originals.every((one) => isRecord(one) && typeof one['key'] === 'string' && isRecord(one['action']))
  )
}

function isForm(value: unknown): value is RouteForm {
  if (!isRecord(value)) return false
  if (value['kind'] === 'promoted') return true
  const { shift } = value
  return (
    value['kind'] === 'shift' &&
    isRecord(shift) &&
    typeof shift['canaryWeight'] === 'number' &&
    Array.isArray(shift['matches'])
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

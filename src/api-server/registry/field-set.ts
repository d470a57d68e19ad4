/**
 * Sets of fields as managedFields write them (FieldsV1): `{"f:spec":{"f:replicas":{}}}`. A leaf is an empty set and stands
 * for everything below it. Documents are in the keyed form throughout.
 */
import { isSameJson } from '../../kube/json-value.ts'
import { isRecord } from './document.ts'
import { keyFieldOf, keyFieldsOf } from './keyed.ts'
import type { Keyed } from './keyed.ts'

export type FieldSet = { readonly [element: string]: FieldSet }

/** The fields of `now` whose values `old` does not have. */
export function changedFields(old: Keyed, now: Keyed): FieldSet {
  const set: Record<string, FieldSet> = {}
  for (const [element, value] of Object.entries(now)) {
    const before = old[element]
    if (isSameJson(before, value)) continue
    const inner = isRecord(value) ? changedFields(isRecord(before) ? before : {}, value) : {}
    // A map is owned by its entries: an empty one by nobody, and one that only lost entries has not changed.
    if (isRecord(value) && isEmpty(inner)) continue
    set[element] = inner
  }
  return set
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const merged: Record<string, FieldSet> = { ...a }
  for (const [element, set] of Object.entries(b)) merged[element] = union(merged[element] ?? {}, set)
  return merged
}

/** `a` without the leaves of `b`. */
export function subtract(a: FieldSet, b: FieldSet): FieldSet {
  const rest: Record<string, FieldSet> = {}
  for (const [element, set] of Object.entries(a)) {
    const taken = b[element]
    const left = taken === undefined ? set : isEmpty(taken) ? undefined : subtract(set, taken)
    if (left !== undefined && (isEmpty(set) ? taken === undefined : !isEmpty(left))) rest[element] = left
  }
  return rest
}

export function intersect(a: FieldSet, present: FieldSet): FieldSet {
  const rest: Record<string, FieldSet> = {}
  for (const [element, set] of Object.entries(a)) {
    const there = present[element]
    if (there === undefined) continue
    const both = intersect(set, there)
    if (isEmpty(set) || !isEmpty(both)) rest[element] = both
  }
  return rest
}

export function isEmpty(set: FieldSet): boolean {
  return Object.keys(set).length === 0
}

/** The elements on the way to each leaf. */
export function leavesOf(set: FieldSet, path: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(set).flatMap(([element, inner]) => {
    const here = [...path, element]
    return isEmpty(inner) ? [here] : leavesOf(inner, here)
  })
}

/** The set of the leaves, built in place: a union for each would copy all that came before it. */
export function setOf(leaves: readonly (readonly string[])[]): FieldSet {
  const root: BuiltSet = {}
  for (const leaf of leaves) {
    let at = root
    for (const element of leaf) at = at[element] ??= {}
  }
  return root
}

interface BuiltSet {
  [element: string]: BuiltSet
}

export function valueAt(document: Keyed | undefined, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, element) => (isRecord(value) && Object.hasOwn(value, element) ? value[element] : undefined),
    document,
  )
}

/** The document without the leaves, and without the maps that this leaves empty. */
export function withoutFields(document: Keyed, set: FieldSet): Keyed {
  const rest: Record<string, unknown> = { ...document }
  for (const [element, inner] of Object.entries(set)) {
    const value = rest[element]
    const left = isWhole(element, inner) || !isRecord(value) ? undefined : withoutFields(value, inner)
    if (left === undefined || Object.keys(left).length === 0) delete rest[element]
    else rest[element] = left
  }
  return rest
}

/** Of the document what is in the set; items of lists keep the fields that tell them apart. */
export function onlyFields(document: Keyed, set: FieldSet): Keyed {
  const kept = Object.entries(set).flatMap(([element, inner]) => {
    const value = document[element]
    if (value === undefined) return []
    const isLeaf = isEmpty(inner) || !isRecord(value)
    return [[element, isLeaf ? value : { ...keyFieldsOf(element), ...onlyFields(value, inner) }] as const]
  })
  return Object.fromEntries(kept)
}

/** An item whose key nobody wants any more goes with all that defaults have put into it. */
function isWhole(element: string, inner: FieldSet): boolean {
  const keyField = keyFieldOf(element)
  return isEmpty(inner) || (keyField !== undefined && inner[keyField] !== undefined)
}

/** Maps are merged, everything else replaced. */
export function mergeFields(document: Keyed, changes: Keyed): Keyed {
  const merged: Record<string, unknown> = { ...document }
  for (const [element, value] of Object.entries(changes)) {
    const before = merged[element]
    merged[element] = isRecord(value) && isRecord(before) ? mergeFields(before, value) : value
  }
  return merged
}

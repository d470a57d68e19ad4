/**
 * Sets of fields as managedFields write them (FieldsV1): `{"f:spec":{"f:replicas":{}}}`. A leaf is an empty set and stands
 * for everything below it. Lists are leaves, also where Kubernetes would look inside.
 */
import { isSameJson } from '../../kube/json-value.ts'
import { isRecord } from './document.ts'

export type FieldSet = { readonly [element: string]: FieldSet }

type Json = Readonly<Record<string, unknown>>

/** The fields of `now` whose values `old` does not have. */
export function changedFields(
  old: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): FieldSet {
  const set: Record<string, FieldSet> = {}
  for (const [name, value] of Object.entries(now)) {
    if (value === undefined || value === null || isSameJson(old[name], value)) continue
    const before = old[name]
    const inner = isRecord(value) ? changedFields(isRecord(before) ? before : {}, value) : {}
    // A map is owned by its entries: an empty one by nobody, and one that only lost entries has not changed.
    if (isRecord(value) && isEmpty(inner)) continue
    set[`f:${name}`] = inner
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

/** The names on the way to each leaf. */
export function leavesOf(set: FieldSet, path: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(set).flatMap(([element, inner]) => {
    const here = [...path, element.slice('f:'.length)]
    return isEmpty(inner) ? [here] : leavesOf(inner, here)
  })
}

export function setOf(leaves: readonly (readonly string[])[]): FieldSet {
  return leaves.reduce<FieldSet>((set, leaf) => union(set, branchOf(leaf)), {})
}

function branchOf(leaf: readonly string[]): FieldSet {
  return leaf.reduceRight<FieldSet>((inner, name) => ({ [`f:${name}`]: inner }), {})
}

export function valueAt(document: unknown, path: readonly string[]): unknown {
  return path.reduce(
    (value, name) => (isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    document,
  )
}

/** The document without the leaves, and without the maps that this leaves empty. */
export function withoutFields(document: Json, set: FieldSet): Json {
  const rest: Record<string, unknown> = { ...document }
  for (const [element, inner] of Object.entries(set)) {
    const name = element.slice('f:'.length)
    const value = rest[name]
    const left = isEmpty(inner) || !isRecord(value) ? undefined : withoutFields(value, inner)
    if (left === undefined || Object.keys(left).length === 0) delete rest[name]
    else rest[name] = left
  }
  return rest
}

/** Maps are merged, everything else replaced. */
export function mergeFields(document: Json, changes: Json): Json {
  const merged: Record<string, unknown> = { ...document }
  for (const [name, value] of Object.entries(changes)) {
    const before = merged[name]
    merged[name] = isRecord(value) && isRecord(before) ? mergeFields(before, value) : value
  }
  return merged
}

/**
 * Strategic merge patch: a merge patch that knows which lists are keyed and merges those item by item. Pure.
 * Source: Kubernetes' documentation "Update API Objects in Place Using kubectl patch" and sig-api-machinery's notes.
 *
 * Directives: `$patch: replace|delete|merge` in an object or list item; `$retainKeys: [names]` clears what is not
 * named; `$deleteFromPrimitiveList/<list>: [values]`; `$setElementOrder/<list>: [values or keys]`.
 */
import type { JsonObject } from './json-value.ts'
import { entryOf, isJsonArray, isJsonObject, jsonTypeOf } from './json-value.ts'
import { PatchError } from './patch-error.ts'
import { inPatchOrder } from './strategic-patch/order.ts'
import type { ItemKey } from './strategic-patch/order.ts'
import type { ListStrategy, PatchSchema } from './strategic-patch/schema.ts'
import { DELETE_LIST, ELEMENT_ORDER } from './strategic-patch/schema.ts'

export { createStrategicPatch } from './strategic-patch/create.ts'
export type { ListStrategy, PatchSchema } from './strategic-patch/schema.ts'
export { UNKNOWN_SCHEMA } from './strategic-patch/schema.ts'

/**
 * The document with the patch merged in.
 * @throws PatchError
 */
export function applyStrategicPatch(document: unknown, patch: unknown, schema: PatchSchema): unknown {
  if (!isJsonObject(patch)) {
    throw new PatchError('Malformed', `a strategic merge patch is an object, not ${jsonTypeOf(patch)}`)
  }
  return mergeObject(isJsonObject(document) ? document : {}, patch, schema)
}

function mergeObject(target: JsonObject, patch: JsonObject, schema: PatchSchema): JsonObject {
  const { $patch: directive, $retainKeys: retained, ...rest } = patch
  switch (directive) {
    case 'delete':
      return {}
    case 'replace':
      return mergeFields({}, rest, schema)
    case 'merge':
    case undefined:
      return mergeFields(retained === undefined ? target : retain(target, rest, retained), rest, schema)
    default:
      throw new PatchError('Malformed', `unknown patch type found: ${JSON.stringify(directive)}`)
  }
}

function retain(target: JsonObject, patch: JsonObject, retained: unknown): JsonObject {
  const names = new Set(listIn(retained, '$retainKeys'))
  const stray = Object.keys(patch).find((name) => !name.startsWith('$') && patch[name] !== null && !names.has(name))
  if (stray !== undefined) {
    throw new PatchError('Malformed', `$retainKeys lacks "${stray}", which the patch sets`)
  }
  return Object.fromEntries(Object.entries(target).filter(([name]) => names.has(name)))
}

function mergeFields(target: JsonObject, patch: JsonObject, schema: PatchSchema): JsonObject {
  const result = new Map(Object.entries(target))
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith(DELETE_LIST)) removeFrom(result, name, listIn(value, name))
    else if (name.startsWith(ELEMENT_ORDER)) reorder(result, patch, name, schema)
    else if (name.startsWith('$')) throw new PatchError('Malformed', `unknown directive "${name}"`)
    else if (value === null) result.delete(name)
    else result.set(name, mergeValue(result.get(name), value, schema.child(name), orderOf(patch, name)))
  }
  return Object.fromEntries(result)
}

/** `order`: what `$setElementOrder` says about the list, if the value is one. */
function mergeValue(target: unknown, value: unknown, schema: PatchSchema, order: Order): unknown {
  if (isJsonObject(value)) return mergeObject(isJsonObject(target) ? target : {}, value, schema)
  if (!isJsonArray(value)) return value
  const { list } = schema
  if (list.kind === 'atomic') return value
  const before = isJsonArray(target) ? target : []
  const keyOf = keyReader(list)
  const merged = list.kind === 'set' ? mergeSet(before, value) : mergeItems(before, value, list)
  const patched = value.filter((item) => !isDirective(item)).map(keyOf)
  const wanted = order === undefined ? patched : order.map(keyOf)
  if (order !== undefined) requireSameOrder(patched, wanted)
  return inPatchOrder(merged, { keyOf, wanted, before: before.map(keyOf) })
}

function mergeSet(before: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  return [...new Set([...before, ...patch])]
}

type KeyedList = Extract<ListStrategy, { kind: 'keyed' }>

function mergeItems(before: readonly unknown[], patch: readonly unknown[], list: KeyedList): readonly unknown[] {
  const keyOf = keyReader(list)
  const directives = patch.filter(isDirective)
  const deleted = new Set(directives.filter((item) => item['$patch'] === 'delete').map(keyOf))
  const isReplaced = directives.some((item) => item['$patch'] === 'replace')
  const result = isReplaced ? [] : before.filter((item) => !deleted.has(keyOf(item)))
  // The first item of each key.
  const existing = new Map(result.map((item, at) => [keyOf(item), at] as const).toReversed())
  for (const item of patch) {
    if (isDirective(item)) continue
    const key = keyOf(item)
    // Only what was there is merged into: two new items of one key (a port over TCP and UDP) are both kept.
    const at = existing.get(key) ?? result.length
    result[at] = mergeValue(result[at], item, list.items, undefined)
  }
  return result
}

/** Items that say what to do instead of being merged. */
function isDirective(item: unknown): item is JsonObject {
  if (!isJsonObject(item) || item['$patch'] === undefined) return false
  if (item['$patch'] === 'delete' || item['$patch'] === 'replace') return true
  throw new PatchError('Malformed', `unknown patch type found in a list: ${JSON.stringify(item['$patch'])}`)
}

function keyReader(list: ListStrategy): (item: unknown) => ItemKey {
  if (list.kind !== 'keyed') return (item) => JSON.stringify(item)
  return (item) => {
    const value = isJsonObject(item) ? entryOf(item, list.key) : undefined
    if (value !== undefined) return JSON.stringify(value)
    if (isJsonObject(item) && item['$patch'] === 'replace') return ''
    throw new PatchError(
      'Malformed',
      `an item of a list that is merged by "${list.key}" has no ${list.key}: ${JSON.stringify(item)}`,
    )
  }
}

type Order = readonly unknown[] | undefined

function orderOf(patch: JsonObject, name: string): Order {
  const order = entryOf(patch, ELEMENT_ORDER + name)
  return order === undefined ? undefined : listIn(order, ELEMENT_ORDER + name)
}

function requireSameOrder(patched: readonly ItemKey[], wanted: readonly ItemKey[]): void {
  const named = new Set(patched)
  const inOrder = wanted.filter((key) => named.has(key))
  if (inOrder.length === patched.length && inOrder.every((key, at) => key === patched[at])) return
  throw new PatchError(
    'Malformed',
    `the order in patch list: [${patched.join(', ')}] doesn't match $setElementOrder list: [${wanted.join(', ')}]`,
  )
}

/** An order without a patch of the list itself: the list is sorted only. */
function reorder(result: Map<string, unknown>, patch: JsonObject, directive: string, schema: PatchSchema): void {
  const name = directive.slice(ELEMENT_ORDER.length)
  const items = result.get(name)
  const { list } = schema.child(name)
  if (Array.isArray(patch[name]) || !isJsonArray(items) || list.kind === 'atomic') return
  const keyOf = keyReader(list)
  const before = items.map(keyOf)
  result.set(name, inPatchOrder(items, { keyOf, wanted: (orderOf(patch, name) ?? []).map(keyOf), before }))
}

function removeFrom(result: Map<string, unknown>, directive: string, values: readonly unknown[]): void {
  const name = directive.slice(DELETE_LIST.length)
  const items = result.get(name)
  if (!isJsonArray(items)) return
  const removed = new Set(values)
  result.set(
    name,
    items.filter((item) => !removed.has(item)),
  )
}

function listIn(value: unknown, directive: string): readonly unknown[] {
  if (isJsonArray(value)) return value
  throw new PatchError('Malformed', `${directive} must be a list, not ${jsonTypeOf(value)}`)
}

/** Making strategic merge patches: what client-side apply sends. */
import type { JsonObject } from '../json-value.ts'
import { entryOf, isJsonArray, isJsonObject, isSameJson } from '../json-value.ts'
import type { ListStrategy, PatchSchema } from './schema.ts'
import { DELETE_LIST, ELEMENT_ORDER } from './schema.ts'

/**
 * The patch that brings `current` (the live object) to what the user's file says now (`modified`), and removes what the
 * file said at its last application (`original`) and says no more. What only others wrote is left alone.
 * `{}` when there is nothing to do.
 */
export function createStrategicPatch(
  original: unknown,
  modified: JsonObject,
  current: JsonObject,
  schema: PatchSchema,
): JsonObject {
  const before = isJsonObject(original) ? original : {}
  const names = Object.keys(modified).filter((name) => !isAbsent(modified[name]))
  const gone = Object.keys({ ...before, ...modified }).filter((name) => isAbsent(entryOf(modified, name)))
  const changed = names.flatMap((name) =>
    fieldPatch(name, schema.child(name), {
      before: entryOf(before, name),
      wanted: modified[name],
      live: entryOf(current, name),
    }),
  )
  const removed = gone.filter((name) => !isAbsent(entryOf(current, name))).map((name): Entry => [name, null])
  const entries = [...changed, ...removed]
  const isUnion = schema.retainKeys && entries.length > 0
  return Object.fromEntries(isUnion ? [...entries, ['$retainKeys', names.toSorted()]] : entries)
}

type Entry = readonly [name: string, value: unknown]

interface States {
  readonly before: unknown
  readonly wanted: unknown
  readonly live: unknown
}

function fieldPatch(name: string, schema: PatchSchema, { before, wanted, live }: States): readonly Entry[] {
  if (isJsonObject(wanted) && isJsonObject(live)) {
    const inner = createStrategicPatch(before, wanted, live, schema)
    return Object.keys(inner).length === 0 ? [] : [[name, inner]]
  }
  if (isJsonArray(wanted) && isJsonArray(live) && schema.list.kind !== 'atomic') {
    const lists = { before: isJsonArray(before) ? before : [], wanted, live }
    return schema.list.kind === 'set' ? setPatch(name, lists) : keyedPatch(name, lists, schema.list)
  }
  return isSameJson(wanted, live) ? [] : [[name, wanted]]
}

interface Lists {
  readonly before: readonly unknown[]
  readonly wanted: readonly unknown[]
  readonly live: readonly unknown[]
}

function setPatch(name: string, { before, wanted, live }: Lists): readonly Entry[] {
  const [isWanted, isLive] = [new Set(wanted), new Set(live)]
  const added = wanted.filter((item) => !isLive.has(item))
  const removed = before.filter((item) => !isWanted.has(item) && isLive.has(item))
  if (added.length === 0 && removed.length === 0 && isSameOrder(wanted, live)) return []
  return [
    ...(added.length === 0 ? [] : [[name, added] as const]),
    ...(removed.length === 0 ? [] : [[DELETE_LIST + name, removed] as const]),
    [ELEMENT_ORDER + name, wanted],
  ]
}

type KeyedList = Extract<ListStrategy, { kind: 'keyed' }>

function keyedPatch(name: string, lists: Lists, { key, items }: KeyedList): readonly Entry[] {
  const { before, wanted, live } = lists
  const keyOf = (item: unknown): unknown => (isJsonObject(item) ? entryOf(item, key) : undefined)
  if (!hasDistinctKeys(wanted.map(keyOf)) || !hasDistinctKeys(live.map(keyOf))) {
    // Ports of one number over TCP and UDP have one key: item by item, one would be merged into the other.
    return isInPlace(lists, { key, items }) ? [] : [[name, [...wanted, { $patch: 'replace' }]]]
  }
  const byKey = (list: readonly unknown[]): ReadonlyMap<unknown, unknown> =>
    new Map(list.map((item) => [keyOf(item), item] as const).toReversed())
  const at = { wanted: byKey(wanted), live: byKey(live), before: byKey(before) }
  const changed = wanted.flatMap((item) =>
    itemPatch(item, at.live.get(keyOf(item)), at.before.get(keyOf(item)), { key, items }),
  )
  const removed = before.filter((item) => !at.wanted.has(keyOf(item)) && at.live.has(keyOf(item)))
  const keysOf = (list: readonly unknown[]): unknown[] => list.map(keyOf)
  if (changed.length === 0 && removed.length === 0 && isSameOrder(keysOf(wanted), keysOf(live))) return []
  const patch = [...changed, ...removed.map((item) => ({ $patch: 'delete', [key]: keyOf(item) }))]
  return [
    ...(patch.length === 0 ? [] : [[name, patch] as const]),
    [ELEMENT_ORDER + name, wanted.map((item) => ({ [key]: keyOf(item) }))],
  ]
}

function itemPatch(
  wanted: unknown,
  live: unknown,
  before: unknown,
  { key, items }: Pick<KeyedList, 'key' | 'items'>,
): readonly unknown[] {
  if (!isJsonObject(wanted) || !isJsonObject(live)) return [wanted]
  const inner = createStrategicPatch(before, wanted, live, items)
  return Object.keys(inner).length === 0 ? [] : [{ ...inner, [key]: wanted[key] }]
}

/** Whether each item that is wanted is there already, at its place, with what the server has added to it. */
function isInPlace({ before, wanted, live }: Lists, list: Pick<KeyedList, 'key' | 'items'>): boolean {
  return (
    wanted.length === live.length &&
    wanted.every((item, at) => isSameJson(item, live[at]) || isContained(item, live[at], before[at], list))
  )
}

function isContained(wanted: unknown, live: unknown, before: unknown, list: Pick<KeyedList, 'key' | 'items'>): boolean {
  return isJsonObject(wanted) && isJsonObject(live) && itemPatch(wanted, live, before, list).length === 0
}

function hasDistinctKeys(keys: readonly unknown[]): boolean {
  return !keys.includes(undefined) && new Set(keys).size === keys.length
}

/** Whether what both lists have stands in the same order. */
function isSameOrder(wanted: readonly unknown[], live: readonly unknown[]): boolean {
  const [isWanted, isLive] = [new Set(wanted), new Set(live)]
  const common = wanted.filter((item) => isLive.has(item))
  return live.filter((item) => isWanted.has(item)).every((item, at) => item === common[at])
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

/**
 * What changed from one list of named items to the next. Items are compared by identity first: whoever makes the lists keeps
 * the objects that did not change. Names need not be unique, because a list that is wrong must arrive as it is.
 */

export interface ListDelta<Item> {
  /** From `at` on these names went and those came. Absent: the same names in the same order. */
  readonly names?: { readonly at: number; readonly gone: readonly string[]; readonly now: readonly string[] }
  /** New or changed, each with its place in the new list. */
  readonly items: readonly Placed<Item>[]
}

export type Placed<Item> = readonly [at: number, item: Item]

/** An item that is new (`before` undefined) or another object than before, with its place in the new list. */
export interface Change<Item> {
  readonly at: number
  readonly before: Item | undefined
  readonly after: Item
}

/** The base is not the list that the delta was made for. */
export class ListDeltaError extends Error {}

/** The names that went and came, and the pairs of objects that differ; `nameOf` names an item. */
export function compareLists<Item>(
  before: readonly Item[],
  after: readonly Item[],
  nameOf: (item: Item) => string,
): { readonly names: ListDelta<Item>['names']; readonly changes: readonly Change<Item>[] } {
  const changes: Change<Item>[] = []
  /** Whether the two have the same name. */
  const goOn = (old: Item, item: Item, at: number): boolean => {
    if (old === item) return true
    if (nameOf(old) !== nameOf(item)) return false
    changes.push({ at, before: old, after: item })
    return true
  }
  const shared = Math.min(before.length, after.length)
  let start = 0
  while (start < shared && goOn(before[start] as Item, after[start] as Item, start)) start++
  let [oldEnd, end] = [before.length, after.length]
  while (Math.min(oldEnd, end) > start && goOn(before[oldEnd - 1] as Item, after[end - 1] as Item, end - 1)) {
    oldEnd--
    end--
  }
  if (oldEnd === start && end === start) return { names: undefined, changes }
  const gone = before.slice(start, oldEnd)
  const came = after.slice(start, end)
  const known = new Map(gone.map((item) => [nameOf(item), item]))
  for (const [index, item] of came.entries()) {
    const old = known.get(nameOf(item))
    if (old !== item) changes.push({ at: start + index, before: old, after: item })
  }
  return { names: { at: start, gone: gone.map(nameOf), now: came.map(nameOf) }, changes }
}

/** Undefined: nothing changed. */
export function listDelta<Item>(
  before: readonly Item[],
  after: readonly Item[],
  nameOf: (item: Item) => string,
): ListDelta<Item> | undefined {
  if (before === after) return undefined
  const { names, changes } = compareLists(before, after, nameOf)
  const items = changes.flatMap(({ at, before: old, after: item }): Placed<Item>[] =>
    isSameText(old, item) ? [] : [[at, item]],
  )
  return newListDelta(names, items)
}

/** Undefined: it changes nothing. */
export function newListDelta<Item>(
  names: ListDelta<Item>['names'],
  items: readonly Placed<Item>[],
): ListDelta<Item> | undefined {
  if (names === undefined && items.length === 0) return undefined
  return { ...(names === undefined ? {} : { names }), items }
}

/**
 * The list after the delta; what it does not name is the same object as before. `merge` makes an item of what was sent and of
 * what had its name before. Throws `ListDeltaError`.
 */
export function applyListDelta<Item, Sent>(
  before: readonly Item[],
  { names, items }: ListDelta<Sent>,
  by: { readonly nameOf: (item: Item) => string; readonly merge: (sent: Sent, old: Item | undefined) => Item },
): readonly Item[] {
  const next = names === undefined ? [...before] : withNames(before, names, by.nameOf)
  for (const [at, sent] of items) {
    if (at >= next.length) throw new ListDeltaError(`there is no place ${at}`)
    next[at] = by.merge(sent, next[at])
  }
  if (names !== undefined && next.includes(undefined)) throw new ListDeltaError('an item is missing')
  return next as Item[]
}

function withNames<Item>(
  before: readonly Item[],
  { at, gone, now }: NonNullable<ListDelta<Item>['names']>,
  nameOf: (item: Item) => string,
): (Item | undefined)[] {
  const went = before.slice(at, at + gone.length)
  if (went.length !== gone.length || went.some((item, index) => nameOf(item) !== gone[index])) {
    throw new ListDeltaError('other names went')
  }
  const known = new Map(went.map((item) => [nameOf(item), item]))
  return [...before.slice(0, at), ...now.map((name) => known.get(name)), ...before.slice(at + gone.length)]
}

/** Cheap where the objects are new for no reason, and never wrong: another order of keys counts as a change. */
export function isSameText(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

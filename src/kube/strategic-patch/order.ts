/** The order of a merged list: the patch decides among what it names, the document among the rest. */

/** What identifies an item: the JSON of its merge key, or of the item itself in a set. */
export type ItemKey = string

/**
 * Items that `wanted` names come in its order; the others keep their own. Where both meet, an item that stood before
 * the other in the document (`before`) stays before it; what is new to the document comes first.
 */
export function inPatchOrder<T>(
  items: readonly T[],
  options: {
    readonly keyOf: (item: T) => ItemKey
    readonly wanted: readonly ItemKey[]
    readonly before: readonly ItemKey[]
  },
): readonly T[] {
  const { keyOf } = options
  const wantedAt = positions(options.wanted)
  const beforeAt = positions(options.before)
  const at = (item: T): number => wantedAt.get(keyOf(item)) ?? -1
  const named = items.filter((item) => at(item) >= 0).toSorted((a, b) => at(a) - at(b))
  const others = items.filter((item) => at(item) < 0)
  const isOtherFirst = (other: T, next: T): boolean =>
    (beforeAt.get(keyOf(other)) ?? Infinity) < (beforeAt.get(keyOf(next)) ?? -1)
  return interleave(named, others, isOtherFirst)
}

function interleave<T>(named: readonly T[], others: readonly T[], isOtherFirst: (other: T, next: T) => boolean): T[] {
  const result: T[] = []
  let taken = 0
  for (const next of named) {
    for (let other = others[taken]; other !== undefined && isOtherFirst(other, next); other = others[taken]) {
      result.push(other)
      taken += 1
    }
    result.push(next)
  }
  return [...result, ...others.slice(taken)]
}

/** The first position of each key. */
function positions(keys: readonly ItemKey[]): ReadonlyMap<ItemKey, number> {
  return new Map(keys.map((key, index) => [key, index] as const).toReversed())
}

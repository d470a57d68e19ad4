/** Cells that several kinds' tables share. */

/** `a,b,c + 2 more...`; `empty` for none. */
export function shortList(items: readonly string[], shown: number, empty = '<none>'): string {
  if (items.length === 0) return empty
  const list = items.slice(0, shown).join(',')
  return items.length <= shown ? list : `${list} + ${items.length - shown} more...`
}

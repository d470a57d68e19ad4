/** Which of the known names was meant, if one is near enough. */

const DISTANCE_MAX = 2

export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .filter((each) => Math.abs(each.length - name.length) <= DISTANCE_MAX)
    .map((each) => ({ each, distance: distance(name.toLowerCase(), each.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
  const isNear = best !== undefined && best.distance <= Math.min(DISTANCE_MAX, best.each.length - 1)
  return isNear ? best.each : undefined
}

/** How many letters must be put in, taken out or changed (Levenshtein), one row of the table at a time. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of from.split('').entries()) {
    let left = index + 1
    const next = [left]
    for (let column = 1; column <= to.length; column++) {
      const changed = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1)
      left = Math.min(changed, left + 1, (row[column] ?? 0) + 1)
      next.push(left)
    }
    row = next
  }
  return row.at(-1) ?? 0
}

/** Equality of JSON, whatever the order of the keys. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const [a, b] = [entriesOf(left), entriesOf(right)]
  return a.size === b.size && [...a].every(([key, value]) => b.has(key) && isEqual(value, b.get(key)))
}

/** An absent field and an undefined one are the same JSON. */
function entriesOf(value: object): Map<string, unknown> {
  return new Map(Object.entries(value).filter(([, inner]) => inner !== undefined))
}

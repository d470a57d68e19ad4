/** Looking at parsed JSON. */

/** A JSON object. Keys are read with `Object.hasOwn` where they come from outside. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isJsonArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

/** The entry of that very object: never what its prototype has under the name. */
export function entryOf(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** Equal as JSON: the order of keys does not matter, and `undefined` entries count as absent. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isJsonArray(a)) return isJsonArray(b) && a.length === b.length && a.every((item, at) => isSameJson(item, b[at]))
  return isJsonObject(a) && isJsonObject(b) && hasSameEntries(a, b)
}

function hasSameEntries(a: JsonObject, b: JsonObject): boolean {
  const names = presentNames(a)
  return (
    names.length === presentNames(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSameJson(a[name], b[name]))
  )
}

function presentNames(object: JsonObject): string[] {
  return Object.keys(object).filter((name) => object[name] !== undefined)
}

/** What kind of JSON it is, for messages. */
export function jsonTypeOf(value: unknown): 'null' | 'array' | 'object' | 'string' | 'number' | 'boolean' {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  const type = typeof value
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object'
}

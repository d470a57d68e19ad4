/** JSON Merge Patch (RFC 7386), and its three-way form for applying files over objects that others edit too. */
import type { JsonObject } from './json-value.ts'
import { entryOf, isJsonObject, isSameJson } from './json-value.ts'

/** The document with the patch merged in: objects field by field, null removes, anything else replaces. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  const result = new Map(Object.entries(isJsonObject(document) ? document : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name)
    else result.set(name, applyMergePatch(result.get(name), value))
  }
  return Object.fromEntries(result)
}

/**
 * The merge patch that brings `current` (the live object) to what the user's file says now (`modified`), and removes
 * what the file said at its last application (`original`) and says no more. What only others wrote is left alone.
 */
export function threeWayMergePatch(original: unknown, modified: JsonObject, current: JsonObject): JsonObject {
  return Object.fromEntries([...changes(original, modified, current), ...removals(original, modified, current)])
}

function* changes(original: unknown, modified: JsonObject, current: JsonObject): Iterable<[string, unknown]> {
  const before = isJsonObject(original) ? original : {}
  for (const [name, wanted] of Object.entries(modified)) {
    const live = entryOf(current, name)
    if (isJsonObject(wanted) && isJsonObject(live)) {
      const inner = threeWayMergePatch(entryOf(before, name), wanted, live)
      if (Object.keys(inner).length > 0) yield [name, inner]
    } else if (!isSameJson(wanted ?? undefined, live ?? undefined)) {
      yield [name, wanted]
    }
  }
}

function* removals(original: unknown, modified: JsonObject, current: JsonObject): Iterable<[string, null]> {
  if (!isJsonObject(original)) return
  for (const name of Object.keys(original)) {
    if (entryOf(modified, name) === undefined && entryOf(current, name) !== undefined) yield [name, null]
  }
}

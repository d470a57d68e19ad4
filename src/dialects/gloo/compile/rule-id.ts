/**
 * Names of rules that stay the same when other rules come and go around them: a rule is its name, or what it matches.
 * So a split goes on counting where it was when a header rule is put in front of it.
 */
import type { Route } from '../kinds/virtual-service.ts'

/** One id per route, in order, unique within the object. */
export function ruleIds(owner: string, routes: readonly Route[]): readonly string[] {
  const seen = new Map<string, number>()
  return routes.map((route) => {
    const id = `${owner}/${route.name ?? ''}#${fingerprint(route)}`
    const count = (seen.get(id) ?? 0) + 1
    seen.set(id, count)
    return count === 1 ? id : `${id}.${count}`
  })
}

function fingerprint({ name = '', matchers = [] }: Route): string {
  return name === '' ? fnv1a(JSON.stringify(matchers)) : 'named'
}

/** 32 bits, Fowler-Noll-Vo: two rules with the same number are told apart by counting. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash.toString(16).padStart(8, '0')
}

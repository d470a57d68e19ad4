/** CORS that cannot do what it is written for: preflights that no route takes, and wildcards beside credentials (Fetch standard). */
import type { Match } from '../match-model.ts'
import type { Route } from '../route-model.ts'

/** A browser asks for leave first, by OPTIONS, before it sends others (Fetch, CORS-safelisted method). */
const WITHOUT_PREFLIGHT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST'])

/** Whether browsers would ask `route` first, and none of the routes with CORS takes what they ask. `routes`: of its virtual host. */
export function lacksPreflight({ match, policy }: Route, routes: readonly Route[]): boolean {
  const { methods } = match
  if (policy.cors === undefined || methods.length === 0) return false
  const asksFirst = policy.cors.allowHeaders.length > 0 || methods.some((method) => !WITHOUT_PREFLIGHT.has(method))
  return asksFirst && !routes.some((other) => other.policy.cors !== undefined && takesPreflight(other.match, match))
}

/** Whether the preflights of what `asked` matches get to `match`: surely not only where this is false. */
function takesPreflight({ path, methods }: Match, asked: Match): boolean {
  if (methods.length > 0 && !methods.includes('OPTIONS')) return false
  if (path.kind === 'regex' || asked.path.kind === 'regex' || !path.caseSensitive) return true
  return path.kind === 'exact' ? path.value === asked.path.value : asked.path.value.startsWith(path.value)
}

/** The place of the wildcard that no browser takes for one; -1: there is none. */
export function exposedWildcard({ policy: { cors } }: Route): number {
  return cors?.allowCredentials === true ? cors.exposeHeaders.indexOf('*') : -1
}

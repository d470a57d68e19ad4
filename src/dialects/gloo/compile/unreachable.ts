/** Rules that no request can reach, because an earlier rule takes all that they match. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { Match } from '../../../routing/match-model.ts'
import type { Route } from '../../../routing/route-model.ts'
import { warningAt } from './findings.ts'

/** Sure findings only: the earlier match must ask for nothing but a path. */
export function findUnreachable(routes: readonly Route[]): readonly Diagnostic[] {
  return routes.flatMap((route, index) => {
    const taker = routes.slice(0, index).find((earlier) => takesAll(earlier.match, route.match))
    if (taker === undefined) return []
    const { rule, match } = route.origin
    const path = `spec.virtualHost.routes[${rule}].matchers[${match}]`
    const earlier = `routes[${taker.origin.rule}].matchers[${taker.origin.match}]`
    return [
      warningAt(path, 'unreachable', `No request can reach this: ${earlier} takes all of them. Put it before that one`),
    ]
  })
}

function takesAll(earlier: Match, later: Match): boolean {
  if (earlier.headers.length + earlier.query.length + earlier.methods.length > 0) return false
  // Who names no method does not take this one.
  if (later.methods.includes('CONNECT')) return false
  const { kind, value, caseSensitive } = earlier.path
  if (kind === 'prefix' && value === '/') return true
  if (!caseSensitive || later.path.kind === 'regex') return false
  if (kind === 'prefix') return later.path.caseSensitive && later.path.value.startsWith(value)
  return kind === 'exact' && later.path.kind === 'exact' && later.path.caseSensitive && later.path.value === value
}

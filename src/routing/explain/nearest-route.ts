/** Where no route matched: the one that the request missed by the least. */
import type { PreparedHost } from '../decide.ts'
import type { FailedCondition, NearestRoute } from '../explanation.ts'
import type { RequestView } from '../match.ts'

import { failedConditions } from './conditions.ts'

/** The first one of the fewest failures; undefined: the host has no routes. */
export function nearestRoute({ routes }: PreparedHost, request: RequestView): NearestRoute | undefined {
  let best: { readonly route: PreparedHost['routes'][number]; readonly failed: readonly FailedCondition[] } | undefined
  for (const route of routes) {
    const failed = [...failedConditions(route, request)]
    if (best === undefined || failed.length < best.failed.length) best = { route, failed }
  }
  if (best === undefined) return undefined
  const { id, origin } = best.route.route
  return { route: id, origin, failed: best.failed }
}

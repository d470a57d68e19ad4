/** Where no route matched: the one that the request missed by the least. */
import type { PreparedHost } from '../decide.ts'
import type { FailedCondition, NearestRoute } from '../explanation.ts'
import type { RequestView } from '../match.ts'

import { failedConditions } from './conditions.ts'

type Route = PreparedHost['routes'][number]

interface Miss {
  readonly route: Route
  readonly failed: readonly FailedCondition[]
}

/** Of the fewest conditions that fail, and where several have that, the most that hold; undefined: the host has no routes. */
export function nearestRoute({ routes }: PreparedHost, request: RequestView): NearestRoute | undefined {
  let best: Miss | undefined
  for (const route of routes) {
    const miss = { route, failed: [...failedConditions(route, request)] }
    if (best === undefined || isNearer(miss, best)) best = miss
  }
  if (best === undefined) return undefined
  const { id, origin } = best.route.route
  return { route: id, origin, failed: best.failed }
}

function isNearer(miss: Miss, than: Miss): boolean {
  const [fewer, more] = [miss.failed.length, than.failed.length]
  return fewer === more ? miss.route.tests.length > than.route.tests.length : fewer < more
}

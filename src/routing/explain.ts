/** Says why a request takes the route it takes: which host it fell under, and what each route before it asked for. */
import { findHost } from './decide.ts'
import type { PreparedTable } from './decide.ts'
import type { RequestView } from './match.ts'
import type { Origin } from './model.ts'

export interface Explanation {
  /** Undefined: no virtual host has a domain for the request's host. */
  readonly virtualHost?: string
  /** Id of the route that is taken; undefined: none matched. */
  readonly taken?: string
  /** The routes looked at, in order, up to the one taken. */
  readonly considered: readonly ConsideredRoute[]
}

interface ConsideredRoute {
  readonly route: string
  readonly origin: Origin
  readonly matched: boolean
  /** The first condition that did not hold. */
  readonly failed?: string
}

const NO_TUNNEL = { text: 'methods name CONNECT' }

export function explain(table: PreparedTable, request: RequestView): Explanation {
  const host = findHost(table, request.host)
  if (host === undefined) return { considered: [] }
  const considered: ConsideredRoute[] = []
  for (const { route, tests, tunnels } of host.routes) {
    const failed = request.method === 'CONNECT' && !tunnels ? NO_TUNNEL : tests.find((test) => !test.holds(request))
    const seen = { route: route.id, origin: route.origin }
    if (failed === undefined) {
      considered.push({ ...seen, matched: true })
      return { virtualHost: host.virtualHost.name, taken: route.id, considered }
    }
    considered.push({ ...seen, matched: false, failed: failed.text })
  }
  return { virtualHost: host.virtualHost.name, considered }
}

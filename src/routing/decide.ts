/** Finds the route of a request. `prepareRouteTable` does the work once per snapshot, so that `decide` allocates nothing. */
import { finish } from '../base/steps.ts'
import type { Steps } from '../base/steps.ts'

import { compileMatch } from './match.ts'
import type { MatchTest, RequestView } from './match.ts'
import type { Route, RouteTable, VirtualHost } from './route-model.ts'

/** A route table made ready for `decide`. Immutable. */
export interface PreparedTable {
  readonly exact: ReadonlyMap<string, PreparedHost>
  /** By length of the suffix, longest first. */
  readonly suffixes: readonly { readonly length: number; readonly hosts: ReadonlyMap<string, PreparedHost> }[]
  readonly any: PreparedHost | undefined
  readonly unknownHost: NonNullable<RouteTable['unknownHost']>
  /** All routes; `PreparedRoute.index` points here. */
  readonly routes: readonly PreparedRoute[]
}

export interface PreparedHost {
  readonly virtualHost: VirtualHost
  readonly routes: readonly PreparedRoute[]
  readonly noRoute: Decision
}

interface PreparedRoute {
  readonly index: number
  readonly route: Route
  readonly tests: readonly MatchTest[]
  /** Whether it takes `CONNECT`: only where that is said. */
  readonly tunnels: boolean
  readonly decision: Decision
}

export type Decision =
  | { readonly kind: 'route'; readonly index: number; readonly route: Route; readonly virtualHost: VirtualHost }
  | { readonly kind: 'no-route'; readonly virtualHost: VirtualHost }
  | { readonly kind: 'no-virtual-host' }

const NO_VIRTUAL_HOST: Decision = { kind: 'no-virtual-host' }

/** Throws on what `checkSnapshot` reports as an error. A domain that two virtual hosts claim belongs to the first. */
export function prepareRouteTable(table: RouteTable): PreparedTable {
  return finish(prepareTableInSteps(table))
}

/** The same, a virtual host in each step. */
export function* prepareTableInSteps(table: RouteTable): Steps<PreparedTable> {
  const routes: PreparedRoute[] = []
  const exact = new Map<string, PreparedHost>()
  const suffixes = new Map<number, Map<string, PreparedHost>>()
  let any: PreparedHost | undefined
  for (const virtualHost of table.virtualHosts) {
    yield
    const host = prepareHost(virtualHost, routes.length)
    routes.push(...host.routes)
    for (const domain of virtualHost.domains.map((name) => name.toLowerCase())) {
      if (domain === '*') any ??= host
      else if (domain.startsWith('*')) addSuffix(suffixes, domain.slice(1), host)
      else if (!exact.has(domain)) exact.set(domain, host)
    }
  }
  const byLength = [...suffixes].map(([length, hosts]) => ({ length, hosts }))
  return {
    exact,
    suffixes: byLength.toSorted((a, b) => b.length - a.length),
    any,
    routes,
    unknownHost: table.unknownHost ?? 'not-found',
  }
}

/** The first route, in order, whose tests all hold, in the virtual host that fits the request's host best. */
export function decide(table: PreparedTable, request: RequestView): Decision {
  const host = findHost(table, request.host)
  if (host === undefined) return NO_VIRTUAL_HOST
  const isTunnel = request.method === 'CONNECT'
  for (const route of host.routes) {
    if (isTunnel && !route.tunnels) continue
    if (allHold(route.tests, request)) return route.decision
  }
  return host.noRoute
}

/** Exact before longest wildcard before `*`; at each, the name with its port before the bare name. */
export function findHost(table: PreparedTable, authority: string): PreparedHost | undefined {
  if (table.exact.size === 0 && table.suffixes.length === 0) return table.any
  const full = authority.toLowerCase()
  const bare = withoutPort(full)
  return (
    table.exact.get(full) ??
    (bare === full ? undefined : table.exact.get(bare)) ??
    findSuffix(table, full, bare) ??
    table.any
  )
}

function findSuffix(table: PreparedTable, full: string, bare: string): PreparedHost | undefined {
  for (const { length, hosts } of table.suffixes) {
    const host =
      (full.length > length ? hosts.get(full.slice(-length)) : undefined) ??
      (bare.length > length ? hosts.get(bare.slice(-length)) : undefined)
    if (host !== undefined) return host
  }
  return undefined
}

function allHold(tests: readonly MatchTest[], request: RequestView): boolean {
  for (const test of tests) {
    if (!test.holds(request)) return false
  }
  return true
}

function prepareHost(virtualHost: VirtualHost, firstIndex: number): PreparedHost {
  const routes = virtualHost.routes.map((route, offset) => {
    const index = firstIndex + offset
    return {
      index,
      route,
      tests: compileMatch(route.match),
      tunnels: route.match.methods.includes('CONNECT'),
      decision: { kind: 'route', index, route, virtualHost } as const,
    }
  })
  return { virtualHost, routes, noRoute: { kind: 'no-route', virtualHost } }
}

function addSuffix(suffixes: Map<number, Map<string, PreparedHost>>, suffix: string, host: PreparedHost): void {
  const hosts = suffixes.get(suffix.length) ?? new Map<string, PreparedHost>()
  suffixes.set(suffix.length, hosts)
  if (!hosts.has(suffix)) hosts.set(suffix, host)
}

/** `[::1]:80` and `example.com:80` lose the port; `[::1]` keeps its colons. */
function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':')
  if (colon === -1 || authority.charCodeAt(authority.length - 1) === 0x5d) return authority
  return authority.slice(0, colon)
}

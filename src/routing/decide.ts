/** Finds the route of a request. `prepareRouteTable` does the work once per snapshot, so that `decide` allocates nothing. */
import { finish } from '../base/steps.ts'
import type { Steps } from '../base/steps.ts'

import { HostTable } from './host-table.ts'
import { compileMatch } from './match.ts'
import type { MatchTest, RequestView } from './match.ts'
import type { Match } from './match-model.ts'
import type { Route, RouteTable, VirtualHost } from './route-model.ts'

/** A route table made ready for `decide`. Immutable. */
export interface PreparedTable {
  readonly exact: HostTable<PreparedHost>
  /** By length of the suffix, longest first. */
  readonly suffixes: readonly { readonly length: number; readonly hosts: HostTable<PreparedHost> }[]
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

/** It is the decision for it, too: what is one object is fetched from memory once. */
interface PreparedRoute {
  readonly kind: 'route'
  readonly index: number
  readonly route: Route
  readonly virtualHost: VirtualHost
  /** Shared by routes that match alike. */
  readonly tests: readonly MatchTest[]
  /** Whether it takes `CONNECT`: only where that is said. */
  readonly tunnels: boolean
}

export type Decision =
  | Pick<PreparedRoute, 'kind' | 'index' | 'route' | 'virtualHost'>
  | { readonly kind: 'no-route'; readonly virtualHost: VirtualHost }
  | { readonly kind: 'no-virtual-host' }

const BRACKET = 0x5d
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
  const compiled = new Map<string, readonly MatchTest[]>()
  let any: PreparedHost | undefined
  for (const virtualHost of table.virtualHosts) {
    yield
    const host = prepareHost(virtualHost, routes.length, compiled)
    routes.push(...host.routes)
    for (const domain of virtualHost.domains.map((name) => name.toLowerCase())) {
      if (domain === '*') any ??= host
      else if (domain.startsWith('*')) addSuffix(suffixes, domain.slice(1), host)
      else if (!exact.has(domain)) exact.set(domain, host)
    }
  }
  const byLength = [...suffixes].map(([length, hosts]) => ({ length, hosts: new HostTable(hosts) }))
  return {
    exact: new HostTable(exact),
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
    if (allHold(route.tests, request)) return route
  }
  return host.noRoute
}

/** Exact before longest wildcard before `*`; at each, the name with its port before the bare name. */
export function findHost({ exact, suffixes, any }: PreparedTable, authority: string): PreparedHost | undefined {
  if (exact.size === 0 && suffixes.length === 0) return any
  const end = authority.length
  const bareEnd = endOfName(authority)
  return (
    exact.find(authority, 0, end) ??
    (bareEnd === end ? undefined : exact.find(authority, 0, bareEnd)) ??
    findSuffix(suffixes, authority, bareEnd) ??
    any
  )
}

function findSuffix(suffixes: PreparedTable['suffixes'], authority: string, bareEnd: number): PreparedHost | undefined {
  const end = authority.length
  for (const { length, hosts } of suffixes) {
    const host =
      (end > length ? hosts.find(authority, end - length, end) : undefined) ??
      (bareEnd > length && bareEnd < end ? hosts.find(authority, bareEnd - length, bareEnd) : undefined)
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

function prepareHost(
  virtualHost: VirtualHost,
  firstIndex: number,
  compiled: Map<string, readonly MatchTest[]>,
): PreparedHost {
  const routes = virtualHost.routes.map((route, offset): PreparedRoute => ({
    kind: 'route',
    index: firstIndex + offset,
    route,
    virtualHost,
    tests: testsOf(route.match, compiled),
    tunnels: route.match.methods.includes('CONNECT'),
  }))
  return { virtualHost, routes, noRoute: { kind: 'no-route', virtualHost } }
}

function testsOf(match: Match, compiled: Map<string, readonly MatchTest[]>): readonly MatchTest[] {
  const key = JSON.stringify(match)
  const tests = compiled.get(key) ?? compileMatch(match)
  compiled.set(key, tests)
  return tests
}

function addSuffix(suffixes: Map<number, Map<string, PreparedHost>>, suffix: string, host: PreparedHost): void {
  const hosts = suffixes.get(suffix.length) ?? new Map<string, PreparedHost>()
  suffixes.set(suffix.length, hosts)
  if (!hosts.has(suffix)) hosts.set(suffix, host)
}

/** `[::1]:80` and `example.com:80` end before the port; `[::1]` keeps its colons. */
function endOfName(authority: string): number {
  const colon = authority.lastIndexOf(':')
  return colon === -1 || authority.charCodeAt(authority.length - 1) === BRACKET ? authority.length : colon
}

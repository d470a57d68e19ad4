/** Finds the route of a request. `prepareRouteTable` does the work once per snapshot, so that `decide` allocates nothing. */
import { finish } from '../base/steps.ts'
import type { Steps } from '../base/steps.ts'

import { HostTable } from './host-table.ts'
import { compileMatch } from './match.ts'
import type { MatchTest, RequestView } from './match.ts'
import type { Match } from './match-model.ts'
import type { Route, RouteTable, VirtualHost } from './route-model.ts'

/** A route table made ready for `decide`. Immutable. What each request reads lies close together: of many hosts none is in a cache. */
export interface PreparedTable {
  /** The numbers of the host tables are indexes of `hosts`. */
  readonly exact: HostTable
  /** By length of the suffix, longest first. */
  readonly suffixes: readonly { readonly length: number; readonly hosts: HostTable }[]
  /** -1: no virtual host takes every host. */
  readonly any: number
  readonly unknownHost: NonNullable<RouteTable['unknownHost']>
  readonly hosts: readonly PreparedHost[]
  /** Of all hosts, one behind the other; `decide` gives an index. */
  readonly routes: readonly PreparedRoute[]
  /** Of each host, the index of its first route; then the number of all routes. */
  readonly firstRoutes: Int32Array
  /** Of each route. */
  readonly tests: readonly PreparedRoute['tests'][]
}

export interface PreparedHost {
  readonly virtualHost: VirtualHost
  readonly routes: readonly PreparedRoute[]
}

interface PreparedRoute {
  readonly route: Route
  /** Shared by routes that match alike. */
  readonly tests: readonly MatchTest[]
  /** Whether it takes `CONNECT`: only where that is said. */
  readonly tunnels: boolean
}

/** Instead of a route: none of the virtual host's routes matches; no virtual host has a domain for the host. */
const NO_ROUTE = -1
export const NO_VIRTUAL_HOST = -2

const BRACKET = 0x5d
const NONE = -1

/** What the next version of a table is prepared from: virtual hosts that are the same objects are taken as they are. */
export class TableMemory {
  /** Tests by match. */
  readonly compiled = new Map<string, readonly MatchTest[]>()
  readonly hosts = new WeakMap<VirtualHost, PreparedHost>()
  last: PreparedTable | undefined
}

/** Throws on what `checkSnapshot` reports as an error. A domain that two virtual hosts claim belongs to the first. */
export function prepareRouteTable(table: RouteTable): PreparedTable {
  return finish(prepareTableInSteps(table))
}

/** The same, a virtual host that is not remembered in each step. */
export function* prepareTableInSteps(table: RouteTable, memory = new TableMemory()): Steps<PreparedTable> {
  const { last } = memory
  const hosts: PreparedHost[] = []
  for (const [index, virtualHost] of table.virtualHosts.entries()) {
    const same = last?.hosts[index]
    const known = same?.virtualHost === virtualHost ? same : memory.hosts.get(virtualHost)
    if (known === undefined) yield
    const host = known ?? prepareHost(virtualHost, memory.compiled)
    if (known === undefined) memory.hosts.set(virtualHost, host)
    hosts.push(host)
  }
  yield
  const names = last !== undefined && haveSameDomains(last.hosts, hosts) ? last : prepareNames(hosts)
  const routes = concatenated(hosts, last, (host) => host.routes, last?.routes)
  return (memory.last = {
    exact: names.exact,
    suffixes: names.suffixes,
    any: names.any,
    unknownHost: table.unknownHost ?? 'not-found',
    hosts,
    routes,
    firstRoutes: last !== undefined && haveSameCounts(last.hosts, hosts) ? last.firstRoutes : firstRoutesOf(hosts),
    tests: concatenated(hosts, last, (host) => host.routes.map(({ tests }) => tests), last?.tests),
  })
}

/** Every host's part one behind the other; where each has as many as before, only those that changed are written anew. */
// oxlint-disable-next-line max-params -- of whom, as before, what, where it was
export function concatenated<Host extends { readonly routes: readonly unknown[] }, Item>(
  hosts: readonly Host[],
  last: { readonly hosts: readonly Host[]; readonly firstRoutes: Int32Array } | undefined,
  itemsOf: (host: Host) => readonly Item[],
  before: readonly Item[] | undefined,
): readonly Item[] {
  if (last === undefined || before === undefined || !haveSameCounts(last.hosts, hosts)) return hosts.flatMap(itemsOf)
  const items = [...before]
  for (const [index, host] of hosts.entries()) {
    if (host === last.hosts[index]) continue
    const first = last.firstRoutes[index] ?? 0
    for (const [at, item] of itemsOf(host).entries()) items[first + at] = item
  }
  return items
}

function haveSameCounts(
  before: readonly { readonly routes: readonly unknown[] }[],
  hosts: readonly { readonly routes: readonly unknown[] }[],
): boolean {
  return (
    before.length === hosts.length && hosts.every(({ routes }, index) => routes.length === before[index]?.routes.length)
  )
}

function haveSameDomains(before: readonly PreparedHost[], hosts: readonly PreparedHost[]): boolean {
  if (before.length !== hosts.length) return false
  return hosts.every((host, index) => {
    const old = before[index]
    if (host === old) return true
    const { domains } = host.virtualHost
    const known = old?.virtualHost.domains ?? []
    return domains.length === known.length && domains.every((domain, at) => domain === known[at])
  })
}

function prepareNames(hosts: readonly PreparedHost[]): Pick<PreparedTable, 'exact' | 'suffixes' | 'any'> {
  const exact = new Map<string, number>()
  const suffixes = new Map<number, Map<string, number>>()
  let any = NONE
  for (const [host, { virtualHost }] of hosts.entries()) {
    for (const domain of virtualHost.domains.map((name) => name.toLowerCase())) {
      if (domain === '*') any = any === NONE ? host : any
      else if (domain.startsWith('*')) addSuffix(suffixes, domain.slice(1), host)
      else if (!exact.has(domain)) exact.set(domain, host)
    }
  }
  const byLength = [...suffixes].map(([length, names]) => ({ length, hosts: new HostTable(names) }))
  return { exact: new HostTable(exact), suffixes: byLength.toSorted((a, b) => b.length - a.length), any }
}

function firstRoutesOf(hosts: readonly PreparedHost[]): Int32Array {
  const first = new Int32Array(hosts.length + 1)
  for (const [index, { routes }] of hosts.entries()) first[index + 1] = (first[index] ?? 0) + routes.length
  return first
}

/**
 * Index of the first route, in order, whose tests all hold, in the virtual host that fits the request's host best; `NO_ROUTE`
 * or `NO_VIRTUAL_HOST`.
 */
export function decide(table: PreparedTable, request: RequestView): number {
  const host = indexOfHost(table, request.host)
  if (host === NONE) return NO_VIRTUAL_HOST
  const { tests, firstRoutes } = table
  const end = firstRoutes[host + 1] ?? 0
  const isTunnel = request.method === 'CONNECT'
  for (let index = firstRoutes[host] ?? 0; index < end; index++) {
    if (isTunnel && table.routes[index]?.tunnels !== true) continue
    if (allHold(tests[index] ?? [], request)) return index
  }
  return NO_ROUTE
}

export function findHost(table: PreparedTable, authority: string): PreparedHost | undefined {
  return table.hosts[indexOfHost(table, authority)]
}

/** Exact before longest wildcard before `*`; at each, the name with its port before the bare name. */
function indexOfHost({ exact, suffixes, any }: PreparedTable, authority: string): number {
  if (exact.size === 0 && suffixes.length === 0) return any
  const end = authority.length
  const bareEnd = endOfName(authority)
  let host = exact.find(authority, 0, end)
  if (host === NONE && bareEnd < end) host = exact.find(authority, 0, bareEnd)
  if (host === NONE && suffixes.length > 0) host = findSuffix(suffixes, authority, bareEnd)
  return host === NONE ? any : host
}

function findSuffix(suffixes: PreparedTable['suffixes'], authority: string, bareEnd: number): number {
  const end = authority.length
  for (const { length, hosts } of suffixes) {
    let host = end > length ? hosts.find(authority, end - length, end) : NONE
    if (host === NONE && bareEnd > length && bareEnd < end) host = hosts.find(authority, bareEnd - length, bareEnd)
    if (host !== NONE) return host
  }
  return NONE
}

function allHold(tests: readonly MatchTest[], request: RequestView): boolean {
  for (const test of tests) {
    if (!test.holds(request)) return false
  }
  return true
}

function prepareHost(virtualHost: VirtualHost, compiled: Map<string, readonly MatchTest[]>): PreparedHost {
  const routes = virtualHost.routes.map((route): PreparedRoute => ({
    route,
    tests: testsOf(route.match, compiled),
    tunnels: route.match.methods.includes('CONNECT'),
  }))
  return { virtualHost, routes }
}

function testsOf(match: Match, compiled: Map<string, readonly MatchTest[]>): readonly MatchTest[] {
  const key = JSON.stringify(match)
  const tests = compiled.get(key) ?? compileMatch(match)
  compiled.set(key, tests)
  return tests
}

function addSuffix(suffixes: Map<number, Map<string, number>>, suffix: string, host: number): void {
  const hosts = suffixes.get(suffix.length) ?? new Map<string, number>()
  suffixes.set(suffix.length, hosts)
  if (!hosts.has(suffix)) hosts.set(suffix, host)
}

/** `[::1]:80` and `example.com:80` end before the port; `[::1]` keeps its colons. */
function endOfName(authority: string): number {
  const colon = authority.lastIndexOf(':')
  return colon === -1 || authority.charCodeAt(authority.length - 1) === BRACKET ? authority.length : colon
}

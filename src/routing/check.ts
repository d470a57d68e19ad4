/** Whether a snapshot can be served. A data plane refuses a snapshot with an error as a whole and keeps the last good one. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { finish } from '../base/steps.ts'
import type { Steps } from '../base/steps.ts'

import { checkBalance, checkKeys } from './check/balance.ts'
import { checkHealthCheck } from './check/health.ts'
import { CheckMemory } from './check-memory.ts'
import { checkLimits, checkOutlier } from './check/limits.ts'
import { checkHttpPolicy } from './check/http-policy.ts'
import { checkTcpListener } from './check/tcp.ts'
import { checkClientTls, checkServerTls } from './check/tls.ts'
import { domainsUnused, unknownHostUnused, withoutEffect } from './check/no-effect.ts'
import { checkOwnAnswer } from './check/own-answers.ts'
import { checkPolicy } from './check/policy.ts'
import { checkPreferLocal, checkSlowStart, nowhereNear } from './check/preference.ts'
import type { Problem } from './check/problem.ts'
import { when } from './check/problem.ts'
import type { Cluster } from './cluster-model.ts'
import type { Listener, TcpListener } from './listener-model.ts'
import type { RoutingSnapshot } from './model.ts'
import type { ForwardAction, Route, RouteTable, VirtualHost } from './route-model.ts'
import { nearest } from '../base/nearest.ts'
import { regexProblem } from './regex.ts'

const WEIGHT_MAX = 1_000_000
const PORT_MAX = 65_535
/** Comparing a name with more of them would hold up requests. */
const NEAREST_OF_MAX = 1_000

/** Everything found, with paths into the snapshot. Warnings do not stop it from being served. */
export function checkSnapshot(snapshot: RoutingSnapshot): readonly Diagnostic[] {
  return finish(checkInSteps(snapshot))
}

/** The same, a virtual host or a cluster in each step. What the memory knows as good is not looked at again. */
export function* checkInSteps(
  snapshot: RoutingSnapshot,
  memory: CheckMemory = new CheckMemory(),
): Steps<readonly Diagnostic[]> {
  const clusters = memory.namesOf(snapshot.clusters)
  const tables = new Set(snapshot.routeTables.map(({ id }) => id))
  const context = { clusters, memory, wrong: new Set<VirtualHost | RouteTable>() }
  const problems = [
    ...duplicates('listener', [
      ...named('listeners', snapshot.listeners),
      ...named('tcpListeners', snapshot.tcpListeners ?? []),
    ]),
    ...duplicates('route table', named('routeTables', snapshot.routeTables)),
    ...(clusters.size === snapshot.clusters.length ? [] : clustersTwice(snapshot)),
    ...checkListeners(snapshot, tables, memory),
    ...(snapshot.tcpListeners ?? []).flatMap((listener, index) =>
      checkTcp(listener, `tcpListeners[${index}]`, clusters),
    ),
  ]
  for (const [index, table] of snapshot.routeTables.entries()) {
    yield
    problems.push(...(yield* checkTable(table, `routeTables[${index}]`, context)))
  }
  for (const [index, cluster] of memory.clustersToCheck(snapshot.clusters)) {
    yield
    const found = clusterProblems(cluster, `clusters[${index}]`)
    if (found.length === 0) memory.addGoodCluster(cluster)
    problems.push(...found)
  }
  problems.push(...checkFallbacks(snapshot, clusters))
  yield
  return [
    ...problems.map((problem) => ({ severity: 'error' as const, ...problem })),
    ...findClaims(snapshot, context),
    ...nowhereNear(snapshot),
    ...(yield* findUnused(snapshot, context)),
  ]
}

interface CheckContext {
  /** The names of all. */
  readonly clusters: ReadonlySet<string>
  readonly memory: CheckMemory
  /** Virtual hosts with an error, and tables with a route id that stands twice. */
  readonly wrong: Set<VirtualHost | RouteTable>
}

function* findUnused(
  snapshot: RoutingSnapshot,
  { clusters: names, memory, wrong }: CheckContext,
): Steps<readonly Diagnostic[]> {
  let byName: ReadonlyMap<string, Cluster> | undefined
  const clusters = {
    get: (name: string) => (byName ??= new Map(snapshot.clusters.map((each) => [each.name, each]))).get(name),
  }
  const found: Diagnostic[] = []
  for (const [tableIndex, table] of snapshot.routeTables.entries()) {
    const path = `routeTables[${tableIndex}]`
    found.push(...unknownHostUnused(table, path))
    for (const [index, host] of memory.hostsToCheck(table, names)) {
      yield
      const at = `${path}.virtualHosts[${index}]`
      const warnings = [...domainsUnused(host, at), ...withoutEffect(host.routes, at, clusters)]
      if (warnings.length === 0 && !wrong.has(host)) memory.addGoodHost(host, names)
      found.push(...warnings)
    }
  }
  return found
}

/** Domains that two virtual hosts claim. Remembers the tables in which there are none. */
function findClaims({ routeTables }: RoutingSnapshot, { memory, wrong }: CheckContext): Diagnostic[] {
  const distinct: RouteTable[] = []
  const found = routeTables.flatMap((table, index) => {
    const isDistinct = memory.isDistinct(table)
    const claims = isDistinct ? [] : claimedTwice(table, `routeTables[${index}]`)
    if (isDistinct || (claims.length === 0 && !wrong.has(table))) distinct.push(table)
    return claims
  })
  memory.setDistinct(distinct)
  return found
}

function clustersTwice({ clusters }: RoutingSnapshot): Problem[] {
  return duplicates(
    'cluster',
    clusters.map(({ name }, index) => ({ id: name, path: `clusters[${index}]` })),
  )
}

function checkListeners({ listeners }: RoutingSnapshot, tables: ReadonlySet<string>, memory: CheckMemory): Problem[] {
  return listeners.flatMap((listener, index) => {
    const path = `listeners[${index}]`
    const problems = memory.isGoodListener(listener) ? [] : checkListener(listener, path)
    if (problems.length === 0) memory.addGoodListener(listener)
    const cannot = `Cannot serve listener "${listener.id}"`
    const unknown = missing('route table', listener.routeTable, tables, { path: `${path}.routeTable`, cannot })
    return [...problems, ...unknown]
  })
}

function checkListener(listener: Listener, path: string): Problem[] {
  const { id, port } = listener
  return [
    ...checkServerTls(listener, path),
    ...checkHttpPolicy(listener, path),
    ...when(!isPort(port, 0), {
      code: 'bad-port',
      path: `${path}.port`,
      message: `Cannot serve listener "${id}": ${port} is not a port`,
    }),
  ]
}

function checkTcp(listener: TcpListener, path: string, clusters: ReadonlySet<string>): Problem[] {
  return [
    ...checkTcpListener(listener, path),
    ...when(!isPort(listener.port, 0), {
      code: 'bad-port',
      path: `${path}.port`,
      message: `Cannot serve listener "${listener.id}": ${listener.port} is not a port`,
    }),
    ...duplicates('route', named(`${path}.routes`, listener.routes)),
    ...listener.routes.flatMap(({ id, action }, index) =>
      checkForward(id, action, `${path}.routes[${index}].action`, clusters),
    ),
  ]
}

function* checkTable(
  table: RouteTable,
  path: string,
  { clusters, memory, wrong }: CheckContext,
): Steps<readonly Problem[]> {
  const problems = memory.isDistinct(table) ? [] : routeIdsTwice(table, path)
  if (problems.length > 0) wrong.add(table)
  for (const [index, host] of memory.hostsToCheck(table, clusters)) {
    yield
    const found = host.routes.flatMap((route, at) =>
      checkRoute(route, `${path}.virtualHosts[${index}].routes[${at}]`, clusters),
    )
    if (found.length > 0) wrong.add(host)
    problems.push(...found)
  }
  return problems
}

function routeIdsTwice({ virtualHosts }: RouteTable, path: string): Problem[] {
  const ids = virtualHosts.flatMap(({ routes }, host) => named(`${path}.virtualHosts[${host}].routes`, routes))
  return duplicates('route', ids)
}

/** What is wrong with a route by itself; paths begin with `path`. So its owner hears of it before all are refused. */
export function routeProblems(route: Route, path: string): readonly Problem[] {
  return [
    ...checkRegexes(route, path),
    ...checkOwnAnswer(route, path),
    ...checkPolicy(route, path),
    ...checkTunnel(route, path),
    ...checkKeys(route, path),
  ]
}

function checkRoute(route: Route, path: string, clusters: ReadonlySet<string>): Problem[] {
  return [
    ...routeProblems(route, path),
    ...(route.action.kind === 'forward' ? checkForward(route.id, route.action, `${path}.action`, clusters) : []),
    ...(route.policy.mirrors ?? []).flatMap(({ cluster }, index) =>
      missing('cluster', cluster, clusters, {
        path: `${path}.policy.mirrors[${index}].cluster`,
        cannot: `Cannot mirror route "${route.id}"`,
      }),
    ),
  ]
}

function checkRegexes({ id, match }: Route, path: string): Problem[] {
  const regexes = [
    ...(match.path.kind === 'regex' ? [{ at: 'path', value: match.path.value }] : []),
    ...match.headers.flatMap(({ value }, index) =>
      value.kind === 'regex' ? [{ at: `headers[${index}]`, value: value.value }] : [],
    ),
    ...match.query.flatMap(({ value }, index) =>
      value.kind === 'regex' ? [{ at: `query[${index}]`, value: value.value }] : [],
    ),
  ]
  return regexes.flatMap(({ at, value }) => {
    const why = regexProblem(value)
    const message = `Cannot use regex "${value}" of route "${id}": ${why ?? ''}`
    return when(why !== undefined, { code: 'bad-regex', path: `${path}.match.${at}`, message })
  })
}

/** A client would take what follows a 2xx for the bytes of its tunnel (RFC 9110 §9.3.6). */
function checkTunnel({ id, match, action }: Route, path: string): Problem[] {
  const isTunnel = match.methods.includes('CONNECT')
  return when(isTunnel && action.kind === 'respond' && action.status < 300, {
    code: 'bad-tunnel',
    path: `${path}.action.status`,
    message: `Cannot answer CONNECT on route "${id}" with a success: there is no tunnel. Forward it, or answer with an error`,
  })
}

function checkForward(id: string, action: ForwardAction, path: string, clusters: ReadonlySet<string>): Problem[] {
  const sum = action.destinations.reduce((total, { weight }) => total + weight, 0)
  return [
    ...when(!(sum > 0), {
      code: 'weight-sum',
      path: `${path}.destinations`,
      message: `Cannot split the requests of route "${id}": its weights add up to ${sum}. Give one destination a weight`,
    }),
    ...action.destinations.flatMap((destination, index) => [
      ...when(!isWeight(destination.weight), {
        code: 'bad-weight',
        path: `${path}.destinations[${index}].weight`,
        message: `Cannot split by weight ${destination.weight}: it is not a whole number from 0 to ${WEIGHT_MAX}`,
      }),
      ...(destination.kind === 'cluster'
        ? missing('cluster', destination.cluster, clusters, {
            path: `${path}.destinations[${index}].cluster`,
            cannot: `Cannot forward route "${id}"`,
          })
        : []),
    ]),
  ]
}

/** The same of a cluster. */
export function clusterProblems(cluster: Cluster, path: string): readonly Problem[] {
  return [
    ...checkClientTls(cluster, path),
    ...checkBalance(cluster, path),
    ...checkLimits(cluster, path),
    ...checkOutlier(cluster, path),
    ...checkHealthCheck(cluster, path),
    ...checkSlowStart(cluster, path),
    ...checkPreferLocal(cluster, path),
    ...cluster.endpoints.flatMap(({ address, port }, index) =>
      when(!isPort(port, 1) || address === '', {
        code: 'bad-endpoint',
        path: `${path}.endpoints[${index}]`,
        message: `Cannot reach endpoint "${address}:${port}" of cluster "${cluster.name}": it is not an address and a port`,
      }),
    ),
  ]
}

function checkFallbacks(snapshot: RoutingSnapshot, clusters: ReadonlySet<string>): readonly Problem[] {
  return snapshot.clusters.flatMap(({ name, fallback }, index) => {
    if (fallback === undefined) return []
    const cannot = `Cannot fall back from cluster "${name}"`
    return missing('cluster', fallback, clusters, { path: `clusters[${index}].fallback`, cannot })
  })
}

/** A name that nothing has. */
function missing(
  what: 'cluster' | 'route table',
  name: string,
  known: ReadonlySet<string>,
  { path, cannot }: { readonly path: string; readonly cannot: string },
): Problem[] {
  if (known.has(name)) return []
  const near = known.size > NEAREST_OF_MAX ? undefined : nearest(name, [...known])
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  return [
    { code: `unknown-${what.replace(' ', '-')}`, path, message: `${cannot}: there is no ${what} "${name}"${hint}` },
  ]
}

/** Not an error: the first virtual host keeps the domain, and the dialect tells the owner of the other one. */
function claimedTwice(table: RouteTable, path: string): Diagnostic[] {
  const owners = new Map<string, string>()
  const found: Diagnostic[] = []
  for (const [index, { name, domains }] of table.virtualHosts.entries()) {
    for (const domain of domains) {
      const key = domain.toLowerCase()
      const owner = owners.get(key) ?? name
      owners.set(key, owner)
      if (owner === name) continue
      const message = `Cannot give domain "${domain}" to virtual host "${name}": "${owner}" has it already`
      found.push({ severity: 'warning', code: 'domain-conflict', path: `${path}.virtualHosts[${index}]`, message })
    }
  }
  return found
}

interface Named {
  readonly id: string
  readonly path: string
}

function named(list: string, all: readonly { readonly id: string }[]): readonly Named[] {
  return all.map(({ id }, index) => ({ id, path: `${list}[${index}]` }))
}

/** Told at the second one. */
function duplicates(what: string, all: readonly Named[]): Problem[] {
  const seen = new Set<string>()
  const found: Problem[] = []
  for (const { id, path } of all) {
    if (seen.has(id)) {
      found.push({
        code: 'duplicate-id',
        path,
        message: `Cannot tell two of "${id}" apart: the ${what} is there twice`,
      })
    }
    seen.add(id)
  }
  return found
}

function isPort(port: number, min: number): boolean {
  return Number.isInteger(port) && port >= min && port <= PORT_MAX
}

function isWeight(weight: number): boolean {
  return Number.isInteger(weight) && weight >= 0 && weight <= WEIGHT_MAX
}

/**
 * Says why a request goes where it goes: which host it fell under, what each route before its own asked for, what happens to
 * it, where it goes and why there. Pure: a snapshot, a request, and what the data planes last said of themselves.
 */
import { findHost, prepareRouteTable } from './decide.ts'
import type { PreparedTable } from './decide.ts'
import { explainDestinations } from './explain/destinations.ts'
import { failedConditions, matchText } from './explain/conditions.ts'
import { explainHost, unknownHostText } from './explain/host.ts'
import { behindEdge, chooseListener, clientScheme, describeListener } from './explain/listener.ts'
import { nearestRoute } from './explain/nearest-route.ts'
import { explainPolicies, isPreflight } from './explain/policies.ts'
import { readQuestion } from './explain-question.ts'
import type {
  ConsideredRoute,
  Explained,
  ExplainedAnswer,
  ExplainedHost,
  ExplainedRequest,
  ExplainedSnapshot,
  Explanation,
  Observed,
  Question,
} from './explanation.ts'
import type { RequestView } from './match.ts'
import type { Listener } from './listener-model.ts'
import type { RoutingSnapshot } from './model.ts'
import type { Route } from './route-model.ts'
import { asField } from './field-text.ts'
import { outsideAddress } from './outside-address.ts'
import { redirectLocation } from './redirect.ts'
import { compileRewrite } from './rewrite.ts'

export interface RouteExplanation {
  /** Null: no virtual host has a domain for the request's host. */
  readonly host: ExplainedHost | null
  /** Null: none matched. */
  readonly taken: Route | null
  /** The routes looked at, in order, up to the one taken. */
  readonly considered: readonly ConsideredRoute[]
}

/** The path of the decision alone. */
export function explainRoute(table: PreparedTable, request: RequestView): RouteExplanation {
  const found = findHost(table, request.host)
  if (found === undefined) return { host: null, taken: null, considered: [] }
  const host = explainHost(found.virtualHost, request.host)
  const considered: ConsideredRoute[] = []
  for (const prepared of found.routes) {
    const seen = { route: prepared.route.id, origin: prepared.route.origin, match: matchText(prepared.tests) }
    const [failed] = failedConditions(prepared, request)
    if (failed === undefined) {
      considered.push({ ...seen, matched: true })
      return { host, taken: prepared.route, considered }
    }
    considered.push({ ...seen, matched: false, failed })
  }
  return { host, taken: null, considered }
}

/** The snapshot must have passed `checkSnapshot`. `observed` is absent where nobody serves it. */
export function explain(snapshot: RoutingSnapshot, question: Question, observed?: Observed): Explained {
  const asked = readQuestion(question)
  if (asked.kind === 'refused') return asked
  const chosen = chooseListener(snapshot, asked.request, { id: question.listener, observed })
  if (chosen.kind === 'refused') {
    return { kind: 'refused', message: `Cannot explain "${question.url}": ${chosen.why}` }
  }
  const { listener, why } = chosen
  const routes = snapshot.routeTables.find(({ id }) => id === listener.routeTable)
  const table = prepareRouteTable(routes ?? { id: listener.routeTable, virtualHosts: [] })
  const { request, removedHeaders } = behindEdge(listener, asked.request)
  const explanation = {
    request,
    snapshot: explainSnapshot(snapshot, observed),
    listener: describeListener(listener, why, { observed, removedHeaders }),
    ...explainDecision({ snapshot, observed, listener, table, request }),
    draining: observed?.draining ?? [],
  }
  return { kind: 'explained', explanation }
}

interface Scene {
  readonly snapshot: RoutingSnapshot
  readonly observed: Observed | undefined
  readonly listener: Listener
  readonly table: PreparedTable
  readonly request: ExplainedRequest
}

type ExplainedDecision = Pick<Explanation, 'host' | 'routes' | 'routesBehind' | 'taken' | 'policies' | 'answer'>

function explainDecision(scene: Scene): ExplainedDecision {
  const { table, request } = scene
  const view = viewOf(request, clientScheme(scene.listener, request))
  const { host, taken: route, considered: routes } = explainRoute(table, view)
  if (route === null) {
    const answer = explainNone(scene, view)
    return { host, routes, routesBehind: 0, taken: null, policies: [], answer }
  }
  const count = findHost(table, request.host)?.routes.length ?? routes.length
  return {
    host,
    routes,
    routesBehind: count - routes.length,
    taken: { route: route.id, origin: route.origin, match: routes.at(-1)?.match ?? '' },
    policies: explainPolicies(route, request),
    answer: explainAnswer(scene, route, view),
  }
}

function explainNone({ table, request }: Scene, view: RequestView): ExplainedAnswer {
  const host = findHost(table, request.host)
  const nearest = host === undefined ? undefined : nearestRoute(host, view)
  const why =
    host === undefined
      ? unknownHostText(request.host, domainsOf(table))
      : `none of the routes of virtual host ${host.virtualHost.name} matches`
  if (host === undefined && table.unknownHost !== 'not-found')
    return explainUnknown(table.unknownHost, request.host, why)
  const isTunnel = request.method === 'CONNECT'
  const answer = isTunnel ? ({ status: 405, flag: 'DPE' } as const) : ({ status: 404, flag: 'NR' } as const)
  return { kind: 'none', ...answer, why, ...(nearest === undefined ? {} : { nearest }) }
}

function explainUnknown(what: 'passthrough' | 'refuse', to: string, why: string): ExplainedAnswer {
  if (what === 'refuse') return { kind: 'none', status: 502, flag: 'NR', why }
  if (outsideAddress(to) !== undefined) return { kind: 'passthrough', to, why }
  return { kind: 'none', status: 502, flag: 'NR', why: `${why}, and "${to}" is no address to go to` }
}

function explainAnswer({ snapshot, observed, request }: Scene, route: Route, view: RequestView): ExplainedAnswer {
  const { action, match, policy } = route
  if (isPreflight(policy, request)) {
    return {
      kind: 'preflight',
      status: 200,
      why: 'a browser asks whether it may send a request, and the policy answers',
    }
  }
  if (action.kind === 'redirect') {
    const location = redirectLocation(request, { action, match: match.path, clientScheme: view.scheme })
    return { kind: 'redirect', status: action.status, location }
  }
  if (action.kind === 'respond') {
    const { kind, status, headers, body, flag } = action
    return { kind, status, headers, body, ...(flag === undefined ? {} : { flag }) }
  }
  const { rewrite } = policy
  const path = rewrite?.path === undefined ? request.path : compileRewrite(match.path, rewrite.path)(request.path)
  const query = request.query === '' ? '' : `?${request.query}`
  const authority = rewrite?.authority ?? request.host
  const surroundings = { snapshot, observed, request: view, clientAddress: request.clientAddress }
  return {
    kind: 'forward',
    request: { method: request.method, path: `${path}${query}`, authority },
    ...explainDestinations(action, surroundings),
  }
}

function explainSnapshot({ generation }: RoutingSnapshot, observed: Observed | undefined): ExplainedSnapshot {
  if (observed === undefined) return { generation, text: 'from a file; nobody was asked whether it is served' }
  const { expected, live } = observed.proxies
  return { generation, proxies: observed.proxies, text: servedText(expected, live) }
}

function servedText(expected: number, live: number): string {
  if (live === 0) return 'no proxy serves it yet'
  if (live < expected) return `served by ${live} of ${expected} proxies`
  return expected === 1 ? 'served' : `served by all ${expected} proxies`
}

function viewOf({ method, host, path, query, headers }: ExplainedRequest, scheme: Listener['protocol']): RequestView {
  return {
    method,
    scheme,
    host,
    path,
    query,
    someHeader: (name, test) => headers.some((header) => header.name === name && test(asField(header.value))),
  }
}

/** Of a table that has no virtual host for all. */
function domainsOf({ exact, suffixes }: PreparedTable): readonly string[] {
  return [...exact.names, ...suffixes.flatMap(({ hosts }) => hosts.names.map((suffix) => `*${suffix}`))]
}

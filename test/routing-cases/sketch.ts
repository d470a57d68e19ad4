/** What a case of routing is, and short ways to write one. What is expected is always written out, never worked out. */
import type { HeaderMatch, PathMatch, QueryMatch, ValueMatch } from '../../src/routing/match-model.ts'
import type { RoutePolicy } from '../../src/routing/policy-model.ts'
import type { Action, Route, RouteTable, VirtualHost, WeightedDestination } from '../../src/routing/route-model.ts'

export interface RoutingCase {
  readonly name: string
  readonly virtualHosts: readonly VirtualHost[]
  /** Of the route table; absent: its default. */
  readonly unknownHost?: NonNullable<RouteTable['unknownHost']>
  readonly request: CaseRequest
  /** Id of the route that is taken; null: none. */
  readonly route: string | null
  readonly outcome: Outcome
}

export interface CaseRequest {
  readonly method: string
  /** Of the `Host` field. */
  readonly host: string
  /** As on the request line. */
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** What routing sees of a target that is not a path with its query. */
  readonly seen?: { readonly host?: string; readonly path: string; readonly query?: string }
}

/** Header fields that must be there, with their values, or must not: null. Names in lower case. */
export type Fields = Readonly<Record<string, string | null>>

/** What becomes of the request. `line` is the method and the target that the endpoint gets. */
export type Outcome =
  | { readonly kind: 'answer'; readonly status: number; readonly fields?: Fields; readonly body?: string }
  | {
      readonly kind: 'endpoint'
      readonly cluster: CaseCluster
      readonly line?: string
      /** Of the request that the endpoint gets, and of the response that the client gets. */
      readonly fields?: Fields
      readonly responseFields?: Fields
    }
  | { readonly kind: 'tunnel'; readonly cluster: CaseCluster }
  /** It goes to just the host that it names; `line` as above. */
  | { readonly kind: 'outside'; readonly line: string }
  | { readonly kind: 'outside-tunnel' }

/** A host of the world outside. Where there are sockets, an endpoint of v1 stands for it. */
export const OUTSIDE = 'outside.test:4711'

/** The clusters that every case may use: with an endpoint, with none, and with none but a fallback (to v1). */
export type CaseCluster = 'v1' | 'v2'
export const CASE_CLUSTERS = ['v1', 'v2', 'empty', 'falls-back', 'falls-back-twice', 'falls-in-a-circle'] as const

export interface RouteSketch {
  readonly path?: Partial<PathMatch>
  readonly methods?: readonly string[]
  readonly headers?: readonly HeaderMatch[]
  readonly query?: readonly QueryMatch[]
}

/** A route that answers with its id. */
export function answering(id: string, sketch: RouteSketch = {}): Route {
  return acting(id, sketch, { kind: 'respond', status: 200, body: id, headers: [{ name: 'x-route', value: id }] })
}

export function acting(id: string, sketch: RouteSketch, action: Action, policy: Partial<RoutePolicy> = {}): Route {
  return {
    id,
    origin: {
      group: 'gateway.solo.io',
      kind: 'VirtualService',
      namespace: 'gloo-system',
      name: 'cases',
      generation: 1,
      rule: 0,
      match: 0,
    },
    match: {
      path: { kind: 'prefix', value: '/', caseSensitive: true, ...sketch.path },
      methods: sketch.methods ?? [],
      headers: sketch.headers ?? [],
      query: sketch.query ?? [],
    },
    action,
    policy: { timeoutMs: 0, ...policy },
  }
}

/** A route to one cluster, or to several by weight. */
export function forwarding(
  id: string,
  sketch: RouteSketch,
  {
    policy = {},
    to = { v1: 1 },
  }: {
    readonly policy?: Partial<RoutePolicy>
    readonly to?: Readonly<Record<string, number>> | readonly WeightedDestination[]
  } = {},
): Route {
  const destinations = isList(to)
    ? to
    : Object.entries(to).map(([cluster, weight]) => ({ kind: 'cluster' as const, cluster, weight }))
  return acting(id, sketch, { kind: 'forward', split: id, destinations }, policy)
}

function isList(to: object): to is readonly WeightedDestination[] {
  return Array.isArray(to)
}

export function host(name: string, domains: readonly string[], routes: readonly Route[]): VirtualHost {
  return { name, domains, routes }
}

export function request(sent: Partial<CaseRequest>): CaseRequest {
  return { method: 'GET', host: 'localhost', target: '/', headers: [], ...sent }
}

/** The answer of a route of `answering`, or that there is none. */
export function answerOf(route: string | null): Outcome {
  return route === null
    ? { kind: 'answer', status: 404, fields: { 'x-route': null } }
    : { kind: 'answer', status: 200, fields: { 'x-route': route } }
}

/** One route for every host, which takes the request or does not. */
export function single(name: string, sketch: RouteSketch, sent: Partial<CaseRequest>, isTaken: boolean): RoutingCase {
  return among(name, [host('h', ['*'], [answering('r', sketch)])], sent, isTaken ? 'r' : null)
}

/** Several hosts whose routes all are made by `answering`. */
export function among(
  name: string,
  virtualHosts: readonly VirtualHost[],
  sent: Partial<CaseRequest>,
  route: string | null,
): RoutingCase {
  return { name, virtualHosts, request: request(sent), route, outcome: answerOf(route) }
}

/** One route for every host, which takes the request. */
export function taken(name: string, route: Route, sent: Partial<CaseRequest>, outcome: Outcome): RoutingCase {
  return { name, virtualHosts: [host('h', ['*'], [route])], request: request(sent), route: route.id, outcome }
}

export function shown(value: ValueMatch): string {
  return 'value' in value ? `${value.kind} "${brief(value.value)}"` : value.kind
}

/** For names of cases. */
export function brief(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 20)}… of ${text.length}`
}

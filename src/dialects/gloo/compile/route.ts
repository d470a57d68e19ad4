/** One rule of a VirtualService as routes of the model: one per matcher, all with the same action. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { RedirectAction, Route, VirtualHostOptions, WeightedDestination } from '../kinds/virtual-service.ts'
import { redirectStatus } from '../kinds/virtual-service.ts'
import type { Action, ForwardAction, HashKey, Origin, Route as ModelRoute } from '../../../routing/route-model.ts'
import type { CompiledDestination, Targets } from './destinations.ts'
import { compileWeighted } from './destinations.ts'
import { checkHashing, compileHashKey } from './hash-key.ts'
import { EVERY_PATH, compileMatcher, idleInMatcher } from './match.ts'
import { compilePolicy } from './policy.ts'
import { findRouteProblems } from './problems.ts'

export interface RulePlace {
  readonly id: string
  /** `spec.virtualHost.routes[0]` */
  readonly path: string
  readonly origin: Omit<Origin, 'match'>
  /** What the virtual host has for all its routes. */
  readonly host: VirtualHostOptions
}

export interface CompiledRule {
  readonly routes: readonly ModelRoute[]
  readonly diagnostics: readonly Diagnostic[]
}

export function compileRule(targets: Targets, place: RulePlace, rule: Route): CompiledRule {
  const { path, origin, host } = place
  const { action, diagnostics, destinations } = compileAction(targets, place, rule)
  const optionsAt = { path: `${path}.options`, namespace: origin.namespace }
  const policy = compilePolicy(targets, optionsAt, { rule, host, destinations })
  const matchers = rule.matchers === undefined || rule.matchers.length === 0 ? [EVERY_PATH] : rule.matchers
  const routes = matchers.map((matcher, index) => ({
    id: `${place.id}/${index}`,
    origin: { ...origin, match: index },
    match: compileMatcher(matcher),
    action,
    policy: policy.policy,
  }))
  return {
    routes,
    diagnostics: [
      ...diagnostics,
      ...policy.diagnostics,
      ...matchers.flatMap((matcher, index) => idleInMatcher(`${path}.matchers[${index}]`, matcher)),
      ...findRouteProblems(routes, { path, rule, host }),
    ],
  }
}

interface CompiledAction {
  readonly action: Action
  readonly diagnostics: readonly Diagnostic[]
  /** Of a route that forwards. */
  readonly destinations: readonly CompiledDestination[]
}

/** The object has passed its checks: one action is there, or one that was refused and is reported elsewhere. */
function compileAction(targets: Targets, place: RulePlace, rule: Route): CompiledAction {
  const { routeAction, redirectAction, directResponseAction } = rule
  if (redirectAction !== undefined) return plain(compileRedirect(redirectAction))
  if (directResponseAction !== undefined) {
    return plain(respond(directResponseAction.status ?? 200, directResponseAction.body ?? ''))
  }
  const path = `${place.path}.routeAction`
  if (routeAction?.single !== undefined) {
    const weighted = { destination: routeAction.single, weight: 1 }
    return forward(targets, place, { rule, all: [{ path: `${path}.single`, weighted }] })
  }
  const all = (routeAction?.multi?.destinations ?? []).map((weighted, index) => ({
    path: `${path}.multi.destinations[${index}].destination`,
    weighted,
  }))
  return forward(targets, place, { rule, all })
}

interface Forwarding {
  readonly rule: Route
  readonly all: readonly { readonly path: string; readonly weighted: WeightedDestination }[]
}

function forward(targets: Targets, { id, path, origin }: RulePlace, { rule, all }: Forwarding): CompiledAction {
  const destinations = all.map((one) =>
    compileWeighted(targets, { path: one.path, namespace: origin.namespace }, one.weighted),
  )
  const hashKey = compileHashKey(rule.options?.lbHash?.hashPolicies)
  return {
    action: forwardAction(id, destinations, hashKey),
    diagnostics: [
      ...destinations.flatMap(({ diagnostics }) => diagnostics),
      ...checkHashing(path, hashKey, destinations),
    ],
    destinations,
  }
}

/** Where nothing that could be reached has a weight, the route itself answers, as Envoy does without a cluster. */
function forwardAction(split: string, compiled: readonly CompiledDestination[], hashKey: HashKey | undefined): Action {
  const destinations: ForwardAction['destinations'] = compiled.map(({ destination }) => destination)
  const isReachable = destinations.some(({ kind, weight }) => kind === 'cluster' && weight > 0)
  if (!isReachable) return { ...respond(503, ''), flag: 'NC' }
  return { kind: 'forward', split, destinations, ...(hashKey === undefined ? {} : { hashKey }) }
}

function plain(action: Action): CompiledAction {
  return { action, diagnostics: [], destinations: [] }
}

function respond(status: number, body: string): Extract<Action, { kind: 'respond' }> {
  const headers = body === '' ? [] : [{ name: 'content-type', value: 'text/plain' }]
  return { kind: 'respond', status, body, headers }
}

function compileRedirect(redirect: RedirectAction): Action {
  const { hostRedirect = '', pathRedirect, prefixRewrite, responseCode, httpsRedirect, portRedirect } = redirect
  const full = pathRedirect === undefined || pathRedirect === '' ? undefined : pathRedirect
  const path =
    full === undefined
      ? prefixRewrite === undefined
        ? undefined
        : ({ kind: 'prefix', value: prefixRewrite } as const)
      : ({ kind: 'full', value: full } as const)
  return {
    kind: 'redirect',
    status: redirectStatus(responseCode) ?? 301,
    ...(httpsRedirect === true ? { scheme: 'https' as const } : {}),
    ...(hostRedirect === '' ? {} : { host: hostRedirect }),
    ...(portRedirect === undefined ? {} : { port: portRedirect }),
    ...(path === undefined ? {} : { path }),
    stripQuery: redirect.stripQuery ?? false,
  }
}

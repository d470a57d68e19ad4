/** One rule of a VirtualService as routes of the model: one per matcher, all with the same action. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { parseDurationMs } from '../../../base/duration.ts'
import type { RedirectAction, Route, RouteOptions, WeightedDestination } from '../../../kinds/gloo-virtual-service.ts'
import { redirectStatus } from '../../../kinds/gloo-virtual-service.ts'
import type {
  Action,
  ForwardAction,
  Origin,
  Rewrite,
  Route as ModelRoute,
  RoutePolicy,
} from '../../../routing/model.ts'
import type { CompiledDestination, Targets } from './destinations.ts'
import { compileWeighted } from './destinations.ts'
import { errorAt, warningAt } from './findings.ts'
import { EVERY_PATH, compileMatcher, idleInMatcher } from './match.ts'

/** Envoy's default for a route that says nothing. */
const TIMEOUT_MS = 15_000

export interface RulePlace {
  readonly id: string
  /** `spec.virtualHost.routes[0]` */
  readonly path: string
  readonly origin: Omit<Origin, 'match'>
}

export interface CompiledRule {
  readonly routes: readonly ModelRoute[]
  readonly diagnostics: readonly Diagnostic[]
}

export function compileRule(targets: Targets, place: RulePlace, rule: Route): CompiledRule {
  const { action, diagnostics, hostNames } = compileAction(targets, place, rule)
  const { policy, idle } = compilePolicy(`${place.path}.options`, rule, hostNames)
  const matchers = rule.matchers === undefined || rule.matchers.length === 0 ? [EVERY_PATH] : rule.matchers
  return {
    routes: matchers.map((matcher, index) => ({
      id: `${place.id}/${index}`,
      origin: { ...place.origin, match: index },
      match: compileMatcher(matcher),
      action,
      policy,
    })),
    diagnostics: [
      ...diagnostics,
      ...idle,
      ...matchers.flatMap((matcher, index) => idleInMatcher(`${place.path}.matchers[${index}]`, matcher)),
    ],
  }
}

interface CompiledAction {
  readonly action: Action
  readonly diagnostics: readonly Diagnostic[]
  readonly hostNames: readonly string[]
}

/** The object has passed its checks: one action is there, or one that was refused and is reported elsewhere. */
function compileAction(targets: Targets, place: RulePlace, rule: Route): CompiledAction {
  const { routeAction, redirectAction, directResponseAction } = rule
  if (redirectAction !== undefined) return plain(compileRedirect(redirectAction))
  if (directResponseAction !== undefined) {
    return plain(respond(directResponseAction.status ?? 200, directResponseAction.body ?? ''))
  }
  if (routeAction?.single !== undefined) {
    const weighted = { destination: routeAction.single, weight: 1 }
    return forward(targets, place, [{ path: `${place.path}.routeAction.single`, weighted }])
  }
  const path = `${place.path}.routeAction.multi.destinations`
  const all = routeAction?.multi?.destinations ?? []
  return forward(
    targets,
    place,
    all.map((weighted, index) => ({ path: `${path}[${index}].destination`, weighted })),
  )
}

interface PlacedDestination {
  readonly path: string
  readonly weighted: WeightedDestination
}

function forward(targets: Targets, { id, origin }: RulePlace, all: readonly PlacedDestination[]): CompiledAction {
  const compiled = all.map(({ path, weighted }) =>
    compileWeighted(targets, { path, namespace: origin.namespace }, weighted),
  )
  return {
    action: forwardAction(id, compiled),
    diagnostics: compiled.flatMap(({ diagnostics }) => diagnostics),
    hostNames: compiled.flatMap(({ hostNames }) => hostNames),
  }
}

/** Where nothing that could be reached has a weight, the route itself answers, as Envoy does without a cluster. */
function forwardAction(split: string, compiled: readonly CompiledDestination[]): Action {
  const destinations: ForwardAction['destinations'] = compiled.map(({ destination }) => destination)
  const isReachable = destinations.some(({ kind, weight }) => kind === 'cluster' && weight > 0)
  return isReachable ? { kind: 'forward', split, destinations } : { ...respond(503, ''), flag: 'NC' }
}

function plain(action: Action): CompiledAction {
  return { action, diagnostics: [], hostNames: [] }
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

interface CompiledPolicy {
  readonly policy: RoutePolicy
  readonly idle: readonly Diagnostic[]
}

function compilePolicy(
  path: string,
  { options = {}, routeAction }: Route,
  hostNames: readonly string[],
): CompiledPolicy {
  const timeoutMs = options.timeout === undefined ? TIMEOUT_MS : (parseDurationMs(options.timeout) ?? TIMEOUT_MS)
  if (routeAction === undefined) return { policy: { timeoutMs }, idle: idleOptions(path, options) }
  const authority = authorityOf(path, options, hostNames)
  const prefix = options.prefixRewrite ?? ''
  const rewrite: Rewrite = {
    ...(prefix === '' ? {} : { path: { kind: 'prefix', value: prefix } }),
    ...(authority.value === undefined ? {} : { authority: authority.value }),
  }
  const hasRewrite = Object.keys(rewrite).length > 0
  return { policy: { timeoutMs, ...(hasRewrite ? { rewrite } : {}) }, idle: authority.diagnostics }
}

/** Options of a route that forwards nothing. */
function idleOptions(path: string, options: RouteOptions): readonly Diagnostic[] {
  const names = (['prefixRewrite', 'hostRewrite', 'autoHostRewrite', 'timeout'] as const).filter(
    (name) => options[name] !== undefined,
  )
  return names.map((name) =>
    warningAt(
      `${path}.${name}`,
      'no-effect',
      `Cannot act on "${name}": the route forwards nothing, it answers by itself`,
    ),
  )
}

interface Authority {
  readonly value?: string
  readonly diagnostics: readonly Diagnostic[]
}

/** `autoHostRewrite` sets the name of the chosen host; we can where all destinations have the same one. */
function authorityOf(
  path: string,
  { hostRewrite, autoHostRewrite }: RouteOptions,
  hostNames: readonly string[],
): Authority {
  if (hostRewrite !== undefined && hostRewrite !== '') return { value: hostRewrite, diagnostics: [] }
  if (autoHostRewrite !== true) return { diagnostics: [] }
  const [only, ...others] = [...new Set(hostNames)]
  const field = `${path}.autoHostRewrite`
  if (only === undefined) {
    const message = 'Cannot act on "autoHostRewrite": only static Upstreams have host names'
    return { diagnostics: [warningAt(field, 'no-effect', message)] }
  }
  if (others.length === 0) return { value: only, diagnostics: [] }
  const message =
    'Cannot act on "autoHostRewrite": the destinations have different host names, which is not implemented yet'
  return { diagnostics: [errorAt(field, 'not-implemented', message)] }
}

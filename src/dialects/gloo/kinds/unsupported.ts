/**
 * Fields of a VirtualService that Gloo knows and Sluice does not act on yet. Two weights: what guards a request or changes what it asks
 * for must not be dropped in silence, so it refuses the object (`error`); what only tunes is left out (`warning`).
 */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { ignored, refusal, refused } from './findings.ts'
import {
  opensTunnel,
  unsupportedInHeaders,
  unsupportedInHostOptions,
  unsupportedInRouteOptions,
} from './unsupported-options.ts'
import { unusedCors } from './unused-cors.ts'
import type { Destination, Matcher, Route, VirtualService, WeightedDestination } from './virtual-service-schema.ts'

const REFUSED_OPTIONS = [
  'transformations',
  'stagedTransformations',
  'hostRewritePathRegex',
  'hostRewriteHeader',
  'ratelimitBasic',
  'ratelimitEarly',
  'rateLimitEarlyConfigs',
  'ratelimit',
  'rateLimitConfigs',
  'ratelimitRegular',
  'rateLimitRegularConfigs',
  'waf',
  'jwt',
  'jwtStaged',
  'jwtProvidersStaged',
  'rbac',
  'extauth',
  'dlp',
  'csrf',
  'extProcEarly',
  'extProc',
  'extProcLate',
] as const

const IGNORED_OPTIONS = [
  'extensions',
  'bufferPerRoute',
  'tracing',
  'envoyMetadata',
  'maxStreamDuration',
  'ai',
  'stats',
  'includeRequestAttemptCount',
  'includeAttemptCountInResponse',
] as const

export function unsupportedInVirtualService({ spec }: VirtualService): readonly Diagnostic[] {
  const host = spec?.virtualHost
  const path = 'spec.virtualHost'
  return [
    ...refused('spec', spec ?? {}, ['sslConfig']),
    ...refused(path, host ?? {}, ['optionsConfigRefs']),
    ...inOptions(`${path}.options`, host?.options ?? {}),
    ...unsupportedInHostOptions(`${path}.options`, host?.options ?? {}),
    ...unusedCors(path, host ?? {}),
    ...(host?.routes ?? []).flatMap((route, index) => inRoute(`${path}.routes[${index}]`, route)),
  ]
}

function inRoute(path: string, route: Route): Diagnostic[] {
  const action = route.routeAction ?? {}
  return [
    ...refused(path, route, ['delegateAction', 'optionsConfigRefs']),
    ...inOptions(`${path}.options`, route.options ?? {}),
    ...unsupportedInRouteOptions(`${path}.options`, route),
    ...(route.matchers ?? []).flatMap((matcher, index) => inMatcher(`${path}.matchers[${index}]`, matcher, route)),
    ...refused(`${path}.routeAction`, action, ['upstreamGroup', 'clusterHeader', 'dynamicForwardProxy']),
    ...(action.single === undefined ? [] : inDestination(`${path}.routeAction.single`, action.single)),
    ...(action.multi?.destinations ?? []).flatMap((destination, index) =>
      inWeighted(`${path}.routeAction.multi.destinations[${index}]`, destination),
    ),
    ...refused(`${path}.redirectAction`, route.redirectAction ?? {}, ['regexRewrite']),
  ]
}

function inMatcher(path: string, matcher: Matcher, route: Route): Diagnostic[] {
  return [
    ...(matcher.connectMatcher === undefined || endsConnect(route) ? [] : [connectPassedOn(path)]),
    ...(matcher.headers ?? []).flatMap(({ name = '' }, index) =>
      name.startsWith(':') && name !== ':authority' ? [refusal(`${path}.headers[${index}].name`, name)] : [],
    ),
  ]
}

/** Only a route that forwards passes `CONNECT` on; one that answers by itself may refuse it. */
function endsConnect({ routeAction, options = {} }: Route): boolean {
  return routeAction === undefined || (options.upgrades ?? []).some(opensTunnel)
}

function connectPassedOn(path: string): Diagnostic {
  const cure = 'Open the tunnel here with options.upgrades: [{ connectTerminate: {} }]'
  return refusal(`${path}.connectMatcher`, 'connectMatcher', cure)
}

function inWeighted(path: string, { destination = {}, options = {} }: WeightedDestination): Diagnostic[] {
  return [
    ...unsupportedInHeaders(`${path}.options`, options),
    ...inOptions(`${path}.options`, options),
    ...inDestination(`${path}.destination`, destination),
  ]
}

function inDestination(path: string, destination: Destination): Diagnostic[] {
  return refused(path, destination, ['consul', 'destinationSpec'])
}

function inOptions(path: string, options: Readonly<Partial<Record<string, unknown>>>): Diagnostic[] {
  return [...refused(path, options, REFUSED_OPTIONS), ...ignored(path, options, IGNORED_OPTIONS)]
}

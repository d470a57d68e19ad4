/**
 * Fields that Gloo knows and Sluice does not act on yet. Two weights: what guards a request or changes what it asks
 * for must not be dropped in silence, so it refuses the object (`error`); what only tunes is left out (`warning`).
 */
import type { Diagnostic } from '../../base/diagnostic.ts'
import { ignored, noEffect, refusal, refused } from './findings.ts'
import { unsupportedInHostOptions, unsupportedInRouteOptions } from './unsupported-options.ts'
import type { Upstream, UpstreamSpec } from './upstream-schema.ts'
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

const UPSTREAM_TYPES = ['pipe', 'consul', 'aws', 'awsEc2', 'azure', 'gcp', 'ai'] as const
const REFUSED_UPSTREAM = ['sslConfig', 'httpProxyHostname', 'httpConnectSslConfig', 'proxyProtocolVersion'] as const
const SUCCESS_RATE = [
  'enforcingSuccessRate',
  'successRateMinimumHosts',
  'successRateRequestVolume',
  'successRateStdevFactor',
  'splitExternalLocalOriginErrors',
  'consecutiveLocalOriginFailure',
  'enforcingConsecutiveLocalOriginFailure',
  'enforcingLocalOriginSuccessRate',
] as const
const HEALTH_CHECK = [
  'initialJitter',
  'intervalJitter',
  'intervalJitterPercent',
  'grpcHealthCheck',
  'customHealthCheck',
  'reuseConnection',
  'noTrafficInterval',
  'unhealthyInterval',
  'unhealthyEdgeInterval',
  'healthyEdgeInterval',
  'eventLogPath',
  'alwaysLogHealthCheckFailures',
] as const
const HTTP_HEALTH_CHECK = [
  'useHttp2',
  'serviceName',
  'requestHeadersToAdd',
  'requestHeadersToRemove',
  'responseAssertions',
  'method',
  'expectedStatuses',
  'retriableStatuses',
] as const
const IGNORED_UPSTREAM = [
  'failover',
  'initialStreamWindowSize',
  'initialConnectionWindowSize',
  'maxConcurrentStreams',
  'httpConnectHeaders',
  'respectDnsTtl',
  'dnsRefreshRate',
  'preconnectPolicy',
  'overrideStreamErrorOnInvalidHttpMessage',
  'ignoreHealthOnHostRemoval',
] as const
const IGNORED_CONNECTION = [
  'tcpKeepalive',
  'perConnectionBufferLimitBytes',
  'commonHttpProtocolOptions',
  'http1ProtocolOptions',
] as const

export function unsupportedInVirtualService({ spec }: VirtualService): readonly Diagnostic[] {
  const host = spec?.virtualHost
  const path = 'spec.virtualHost'
  return [
    ...refused('spec', spec ?? {}, ['sslConfig']),
    ...refused(path, host ?? {}, ['optionsConfigRefs']),
    ...inOptions(`${path}.options`, host?.options ?? {}),
    ...unsupportedInHostOptions(`${path}.options`, host?.options ?? {}),
    ...(host?.routes ?? []).flatMap((route, index) => inRoute(`${path}.routes[${index}]`, route)),
  ]
}

export function unsupportedInUpstream({ spec = {} }: Upstream): readonly Diagnostic[] {
  return [
    ...refused('spec', spec, UPSTREAM_TYPES),
    ...refused('spec', spec, REFUSED_UPSTREAM),
    ...ignored('spec', spec, IGNORED_UPSTREAM),
    ...(isDownstreamProtocol(spec) ? ignored('spec', spec, ['protocolSelection']) : []),
    ...(spec.circuitBreakers?.trackRemaining === true
      ? ignored('spec.circuitBreakers', spec.circuitBreakers, ['trackRemaining'])
      : []),
    ...ignored('spec.connectionConfig', spec.connectionConfig ?? {}, IGNORED_CONNECTION),
    ...inLoadBalancer(spec),
    ...inOutlierDetection(spec),
    ...inHealthChecks(spec),
    ...inKube(spec),
    ...inStatic(spec),
  ]
}

/** By number it is 1. */
function isDownstreamProtocol({ protocolSelection }: UpstreamSpec): boolean {
  return protocolSelection === 1 || protocolSelection === 'USE_DOWNSTREAM_PROTOCOL'
}

function inLoadBalancer({ loadBalancerConfig: config = {} }: UpstreamSpec): Diagnostic[] {
  const path = 'spec.loadBalancerConfig'
  const { leastRequest = {}, roundRobin = {}, ringHash = {} } = config
  return [
    ...ignored(path, config, [
      // Endpoints that fail are used only where no other is left: that is 0.
      ...(config.healthyPanicThreshold === 0 ? [] : ['healthyPanicThreshold']),
      ...(config.useHostnameForHashing === true ? ['useHostnameForHashing'] : []),
      ...(config.closeConnectionsOnHostSetChange === true ? ['closeConnectionsOnHostSetChange'] : []),
      'updateMergeWindow',
      'localityWeightedLbConfig',
    ]),
    ...((leastRequest.choiceCount ?? 2) === 2 ? [] : ignored(`${path}.leastRequest`, leastRequest, ['choiceCount'])),
    ...ignored(`${path}.ringHash`, ringHash, ['ringHashConfig']),
    ...Object.entries({ leastRequest, roundRobin }).flatMap(([kind, { slowStartConfig }]) =>
      slowStartConfig === undefined || slowStartConfig.slowStartWindow !== undefined
        ? []
        : [noEffect(`${path}.${kind}.slowStartConfig`, 'slowStartConfig', 'it has no slowStartWindow')],
    ),
  ]
}

function inOutlierDetection({ outlierDetection = {} }: UpstreamSpec): Diagnostic[] {
  const { enforcingConsecutive5xx = 100, enforcingConsecutiveGatewayFailure = 0 } = outlierDetection
  return ignored('spec.outlierDetection', outlierDetection, [
    // Here they are enforced or not.
    ...(isPartly(enforcingConsecutive5xx) ? ['enforcingConsecutive5xx'] : []),
    ...(isPartly(enforcingConsecutiveGatewayFailure) ? ['enforcingConsecutiveGatewayFailure'] : []),
    ...SUCCESS_RATE,
  ])
}

/** The first one is made; what it may not be made without is told. */
function inHealthChecks({ healthChecks = [] }: UpstreamSpec): Diagnostic[] {
  return healthChecks.flatMap((check, index) => {
    const path = `spec.healthChecks[${index}]`
    if (index > 0) return ignored('spec', { [`healthChecks[${index}]`]: check }, [`healthChecks[${index}]`])
    return [
      ...ignored(path, check, HEALTH_CHECK),
      ...ignored(`${path}.httpHealthCheck`, check.httpHealthCheck ?? {}, HTTP_HEALTH_CHECK),
      ...ignored(`${path}.tcpHealthCheck`, check.tcpHealthCheck ?? {}, ['send', 'receive']),
    ]
  })
}

/** Of a percentage that here is all or nothing. */
function isPartly(percent: number): boolean {
  return percent > 0 && percent < 100
}

function inKube({ kube }: UpstreamSpec): Diagnostic[] {
  return (kube?.subsetSpec?.selectors ?? []).flatMap((selector, index) =>
    selector.singleHostPerSubset === true
      ? ignored(`spec.kube.subsetSpec.selectors[${index}]`, selector, ['singleHostPerSubset'])
      : [],
  )
}

function inStatic({ static: spec }: UpstreamSpec): Diagnostic[] {
  if (spec === undefined) return []
  const isTls = spec.useTls ?? spec.hosts?.some(({ port }) => port === 443) ?? false
  const hosts = spec.hosts ?? []
  return [
    ...(isTls ? [refusal('spec.static.useTls', 'useTls (on by itself for port 443)')] : []),
    ...hosts.flatMap((host, index) => ignored(`spec.static.hosts[${index}]`, host, ['healthCheckConfig'])),
  ]
}

function inRoute(path: string, route: Route): Diagnostic[] {
  const action = route.routeAction ?? {}
  return [
    ...refused(path, route, ['delegateAction', 'optionsConfigRefs']),
    ...inOptions(`${path}.options`, route.options ?? {}),
    ...unsupportedInRouteOptions(`${path}.options`, route.options ?? {}),
    ...(route.matchers ?? []).flatMap((matcher, index) => inMatcher(`${path}.matchers[${index}]`, matcher)),
    ...refused(`${path}.routeAction`, action, ['upstreamGroup', 'clusterHeader', 'dynamicForwardProxy']),
    ...(action.single === undefined ? [] : inDestination(`${path}.routeAction.single`, action.single)),
    ...(action.multi?.destinations ?? []).flatMap((destination, index) =>
      inWeighted(`${path}.routeAction.multi.destinations[${index}]`, destination),
    ),
    ...refused(`${path}.redirectAction`, route.redirectAction ?? {}, ['regexRewrite']),
  ]
}

function inMatcher(path: string, matcher: Matcher): Diagnostic[] {
  return [
    ...refused(path, matcher, ['connectMatcher']),
    ...(matcher.headers ?? []).flatMap(({ name = '' }, index) =>
      name.startsWith(':') && name !== ':authority' ? [refusal(`${path}.headers[${index}].name`, name)] : [],
    ),
  ]
}

function inWeighted(path: string, { destination = {}, options = {} }: WeightedDestination): Diagnostic[] {
  return [
    ...(options.headerManipulation === undefined
      ? []
      : [refusal(`${path}.options.headerManipulation`, 'headerManipulation', "Move it to the route's options")]),
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

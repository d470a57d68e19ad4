/**
 * Fields that Gloo knows and Sluice does not act on yet. Two weights: what guards a request or changes what it asks
 * for must not be dropped in silence, so it refuses the object (`error`); what only tunes is left out (`warning`).
 */
import type { Diagnostic } from '../../base/diagnostic.ts'
import { given } from '../field-errors.ts'
import type { Upstream, UpstreamSpec } from './upstream-schema.ts'
import type { Destination, Matcher, Route, VirtualService, WeightedDestination } from './virtual-service-schema.ts'

const REFUSED_OPTIONS = [
  'headerManipulation',
  'transformations',
  'stagedTransformations',
  'regexRewrite',
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
  'retries',
  'cors',
  'bufferPerRoute',
  'faults',
  'tracing',
  'shadowing',
  'lbHash',
  'upgrades',
  'envoyMetadata',
  'maxStreamDuration',
  'idleTimeout',
  'ai',
  'appendXForwardedHost',
  'stats',
  'includeRequestAttemptCount',
  'includeAttemptCountInResponse',
  'corsPolicyMergeSettings',
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
  'protocolSelection',
  'initialStreamWindowSize',
  'initialConnectionWindowSize',
  'maxConcurrentStreams',
  'httpConnectHeaders',
  'respectDnsTtl',
  'dnsRefreshRate',
  'preconnectPolicy',
] as const

export function unsupportedInVirtualService({ spec }: VirtualService): readonly Diagnostic[] {
  const host = spec?.virtualHost
  const path = 'spec.virtualHost'
  return [
    ...refused('spec', spec ?? {}, ['sslConfig']),
    ...refused(path, host ?? {}, ['optionsConfigRefs']),
    ...inOptions(`${path}.options`, host?.options ?? {}),
    ...(host?.routes ?? []).flatMap((route, index) => inRoute(`${path}.routes[${index}]`, route)),
  ]
}

export function unsupportedInUpstream({ spec = {} }: Upstream): readonly Diagnostic[] {
  return [
    ...refused('spec', spec, UPSTREAM_TYPES),
    ...refused('spec', spec, REFUSED_UPSTREAM),
    ...ignored('spec', spec, IGNORED_UPSTREAM),
    ...(spec.useHttp2 === true ? refused('spec', spec, ['useHttp2']) : []),
    ...ignored('spec.loadBalancerConfig', spec.loadBalancerConfig ?? {}, [
      'healthyPanicThreshold',
      'ringHash',
      'maglev',
      'localityWeightedLbConfig',
    ]),
    ...ignored('spec.connectionConfig', spec.connectionConfig ?? {}, ['tcpKeepalive']),
    ...inLeastRequest(spec),
    ...inOutlierDetection(spec),
    ...inHealthChecks(spec),
    ...inKube(spec),
    ...inStatic(spec),
  ]
}

function inLeastRequest({ loadBalancerConfig }: UpstreamSpec): Diagnostic[] {
  const leastRequest = loadBalancerConfig?.leastRequest ?? {}
  const { choiceCount = 2 } = leastRequest
  return ignored('spec.loadBalancerConfig.leastRequest', leastRequest, [
    ...(choiceCount === 2 ? [] : ['choiceCount']),
    'slowStartConfig',
  ])
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
  return [...inOptions(`${path}.options`, options), ...inDestination(`${path}.destination`, destination)]
}

function inDestination(path: string, destination: Destination): Diagnostic[] {
  return refused(path, destination, ['consul', 'destinationSpec'])
}

function inOptions(path: string, options: Fields): Diagnostic[] {
  return [...refused(path, options, REFUSED_OPTIONS), ...ignored(path, options, IGNORED_OPTIONS)]
}

type Fields = Readonly<Partial<Record<string, unknown>>>

function refused(path: string, object: Fields, names: readonly string[]): Diagnostic[] {
  return given(object, names).map((name) => refusal(`${path}.${name}`, name))
}

function refusal(path: string, what: string): Diagnostic {
  const message = `Cannot act on "${what}": Sluice does not implement it yet, and serving without it would not be what was asked for`
  return { severity: 'error', code: 'not-implemented', path, message }
}

function ignored(path: string, object: Fields, names: readonly string[]): Diagnostic[] {
  return given(object, names).map((name) => ({
    severity: 'warning',
    code: 'not-implemented',
    path: `${path}.${name}`,
    message: `Cannot act on "${name}": Sluice does not implement it yet; it has no effect`,
  }))
}

/** Fields of an Upstream that Gloo knows and Sluice does not act on yet; see `unsupported.ts` for the two weights. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { ignored, noEffect, refusal, refused } from './findings.ts'
import { usesTls } from './upstream-tls.ts'
import { UNUSED_HEALTH_CHECK, UNUSED_HTTP_HEALTH_CHECK, UNUSED_SUCCESS_RATE } from './upstream-schema.ts'
import type { Upstream, UpstreamSpec } from './upstream-schema.ts'

const UPSTREAM_TYPES = ['pipe', 'consul', 'aws', 'awsEc2', 'azure', 'gcp', 'ai'] as const
const REFUSED_UPSTREAM = ['httpProxyHostname', 'httpConnectSslConfig', 'proxyProtocolVersion'] as const
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
    ...inTls(spec),
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
    ...UNUSED_SUCCESS_RATE,
  ])
}

/** The first one is made; what it may not be made without is told. */
function inHealthChecks({ healthChecks = [] }: UpstreamSpec): Diagnostic[] {
  return healthChecks.flatMap((check, index) => {
    const path = `spec.healthChecks[${index}]`
    if (index > 0) return ignored('spec', { [`healthChecks[${index}]`]: check }, [`healthChecks[${index}]`])
    return [
      ...ignored(path, check, UNUSED_HEALTH_CHECK),
      ...ignored(`${path}.httpHealthCheck`, check.httpHealthCheck ?? {}, UNUSED_HTTP_HEALTH_CHECK),
      ...ignored(`${path}.grpcHealthCheck`, check.grpcHealthCheck ?? {}, ['initialMetadata']),
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
  return (spec?.hosts ?? []).flatMap((host, index) =>
    ignored(`spec.static.hosts[${index}]`, host, ['healthCheckConfig']),
  )
}

/** As in Gloo, nothing is verified without the certificate of an authority. */
function inTls(spec: UpstreamSpec): Diagnostic[] {
  const { sslConfig = {} } = spec
  const path = 'spec.sslConfig'
  const [name, ...others] = sslConfig.verifySubjectAltName ?? []
  const isNamed = others.length > 0 || (name !== undefined && sslConfig.sni !== undefined && name !== sslConfig.sni)
  return [
    ...refused(path, sslConfig, ['sds']),
    ...(sslConfig.sslFiles === undefined
      ? []
      : [refusal(`${path}.sslFiles`, 'sslFiles', 'Put the files into a Secret and name it in secretRef')]),
    ...(isNamed
      ? [refusal(`${path}.verifySubjectAltName`, 'verifySubjectAltName', 'One name is verified, and asked for by SNI')]
      : []),
    ...ignored(path, sslConfig, ['parameters', 'alpnProtocols']),
    ...(sslConfig.allowRenegotiation === true ? ignored(path, sslConfig, ['allowRenegotiation']) : []),
    ...inServerNames(spec),
    ...(usesTls(spec) && sslConfig.secretRef === undefined ? [notVerified(spec)] : []),
  ]
}

function inServerNames({ static: spec }: UpstreamSpec): Diagnostic[] {
  const names = new Set((spec?.hosts ?? []).map(({ sniAddr = '' }) => sniAddr))
  return names.size > 1
    ? [refusal('spec.static.hosts', 'sniAddr', 'Give all hosts the same, or make them Upstreams')]
    : []
}

function notVerified({ sslConfig }: UpstreamSpec): Diagnostic {
  const path = sslConfig === undefined ? 'spec.static.useTls' : 'spec.sslConfig'
  const message =
    'The certificates of the endpoints are not verified, as in Gloo: who can answer in their place is believed. Name a Secret with ca.crt in sslConfig.secretRef'
  return { severity: 'warning', code: 'not-verified', path, message }
}

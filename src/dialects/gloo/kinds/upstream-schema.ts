/** The fields of a Gloo Upstream. Source: Gloo's upstream protos, 1.3 to 1.20. Closed where Sluice acts on them. */
import type { KubeObject } from '../../../kube/object.ts'
import { objectMeta, typeMeta } from '../../../kinds/metadata.ts'
import type { Infer } from '../../../kinds/schema.ts'
import {
  any,
  array,
  boolean,
  double,
  int64,
  intOrString,
  map,
  object,
  optional,
  string,
} from '../../../kinds/schema.ts'
import type { GlooStatus } from './shared.ts'
import { glooStatus, opaque, resourceRef } from './shared.ts'

/** Fields that Sluice does not act on. */
export const UNUSED_SUCCESS_RATE = [
  'enforcingSuccessRate',
  'successRateMinimumHosts',
  'successRateRequestVolume',
  'successRateStdevFactor',
  'splitExternalLocalOriginErrors',
  'consecutiveLocalOriginFailure',
  'enforcingConsecutiveLocalOriginFailure',
  'enforcingLocalOriginSuccessRate',
] as const
export const UNUSED_HEALTH_CHECK = [
  'initialJitter',
  'intervalJitter',
  'intervalJitterPercent',
  'customHealthCheck',
  'reuseConnection',
  'noTrafficInterval',
  'unhealthyInterval',
  'unhealthyEdgeInterval',
  'healthyEdgeInterval',
  'eventLogPath',
  'alwaysLogHealthCheckFailures',
] as const
export const UNUSED_HTTP_HEALTH_CHECK = [
  'useHttp2',
  'serviceName',
  'requestHeadersToAdd',
  'requestHeadersToRemove',
  'responseAssertions',
  'method',
  'expectedStatuses',
  'retriableStatuses',
] as const

const subsetSelector = object({
  keys: optional(array(string), undefined, { description: 'One subset per distinct tuple of these labels.' }),
  singleHostPerSubset: optional(boolean),
})

const subsetSpec = object({
  selectors: optional(array(subsetSelector)),
  fallbackPolicy: optional(intOrString, undefined, {
    description: 'What serves an empty subset: ANY_ENDPOINT (default), DEFAULT_SUBSET or NO_FALLBACK.',
  }),
  defaultSubset: optional(object({ values: optional(map(string)) })),
})

const kubeUpstream = object({
  serviceName: optional(string),
  serviceNamespace: optional(string),
  servicePort: optional(int64, undefined, {
    description: 'A port of the Service; a Service with one port is used whatever number stands here.',
  }),
  selector: optional(map(string), undefined, { description: 'Only pods with these labels, too.' }),
  serviceSpec: optional(any),
  subsetSpec: optional(subsetSpec),
})

const staticHost = object({
  addr: optional(string),
  port: optional(int64),
  sniAddr: optional(string),
  loadBalancingWeight: optional(int64),
  metadata: optional(map(any)),
  healthCheckConfig: optional(any),
})

const staticUpstream = object({
  hosts: optional(array(staticHost)),
  useTls: optional(boolean, undefined, { description: 'Default: true for port 443.' }),
  serviceSpec: optional(any),
  autoSniRewrite: optional(boolean),
})

const connectionConfig = object({
  connectTimeout: optional(string),
  maxRequestsPerConnection: optional(int64, undefined, { description: '0: no limit.' }),
  ...opaque('tcpKeepalive', 'perConnectionBufferLimitBytes', 'commonHttpProtocolOptions', 'http1ProtocolOptions'),
})

const slowStartConfig = optional(
  object({
    slowStartWindow: optional(string, undefined, { description: 'For so long an endpoint that is new gets less.' }),
    aggression: optional(double, undefined, { description: '1 (default) grows evenly; more grows faster at first.' }),
    minWeightPercent: optional(double, undefined, { description: 'Never less of its weight. Default: 10.' }),
  }),
  undefined,
  { description: 'New endpoints get less than their share for a while.' },
)

const leastRequest = object({ choiceCount: optional(int64), slowStartConfig })

const ringHash = object({
  ringHashConfig: optional(object({ minimumRingSize: optional(int64), maximumRingSize: optional(int64) })),
})

const loadBalancerConfig = object({
  leastRequest: optional(leastRequest, undefined, { description: 'Of two endpoints, the one with fewer requests.' }),
  random: optional(object({})),
  roundRobin: optional(object({ slowStartConfig }), undefined, { description: 'One after the other; the default.' }),
  ringHash: optional(ringHash, undefined, { description: "By what the route's lbHash names." }),
  maglev: optional(object({}), undefined, { description: "By what the route's lbHash names." }),
  healthyPanicThreshold: optional(double),
  useHostnameForHashing: optional(boolean),
  closeConnectionsOnHostSetChange: optional(boolean),
  ...opaque('updateMergeWindow', 'localityWeightedLbConfig'),
})

const circuitBreakers = object({
  maxConnections: optional(int64, undefined, { description: 'Default: 1024.' }),
  maxPendingRequests: optional(int64, undefined, { description: 'That wait for a connection. Default: 1024.' }),
  maxRequests: optional(int64, undefined, { description: 'Default: 1024.' }),
  maxRetries: optional(int64, undefined, { description: 'At the same time. Default: 3.' }),
  trackRemaining: optional(boolean),
})

const healthCheck = object({
  timeout: optional(string),
  interval: optional(string),
  healthyThreshold: optional(int64),
  unhealthyThreshold: optional(int64),
  httpHealthCheck: optional(
    object({
      path: optional(string),
      host: optional(string, undefined, { description: 'Default: the address of the endpoint.' }),
      ...opaque(...UNUSED_HTTP_HEALTH_CHECK),
    }),
  ),
  tcpHealthCheck: optional(object(opaque('send', 'receive'))),
  grpcHealthCheck: optional(
    object({
      serviceName: optional(string, undefined, { description: 'Default: the server as a whole.' }),
      authority: optional(string, undefined, { description: 'Default: the address of the endpoint.' }),
      ...opaque('initialMetadata'),
    }),
  ),
  ...opaque(...UNUSED_HEALTH_CHECK),
})

const outlierDetection = object({
  consecutive5xx: optional(int64, undefined, { description: 'Failures in a row that eject an endpoint. Default: 5.' }),
  interval: optional(string, undefined, { description: 'How often ejections are looked at. Default: 10s.' }),
  baseEjectionTime: optional(string, undefined, { description: 'Of the first ejection. Default: 30s.' }),
  maxEjectionPercent: optional(int64, undefined, { description: 'Default: 10; one endpoint always may be out.' }),
  enforcingConsecutive5xx: optional(int64, undefined, { description: '0: they eject nobody. Default: 100.' }),
  consecutiveGatewayFailure: optional(int64, undefined, { description: 'The same for 502 to 504. Default: 5.' }),
  enforcingConsecutiveGatewayFailure: optional(int64, undefined, { description: 'Default: 0, they eject nobody.' }),
  ...opaque(...UNUSED_SUCCESS_RATE),
})

const sslConfig = object({
  secretRef: optional(resourceRef, undefined, {
    description: 'A Secret with tls.crt and tls.key (shown to endpoints), ca.crt (endpoints are verified), or both.',
  }),
  sni: optional(string, undefined, { description: 'The name asked for, and verified. Default: the address.' }),
  verifySubjectAltName: optional(array(string)),
  oneWayTls: optional(boolean, undefined, { description: 'No certificate is shown to endpoints.' }),
  allowRenegotiation: optional(boolean),
  ...opaque('sslFiles', 'sds', 'parameters', 'alpnProtocols'),
})

const upstreamSpec = object({
  kube: optional(kubeUpstream),
  static: optional(staticUpstream),
  connectionConfig: optional(connectionConfig),
  loadBalancerConfig: optional(loadBalancerConfig),
  circuitBreakers: optional(circuitBreakers),
  outlierDetection: optional(outlierDetection),
  healthChecks: optional(array(healthCheck)),
  protocolSelection: optional(intOrString),
  sslConfig: optional(sslConfig, undefined, { description: 'Endpoints are spoken to over TLS.' }),
  useHttp2: optional(boolean, undefined, { description: 'Endpoints are spoken to in HTTP/2, such as gRPC needs.' }),
  ...opaque(
    'pipe',
    'consul',
    'aws',
    'awsEc2',
    'azure',
    'gcp',
    'ai',
    'failover',
    'discoveryMetadata',
    'initialStreamWindowSize',
    'initialConnectionWindowSize',
    'maxConcurrentStreams',
    'overrideStreamErrorOnInvalidHttpMessage',
    'httpProxyHostname',
    'httpConnectSslConfig',
    'httpConnectHeaders',
    'ignoreHealthOnHostRemoval',
    'respectDnsTtl',
    'dnsRefreshRate',
    'proxyProtocolVersion',
    'preconnectPolicy',
    'disableIstioAutoMtls',
    'namespacedStatuses',
  ),
})

export const upstreamSchema = object(
  {
    ...typeMeta,
    metadata: optional(objectMeta),
    spec: optional(upstreamSpec),
    status: optional(glooStatus),
  },
  { name: 'io.solo.gloo.v1.Upstream' },
)

export type SubsetSpec = Infer<typeof subsetSpec>
export type KubeUpstream = Infer<typeof kubeUpstream>
export type StaticUpstream = Infer<typeof staticUpstream>
export type SslConfig = Infer<typeof sslConfig>
export type UpstreamSpec = Infer<typeof upstreamSpec>

export interface Upstream extends KubeObject {
  readonly spec?: UpstreamSpec
  readonly status?: GlooStatus
}

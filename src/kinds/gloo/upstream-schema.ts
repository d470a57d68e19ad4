/** The fields of a Gloo Upstream. Source: Gloo's upstream protos, 1.3 to 1.20. Closed where Sluice acts on them. */
import type { KubeObject } from '../../kube/object.ts'
import { objectMeta, typeMeta } from '../metadata.ts'
import type { Infer } from '../schema.ts'
import { any, array, boolean, int64, intOrString, map, object, optional, string } from '../schema.ts'
import type { GlooStatus } from './shared.ts'
import { glooStatus, opaque } from './shared.ts'

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
  ...opaque(
    'maxRequestsPerConnection',
    'tcpKeepalive',
    'perConnectionBufferLimitBytes',
    'commonHttpProtocolOptions',
    'http1ProtocolOptions',
  ),
})

const loadBalancerConfig = object(
  opaque(
    'roundRobin',
    'leastRequest',
    'random',
    'ringHash',
    'maglev',
    'healthyPanicThreshold',
    'updateMergeWindow',
    'localityWeightedLbConfig',
    'useHostnameForHashing',
    'closeConnectionsOnHostSetChange',
  ),
)

const upstreamSpec = object({
  kube: optional(kubeUpstream),
  static: optional(staticUpstream),
  connectionConfig: optional(connectionConfig),
  loadBalancerConfig: optional(loadBalancerConfig),
  useHttp2: optional(boolean),
  ...opaque(
    'pipe',
    'consul',
    'aws',
    'awsEc2',
    'azure',
    'gcp',
    'ai',
    'sslConfig',
    'circuitBreakers',
    'healthChecks',
    'outlierDetection',
    'failover',
    'discoveryMetadata',
    'protocolSelection',
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
export type UpstreamSpec = Infer<typeof upstreamSpec>

export interface Upstream extends KubeObject {
  readonly spec?: UpstreamSpec
  readonly status?: GlooStatus
}

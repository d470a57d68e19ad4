/** Clusters in a file: endpoints, and how they are chosen, limited and watched. */
import type {
  Balance,
  ClientTls,
  Cluster,
  ClusterLimits,
  Endpoint,
  HealthCheck,
  LocalPreference,
  OutlierDetection,
  SlowStart,
} from '../cluster-model.ts'

import {
  CONNECT_TIMEOUT_MS,
  COUNT_MAX,
  PORT_MAX,
  WEIGHT_MAX,
  delayMs,
  durationMs,
  hashKey,
  limit,
  locality,
  name,
  pem,
  port,
  textIn,
  threshold,
  workload,
} from './common-shapes.ts'
import * as s from './shape.ts'
import type { At } from './shape.ts'

const clientTls = s.object<ClientTls>({
  mesh: s.optional(
    s.object<NonNullable<ClientTls['mesh']>>({
      allowedPeers: s.required(s.list(name), 'Identities of which the endpoint must show one'),
    }),
    'As a member of a mesh, with the certificate of its own identity; cannot be served yet',
  ),
  authorities: s.optional(pem, 'PEM; default: those that come with the data plane'),
  serverName: s.optional(name, 'Sent as SNI and checked against the certificate; default: the address'),
  certificate: s.optional(pem, 'For mutual TLS: PEM chain, leaf first'),
  privateKey: s.optional(pem, 'PEM, not encrypted'),
  insecureSkipVerify: s.optional(s.boolean(), 'Whether any certificate will do'),
})

const endpoint = s.orText<Endpoint>(
  s.object<Endpoint>({
    address: s.required(name, 'IP address or DNS name'),
    port: s.required(port, 'Port'),
    weight: s.optional(s.integer({ min: 1, max: WEIGHT_MAX }), 'Share among the endpoints; default: 1'),
    workload: s.optional(workload, 'Whom a request reaches here; metrics count by it'),
    locality: s.optional(locality, 'Where it runs'),
  }),
  { read: readEndpoint, what: 'address:port' },
)

const service = s.object<Cluster['service']>({
  namespace: s.byDefault(s.text(), 'default', 'Namespace of the service'),
  name: s.required(name, 'Name of the service'),
  port: s.byDefault(port, 80, 'Port of the service'),
})

const balance = s.variants<Balance>({
  'round-robin': {},
  random: {},
  'least-request': {},
  'ring-hash': { key: s.required(hashKey, 'What of a request is hashed') },
  maglev: { key: s.required(hashKey, 'What of a request is hashed') },
})

const limits = s.object<ClusterLimits>({
  connectionsMax: s.byDefault(s.integer({ min: 1, max: COUNT_MAX }), COUNT_MAX, 'Connections to all endpoints'),
  pendingMax: s.byDefault(limit, COUNT_MAX, 'Requests that wait for a connection'),
  requestsMax: s.byDefault(limit, COUNT_MAX, 'Requests under way'),
  retriesMax: s.byDefault(limit, COUNT_MAX, 'Requests that are being sent again'),
  requestsPerConnectionMax: s.byDefault(limit, 0, 'A connection is closed after so many requests; 0: no limit'),
})

const outlier = s.object<OutlierDetection>({
  consecutive5xx: s.byDefault(limit, 5, 'So many failures in a row eject an endpoint; 0: they are not counted'),
  consecutiveGatewayErrors: s.byDefault(limit, 0, 'The same for 502, 503, 504 and requests without an answer'),
  intervalMs: s.byDefault(delayMs, 10_000, 'How often it is looked whether an ejection is over'),
  baseEjectionMs: s.byDefault(delayMs, 30_000, 'How long the first ejection lasts'),
  maxEjectionMs: s.byDefault(delayMs, 300_000, 'How long any lasts at most'),
  ejectedShareMax: s.byDefault(s.share(), 0.1, 'How much of the endpoints may be out; one always, never all'),
})

const healthCheck = s.object<HealthCheck>({
  kind: s.byDefault(
    s.choice(['http', 'tcp', 'grpc']),
    'http',
    'http: GET, good with 200 to 299; tcp: good when it connects; grpc: grpc.health.v1',
  ),
  path: s.byDefault(s.text(), '/', 'What is asked for'),
  host: s.byDefault(s.text(), '', 'Host header; default: the endpoint'),
  service: s.optional(s.text(), 'With grpc: the service that is asked about; default: the server as a whole'),
  intervalMs: s.byDefault(delayMs, 5_000, 'Between two checks'),
  timeoutMs: s.byDefault(delayMs, 1_000, 'How long one may take'),
  healthyThreshold: s.byDefault(threshold, 2, 'So many good ones in a row make an endpoint healthy again'),
  unhealthyThreshold: s.byDefault(threshold, 3, 'So many bad ones in a row make it unhealthy'),
})

const slowStart = s.object<SlowStart>({
  windowMs: s.required(delayMs, 'How long an endpoint is new'),
  aggression: s.byDefault(s.number({ above: 0 }), 1, '1: its share grows evenly; more: faster at first'),
  minWeightShare: s.byDefault(s.share(), 0.1, 'What it gets at least'),
})

const preferLocal = s.object<LocalPreference>({
  overprovisioning: s.byDefault(
    s.number({ above: 0 }),
    1.4,
    'The near ones are enough while a share of 1 / this of them can be used; at least 1',
  ),
})

export const cluster = s.object<Cluster>({
  name: s.required(name, 'What routes call it'),
  service: s.derived(service, ownService, 'For metrics; default: a service of the cluster’s name'),
  subset: s.optional(s.map(s.text()), 'The labels that make the subset, for information'),
  endpoints: s.required(s.list(endpoint), 'Who serves'),
  fallback: s.optional(name, 'The cluster to use while this one has no endpoint'),
  connectTimeoutMs: s.byDefault(durationMs, CONNECT_TIMEOUT_MS, 'How long making a connection may take'),
  balance: s.optional(balance, 'How requests are spread over the endpoints; default: round-robin'),
  limits: s.optional(limits, 'Circuit breaking, per worker; beyond: 503 with flag UO. Default: none'),
  healthCheck: s.optional(healthCheck, 'Endpoints are asked now and then, and left out while they fail'),
  outlier: s.optional(outlier, 'Leaves endpoints out that fail; default: none are'),
  tls: s.optional(clientTls, 'Speak TLS to the endpoints'),
  protocol: s.optional(s.choice(['http1', 'http2']), 'What requests are sent in; default: http1'),
  slowStart: s.optional(slowStart, 'New endpoints get less for a while; default: their share at once'),
  preferLocal: s.optional(preferLocal, 'Near endpoints before far ones; default: all alike'),
})

/** `127.0.0.1:9001`, `[::1]:9001`, `example.com:80` */
function readEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const address = bracketed ?? plain
  const number = Number(digits)
  return address === undefined || number < 1 || number > PORT_MAX ? undefined : { address, port: number }
}

function ownService({ parent }: At): Cluster['service'] {
  return { namespace: 'default', name: textIn(parent, 'name') ?? '', port: 80 }
}

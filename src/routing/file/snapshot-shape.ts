/**
 * The routing model as it is written in a file: for every field its shape, its default and its explanation. A field that is
 * added to the model does not compile until it has its line here.
 */
import type {
  Action,
  Affinity,
  Balance,
  ClientTls,
  Cluster,
  ClusterLimits,
  CorsPolicy,
  Endpoint,
  ForwardAction,
  Fault,
  HeaderEdits,
  HashKey,
  HeaderMatch,
  HttpLimits,
  HttpPolicy,
  HeaderValue,
  HealthCheck,
  Listener,
  Match,
  Origin,
  OutlierDetection,
  PathMatch,
  QueryMatch,
  ResponseFlag,
  PathRewrite,
  RetryCondition,
  RetryPolicy,
  Rewrite,
  Route,
  RoutePolicy,
  RouteTable,
  RoutingSnapshot,
  ServerCertificate,
  ServerTls,
  SourceGeneration,
  TcpListener,
  TcpRoute,
  ValueMatch,
  VirtualHost,
  WeightedDestination,
  WorkloadIdentity,
} from '../model.ts'

import * as s from './shape.ts'
import type { At, Shape } from './shape.ts'

type Replacement = NonNullable<Extract<Action, { kind: 'redirect' }>['path']>

const PORT_MAX = 65_535
/** Of requests and connections; what is not limited has this. */
const COUNT_MAX = 2_147_483_647
const WEIGHT_MAX = 1_000_000
/** The longest delay of a timer. */
const DURATION_MS_MAX = 2_147_483_647
const CONNECT_TIMEOUT_MS = 5_000
const TIMEOUT_MS = 15_000
const FLAGS: readonly ResponseFlag[] = ['NR', 'NC', 'UH', 'UF', 'UC', 'UT', 'UPE', 'UO', 'DC', 'DPE', 'URX', 'DI', 'FI']

const BACKOFF = { initialMs: 25, maxMs: 250 }
const RETRY_CONDITIONS: readonly RetryCondition[] = [
  '5xx',
  'gateway-error',
  'reset',
  'connect-failure',
  'retriable-4xx',
  'retriable-status-codes',
]

const name = s.text({ pattern: /./, what: 'a name' })
const durationMs = s.integer({ min: 0, max: DURATION_MS_MAX })
const backoffMs = s.integer({ min: 1, max: DURATION_MS_MAX })
const port = s.integer({ min: 1, max: PORT_MAX })
const weight = s.integer({ min: 0, max: WEIGHT_MAX })
const count = s.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const status = s.integer({ min: 200, max: 599 })
const threshold = s.integer({ min: 1, max: COUNT_MAX })
const delayMs = s.integer({ min: 1, max: DURATION_MS_MAX })
const limit = s.integer({ min: 0, max: COUNT_MAX })
const lowerCase = s.refined(name, (value) => value.toLowerCase())
const upperCase = s.refined(name, (value) => value.toUpperCase())

const value = s.required(s.text(), 'The text to compare with')

const valueMatch = s.orText<ValueMatch>(
  s.variants<ValueMatch>({
    exact: { value },
    prefix: { value },
    suffix: { value },
    regex: { value: s.required(s.text(), 'RE2, matches the whole value') },
    present: {},
  }),
  { read: (text) => ({ kind: 'exact', value: text }), what: 'a text: the value must be equal to it' },
)

const caseSensitive = s.byDefault(s.boolean(), true, 'Whether upper and lower case differ')
const pathValue = s.required(s.text(), 'What the path, without the query, is compared with')
const pathFields = { value: pathValue, caseSensitive }

const pathMatch = s.orText<PathMatch>(
  s.variants<PathMatch>({ exact: pathFields, prefix: pathFields, 'path-prefix': pathFields, regex: pathFields }),
  {
    read: (text) => ({ kind: 'path-prefix', value: text, caseSensitive: true }),
    what: 'a text: the path must begin with it, by path elements',
  },
)

const match: Shape<Match> = s.object<Match>({
  path: s.byDefault(pathMatch, { kind: 'prefix', value: '/', caseSensitive: true }, 'Which paths'),
  methods: s.byDefault(s.list(upperCase), [], 'Which methods; empty: any'),
  headers: s.byDefault(
    s.list(
      s.object<HeaderMatch>({
        name: s.required(lowerCase, 'Name of the header'),
        value: s.byDefault(valueMatch, { kind: 'present' }, 'What its value must be'),
        invert: s.byDefault(s.boolean(), false, 'Whether it must not hold'),
      }),
    ),
    [],
    'All must hold',
  ),
  query: s.byDefault(
    s.list(
      s.object<QueryMatch>({
        name: s.required(name, 'Name of the parameter'),
        value: s.byDefault(valueMatch, { kind: 'present' }, 'What its value must be'),
      }),
    ),
    [],
    'All must hold',
  ),
})

const EVERYTHING: Match = {
  path: { kind: 'prefix', value: '/', caseSensitive: true },
  methods: [],
  headers: [],
  query: [],
}

const shareWeight = s.byDefault(weight, 1, 'The share is this weight divided by the sum of all')

const destination = s.variants<WeightedDestination>(
  {
    cluster: { cluster: s.required(name, 'Name of a cluster'), weight: shareWeight },
    invalid: {
      status: s.byDefault(s.choice([500, 503]), 500, 'What this share is answered with'),
      reason: s.byDefault(s.text(), 'no such backend', 'Why, for the log'),
      weight: shareWeight,
    },
  },
  { otherwise: 'cluster' },
)

const headerValue = s.object<HeaderValue>({
  name: s.required(name, 'Name of the header'),
  value: s.required(s.text(), 'Value of the header'),
})

const replaced = s.required(s.text(), 'What takes its place')
const replacement = s.object<Replacement>({
  kind: s.byDefault(s.choice(['prefix', 'full']), 'prefix', 'What of the path is replaced: the matched prefix, or all'),
  value: replaced,
})

const pathRewrite = s.variants<PathRewrite>(
  {
    prefix: { value: replaced },
    full: { value: replaced },
    regex: {
      pattern: s.required(name, 'RE2; everything in the path that it matches is replaced'),
      value: s.required(s.text(), 'What takes its place; \\1 stands for the first group'),
    },
  },
  { otherwise: 'prefix' },
)

const hashKey = s.variants<HashKey>({
  header: { name: s.required(lowerCase, 'Name of the header') },
  query: { name: s.required(name, 'Name of the query parameter') },
  cookie: {
    name: s.required(name, 'Name of the cookie; it is set where it is absent'),
    ttlSeconds: s.byDefault(count, 0, 'How long a client keeps it; 0: for the session'),
    path: s.byDefault(s.text(), '/', 'Path for which clients send it'),
  },
  'source-address': {},
})

const affinity = s.object<Affinity>({
  key: s.required(hashKey, 'What of a request decides'),
  salt: s.byDefault(s.text(), '', 'Routes with the same salt treat a key alike'),
})

const forwardFields = {
  split: s.derived(name, splitName, 'Routes with the same name share one sequence of picks; default: its own'),
  destinations: s.required(s.list(destination, { min: 1 }), 'The clusters and their weights'),
  affinity: s.optional(affinity, 'Keeps a key with its destination; default: the exact sequence'),
}

const action = s.variants<Action>(
  {
    forward: forwardFields,
    redirect: {
      status: s.byDefault(s.choice([301, 302, 303, 307, 308]), 302, 'Status of the answer'),
      scheme: s.optional(s.choice(['http', 'https']), 'Scheme of the new URL; default: as asked'),
      host: s.optional(name, 'Host of the new URL; default: as asked'),
      port: s.optional(port, 'Port of the new URL; default: as asked'),
      path: s.optional(replacement, 'What of the path changes'),
      stripQuery: s.byDefault(s.boolean(), false, 'Whether the query is left out'),
    },
    respond: {
      status: s.byDefault(status, 200, 'Status of the answer'),
      body: s.byDefault(s.text(), '', 'Body of the answer'),
      headers: s.byDefault(s.list(headerValue), [], 'Headers of the answer'),
      flag: s.optional(s.choice(FLAGS), 'Response flag to report, where the answer stands for a fault'),
    },
  },
  { otherwise: 'forward' },
)

const headers = s.byDefault(s.list(headerValue), [], 'Headers, in this order')
const edits = s.object<HeaderEdits>({
  remove: s.byDefault(s.list(lowerCase), [], 'Headers that are taken away'),
  set: { ...headers, json: { ...headers.json, description: 'Headers that replace those of the same name' } },
  add: { ...headers, json: { ...headers.json, description: 'Headers that come on top' } },
})

const retry = s.object<RetryPolicy>({
  attempts: s.byDefault(s.integer({ min: 1, max: 100 }), 1, 'Tries after the first'),
  on: s.required(s.list(s.choice(RETRY_CONDITIONS), { min: 1 }), 'What is tried again'),
  statuses: s.byDefault(s.list(status), [], 'With retriable-status-codes'),
  perTryTimeoutMs: s.byDefault(durationMs, 0, 'How long one try may take; 0: only the timeout of all counts'),
  backoff: s.byDefault(
    s.object<RetryPolicy['backoff']>({
      initialMs: s.byDefault(backoffMs, BACKOFF.initialMs, 'At most so long before the first retry, then double'),
      maxMs: s.byDefault(backoffMs, BACKOFF.maxMs, 'Never longer'),
    }),
    BACKOFF,
    'How long to wait between tries',
  ),
  budget: s.byDefault(s.share(), 0.2, 'Retries at the same time as a share of the requests under way; at least 3'),
})

const faultShare = s.byDefault(s.share(), 1, 'Share of the requests, 0 to 1')
const fault = s.object<Fault>({
  delay: s.optional(
    s.object<NonNullable<Fault['delay']>>({
      share: faultShare,
      delayMs: s.required(durationMs, 'How long these wait'),
    }),
    'Requests that wait',
  ),
  abort: s.optional(
    s.object<NonNullable<Fault['abort']>>({ share: faultShare, status: s.required(status, 'How these are answered') }),
    'Requests that fail',
  ),
})

const names = s.byDefault(s.list(name), [], 'Names, or *')
const cors = s.object<CorsPolicy>({
  allowOrigins: s.required(s.list(valueMatch, { min: 1 }), 'Origins that may ask'),
  allowMethods: names,
  allowHeaders: names,
  exposeHeaders: names,
  allowCredentials: s.byDefault(s.boolean(), false, 'Whether cookies and the like may be sent'),
  maxAgeSeconds: s.optional(count, 'How long a browser remembers; default: its own choice'),
})

const policy = s.object<RoutePolicy>({
  timeoutMs: s.byDefault(durationMs, TIMEOUT_MS, 'From the complete request to the complete response; 0: none'),
  rewrite: s.optional(
    s.object<Rewrite>({
      path: s.optional(pathRewrite, 'What of the path changes'),
      authority: s.optional(name, 'The new Host header'),
    }),
    'What of the request changes on its way',
  ),
  idleTimeoutMs: s.optional(durationMs, 'A request on which nothing moves for so long is given up; default: 5 minutes'),
  retry: s.optional(retry, 'When a request is tried again'),
  requestHeaders: s.optional(edits, 'Headers that change on the way to the endpoint'),
  responseHeaders: s.optional(edits, 'Headers that change on the way to the client'),
  fault: s.optional(fault, 'Faults on purpose'),
  cors: s.optional(cors, 'Requests across origins'),
})

const origin = s.object<Origin>({
  kind: s.byDefault(name, 'RoutingFile', 'Kind of the object that the route comes from'),
  namespace: s.byDefault(s.text(), '', 'Its namespace'),
  name: s.byDefault(s.text(), '', 'Its name'),
  generation: s.byDefault(count, 0, 'Its generation'),
  rule: s.byDefault(count, 0, 'Index of the rule in it'),
  match: s.byDefault(count, 0, 'Index of the match in the rule'),
})

const route = s.object<Route>({
  id: s.derived(name, ownName, 'Unique in its table; default: where it stands'),
  origin: s.derived(origin, ownOrigin, 'Where it comes from, for explanations; default: where it stands in the file'),
  match: s.byDefault(match, EVERYTHING, 'Which requests; default: all'),
  action: s.required(action, 'What becomes of the requests: forward, redirect or respond'),
  policy: s.byDefault(policy, { timeoutMs: TIMEOUT_MS }, 'How they are treated'),
})

const virtualHost = s.object<VirtualHost>({
  name: s.derived(name, ownName, 'For explanations; default: where it stands'),
  domains: s.byDefault(s.list(name, { min: 1 }), ['*'], 'example.com, *.example.com or *, each optionally with :port'),
  routes: s.required(s.list(route), 'In order: the first match wins'),
})

const routeTable = s.object<RouteTable>({
  id: s.byDefault(name, 'default', 'What listeners call it'),
  virtualHosts: s.required(s.list(virtualHost), 'The hosts it answers for'),
})

const pem = s.text({ pattern: /-----BEGIN /, what: 'PEM' })

const serverTls = s.object<ServerTls>({
  certificates: s.required(
    s.list(
      s.object<ServerCertificate>({
        serverNames: s.byDefault(
          s.list(name),
          [],
          'example.com or *.example.com; default: the names in the certificate',
        ),
        certificate: s.required(pem, 'PEM chain, leaf first'),
        privateKey: s.required(pem, 'PEM, not encrypted'),
      }),
      { min: 1 },
    ),
    'Chosen by server name; the first one serves everybody else',
  ),
  clientAuthorities: s.optional(pem, 'PEM; clients must show a certificate of one of them'),
  minVersion: s.byDefault(s.choice(['TLSv1.2', 'TLSv1.3']), 'TLSv1.2', 'The oldest version that is spoken'),
})

const clientTls = s.object<ClientTls>({
  authorities: s.optional(pem, 'PEM; default: those that come with the data plane'),
  serverName: s.optional(name, 'Sent as SNI and checked against the certificate; default: the address'),
  certificate: s.optional(pem, 'For mutual TLS: PEM chain, leaf first'),
  privateKey: s.optional(pem, 'PEM, not encrypted'),
  insecureSkipVerify: s.optional(s.boolean(), 'Whether any certificate will do'),
})

const bound = s.integer({ min: 1, max: DURATION_MS_MAX })

const httpPolicy = s.object<HttpPolicy>({
  edge: s.optional(
    s.boolean(),
    'Whether clients are strangers: internal and forwarded fields of theirs are removed; default: true',
  ),
  trustedHops: s.optional(count, 'How many proxies in front append to x-forwarded-for and are believed; default: 0'),
  limits: s.optional(
    s.object<HttpLimits>({
      headBytesMax: s.optional(bound, 'Of request line and headers; 431 beyond'),
      headerFieldsMax: s.optional(bound, 'Number of headers; 431 beyond'),
      bodyBytesMax: s.optional(count, 'Of a request; 413 beyond; 0: none'),
      connectionsMax: s.optional(bound, 'New connections beyond are closed at once'),
      headTimeoutMs: s.optional(bound, 'From the first byte of a head to its last; 408 beyond'),
      bodyIdleTimeoutMs: s.optional(bound, 'Between two parts of a body; 408 beyond'),
      keepAliveTimeoutMs: s.optional(bound, 'Between two requests of a connection'),
    }),
    'Absent ones have the defaults of the guide',
  ),
})

const listener = s.object<Listener>({
  id: s.derived(name, (at) => `listener-${String(indexOf(at))}`, 'Stable name, for metrics; default: listener-<index>'),
  address: s.byDefault(name, '127.0.0.1', 'IP address to listen on; 0.0.0.0 or :: for all'),
  port: s.required(s.integer({ min: 0, max: PORT_MAX }), 'Port to listen on; 0: any free one'),
  protocol: s.byDefault(s.choice(['http', 'https']), 'http', 'What is spoken on it'),
  routeTable: s.byDefault(name, 'default', 'Id of its route table'),
  tls: s.optional(serverTls, 'With https only, and required there'),
  http: s.optional(httpPolicy, 'How clients are treated'),
})

const tcpRoute = s.object<TcpRoute>({
  id: s.derived(name, ownName, 'Unique in its listener; default: where it stands'),
  origin: s.derived(origin, ownOrigin, 'Where it comes from, for explanations; default: where it stands in the file'),
  serverNames: s.byDefault(s.list(name), [], 'With TLS: example.com or *.example.com; empty: any'),
  action: s.required(
    s.variants<ForwardAction>({ forward: forwardFields }, { otherwise: 'forward' }),
    'The clusters and their weights',
  ),
  idleTimeoutMs: s.byDefault(durationMs, 0, 'A connection on which nothing moves for so long is closed; 0: never'),
})

const tcpListener = s.object<TcpListener>({
  id: s.derived(name, (at) => `tcp-listener-${String(indexOf(at))}`, 'Stable name; default: tcp-listener-<index>'),
  address: s.byDefault(name, '127.0.0.1', 'IP address to listen on; 0.0.0.0 or :: for all'),
  port: s.required(s.integer({ min: 0, max: PORT_MAX }), 'Port to listen on; 0: any free one'),
  protocol: s.byDefault(s.choice(['tcp', 'tls', 'tls-passthrough']), 'tcp', 'Whether TLS is ended, or only looked at'),
  tls: s.optional(serverTls, 'With tls only, and required there'),
  routes: s.required(s.list(tcpRoute), 'In order: the first match wins'),
})

const workload = s.object<WorkloadIdentity>({
  namespace: s.byDefault(s.text(), 'default', 'Namespace of the workload'),
  name: s.required(name, 'Name of the workload'),
  version: s.byDefault(s.text(), '', 'Its version'),
  pod: s.byDefault(s.text(), '', 'The instance'),
})

const endpoint = s.orText<Endpoint>(
  s.object<Endpoint>({
    address: s.required(name, 'IP address or DNS name'),
    port: s.required(port, 'Port'),
    weight: s.optional(s.integer({ min: 1, max: WEIGHT_MAX }), 'Share among the endpoints; default: 1'),
    workload: s.optional(workload, 'Whom a request reaches here; metrics count by it'),
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
  kind: s.byDefault(s.choice(['http', 'tcp']), 'http', 'http: GET, good with 200 to 299; tcp: good when it connects'),
  path: s.byDefault(s.text(), '/', 'What is asked for'),
  host: s.byDefault(s.text(), '', 'Host header; default: the endpoint'),
  intervalMs: s.byDefault(delayMs, 5_000, 'Between two checks'),
  timeoutMs: s.byDefault(delayMs, 1_000, 'How long one may take'),
  healthyThreshold: s.byDefault(threshold, 2, 'So many good ones in a row make an endpoint healthy again'),
  unhealthyThreshold: s.byDefault(threshold, 3, 'So many bad ones in a row make it unhealthy'),
})

const cluster = s.object<Cluster>({
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
})

const source = s.object<SourceGeneration>({
  kind: s.required(name, 'Kind of the object'),
  namespace: s.byDefault(s.text(), '', 'Its namespace'),
  name: s.required(name, 'Its name'),
  uid: s.byDefault(s.text(), '', 'Its uid'),
  generation: s.byDefault(count, 0, 'Its generation'),
})

export const snapshotShape: Shape<RoutingSnapshot> = s.object<RoutingSnapshot>({
  generation: s.byDefault(count, 0, 'Not read: every change of the file counts on by itself'),
  sources: s.byDefault(s.list(source), [], 'The objects that this was made from; empty in a file written by hand'),
  listeners: s.required(s.list(listener), 'Where requests come in'),
  tcpListeners: s.optional(s.list(tcpListener), 'Where connections come in that are not read as HTTP'),
  routeTables: s.required(s.list(routeTable), 'What becomes of requests'),
  clusters: s.byDefault(s.list(cluster), [], 'Where requests go'),
})

/** `127.0.0.1:9001`, `[::1]:9001`, `example.com:80` */
function readEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const address = bracketed ?? plain
  const number = Number(digits)
  return address === undefined || number < 1 || number > PORT_MAX ? undefined : { address, port: number }
}

/** The object that the field stands in, by its place. */
function ownName({ parent }: At): string {
  return parent === undefined ? '' : s.placeName(parent)
}

/** The index, in its list, of the object that the field stands in. */
function indexOf({ parent }: At): number {
  return Number(parent?.path.at(-1))
}

function ownOrigin(at: At): Origin {
  return { kind: 'RoutingFile', namespace: '', name: ownName(at), generation: 0, rule: indexOf(at), match: 0 }
}

function ownService({ parent }: At): Cluster['service'] {
  return { namespace: 'default', name: textIn(parent, 'name') ?? '', port: 80 }
}

/** Table and route: another table's route of the same id has a sequence of its own. */
function splitName({ path, parent }: At): string {
  const ofRoute = parent?.parent
  return `${path.slice(0, 2).join('/')}/${textIn(ofRoute, 'id') ?? (ofRoute === undefined ? '' : s.placeName(ofRoute))}`
}

function textIn(at: At | undefined, field: string): string | undefined {
  const value: unknown = typeof at?.value === 'object' && at.value !== null ? Reflect.get(at.value, field) : undefined
  return typeof value === 'string' ? value : undefined
}

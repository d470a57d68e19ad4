/** Listeners in a file: where they listen, what they speak, how clients are treated. */
import { ACCESS_LOG_TEMPLATE } from '../access-log.ts'
import type {
  AccessLog,
  HttpLimits,
  HttpPolicy,
  Listener,
  ServerCertificate,
  ServerTls,
  TcpListener,
  TcpRoute,
  Tracing,
} from '../listener-model.ts'
import type { ForwardAction } from '../route-model.ts'

import {
  DURATION_MS_MAX,
  PORT_MAX,
  count,
  durationMs,
  indexOf,
  name,
  origin,
  ownName,
  ownOrigin,
  pem,
  workload,
} from './common-shapes.ts'
import { forwardFields } from './route-shapes.ts'
import * as s from './shape.ts'

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
  clients: s.optional(
    s.choice(['none', 'permissive', 'strict']),
    'strict: they must show a certificate; none: they are not asked; permissive cannot be served yet. Default: strict with clientAuthorities',
  ),
  minVersion: s.byDefault(s.choice(['TLSv1.2', 'TLSv1.3']), 'TLSv1.2', 'The oldest version that is spoken'),
})

const bound = s.integer({ min: 1, max: DURATION_MS_MAX })

const format = s.variants<AccessLog['format']>({
  text: { template: s.byDefault(s.text(), ACCESS_LOG_TEMPLATE, 'A line, with the command operators of Envoy') },
  json: { fields: s.required(s.map(s.text()), 'Name and value of each field, with the command operators of Envoy') },
})

const accessLog = s.object<AccessLog>({
  path: s.byDefault(name, '/dev/stdout', 'A file that is appended to, or /dev/stdout or /dev/stderr'),
  format: s.byDefault(format, { kind: 'text', template: ACCESS_LOG_TEMPLATE }, 'How an entry looks'),
})

const tracing = s.object<Tracing>({
  sampledShare: s.byDefault(s.share(), 0.01, 'Share of the requests that come without a decision of their caller'),
  propagation: s.byDefault(
    s.list(s.choice(['w3c', 'b3', 'b3-single']), { min: 1 }),
    ['w3c'],
    'Headers that a trace begun here gets',
  ),
  serviceName: s.byDefault(name, 'sluice', 'Name of the spans’ service'),
  export: s.optional(
    s.object<NonNullable<Tracing['export']>>({
      kind: s.required(s.choice(['zipkin', 'otlp']), 'Zipkin v2 JSON, or OTLP over HTTP in JSON'),
      url: s.required(s.text({ pattern: /^https?:\/\//, what: 'a URL' }), 'Where spans are posted to, whole'),
    }),
    'Where spans go; default: nowhere',
  ),
})

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
      streamsMax: s.optional(bound, 'Requests at the same time on one HTTP/2 connection'),
    }),
    'Absent ones have the defaults of the guide',
  ),
  accessLog: s.optional(accessLog, 'One entry per request; default: none'),
  tracing: s.optional(tracing, 'Spans of requests; default: none'),
  debugTokenHash: s.optional(
    s.text({ pattern: /^[0-9a-f]{64}$/, what: 'a SHA-256 in lower-case hex' }),
    'Of the token with which clients may ask how their request was routed; default: nobody may',
  ),
})

export const listener = s.object<Listener>({
  id: s.derived(name, (at) => `listener-${String(indexOf(at))}`, 'Stable name, for metrics; default: listener-<index>'),
  address: s.byDefault(name, '127.0.0.1', 'IP address to listen on; 0.0.0.0 or :: for all'),
  port: s.required(s.integer({ min: 0, max: PORT_MAX }), 'Port to listen on; 0: any free one'),
  protocol: s.byDefault(s.choice(['http', 'https']), 'http', 'What is spoken on it'),
  routeTable: s.byDefault(name, 'default', 'Id of its route table'),
  tls: s.optional(serverTls, 'With https only, and required there'),
  http: s.optional(httpPolicy, 'How clients are treated'),
  source: s.optional(workload, 'Whose requests come in here; default: those of a gateway’s clients'),
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

export const tcpListener = s.object<TcpListener>({
  id: s.derived(name, (at) => `tcp-listener-${String(indexOf(at))}`, 'Stable name; default: tcp-listener-<index>'),
  address: s.byDefault(name, '127.0.0.1', 'IP address to listen on; 0.0.0.0 or :: for all'),
  port: s.required(s.integer({ min: 0, max: PORT_MAX }), 'Port to listen on; 0: any free one'),
  protocol: s.byDefault(s.choice(['tcp', 'tls', 'tls-passthrough']), 'tcp', 'Whether TLS is ended, or only looked at'),
  tls: s.optional(serverTls, 'With tls only, and required there'),
  routes: s.required(s.list(tcpRoute), 'In order: the first match wins'),
  accessLog: s.optional(accessLog, 'One entry per connection; default: none'),
  source: s.optional(workload, 'Whose connections come in here; default: those of a gateway’s clients'),
})

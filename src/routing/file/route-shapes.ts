/** Route tables in a file: virtual hosts, matches, actions, policies. */
import type { HeaderMatch, Match, PathMatch, QueryMatch } from '../match-model.ts'
import type {
  CorsPolicy,
  Fault,
  HeaderEdits,
  HeaderValue,
  Mirror,
  PathRewrite,
  RetryCondition,
  RetryPolicy,
  Rewrite,
  RoutePolicy,
} from '../policy-model.ts'
import type { Action, Affinity, Route, RouteTable, VirtualHost, WeightedDestination } from '../route-model.ts'

import {
  FLAGS,
  TIMEOUT_MS,
  backoffMs,
  count,
  durationMs,
  hashKey,
  lowerCase,
  name,
  origin,
  ownName,
  ownOrigin,
  port,
  status,
  textIn,
  upperCase,
  valueMatch,
  weight,
} from './common-shapes.ts'
import * as s from './shape.ts'
import type { At, Shape } from './shape.ts'

type Replacement = NonNullable<Extract<Action, { kind: 'redirect' }>['path']>

const BACKOFF = { initialMs: 25, maxMs: 250 }
const RETRY_CONDITIONS: readonly RetryCondition[] = [
  '5xx',
  'gateway-error',
  'reset',
  'connect-failure',
  'retriable-4xx',
  'retriable-status-codes',
  'refused-stream',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
]

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

const headerValue = s.object<HeaderValue>({
  name: s.required(name, 'Name of the header'),
  value: s.required(s.text(), 'Value of the header'),
})

const headers = s.byDefault(s.list(headerValue), [], 'Headers, in this order')
const edits = s.object<HeaderEdits>({
  remove: s.byDefault(s.list(lowerCase), [], 'Headers that are taken away'),
  set: { ...headers, json: { ...headers.json, description: 'Headers that replace those of the same name' } },
  add: { ...headers, json: { ...headers.json, description: 'Headers that come on top' } },
})

const destination = s.variants<WeightedDestination>(
  {
    cluster: {
      cluster: s.required(name, 'Name of a cluster'),
      weight: shareWeight,
      requestHeaders: s.optional(edits, 'Headers that change on the way here, before those of the route'),
      responseHeaders: s.optional(edits, 'Headers that change on the way back'),
    },
    invalid: {
      status: s.byDefault(s.choice([500, 503]), 500, 'What this share is answered with'),
      reason: s.byDefault(s.text(), 'no such backend', 'Why, for the log'),
      weight: shareWeight,
    },
  },
  { otherwise: 'cluster' },
)

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

const affinity = s.object<Affinity>({
  key: s.required(hashKey, 'What of a request decides'),
  salt: s.byDefault(s.text(), '', 'Routes with the same salt treat a key alike'),
})

export const forwardFields = {
  split: s.derived(name, splitName, 'Routes with the same name share one sequence of picks; default: its own'),
  destinations: s.required(s.list(destination, { min: 1 }), 'The clusters and their weights'),
  affinity: s.optional(affinity, 'Keeps a key with its destination; default: the exact sequence'),
  hashKey: s.optional(hashKey, 'What ring hash and maglev go by; default: the key of the cluster'),
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
    s.object<NonNullable<Fault['abort']>>({
      share: faultShare,
      status: s.required(status, 'How these are answered'),
      grpcStatus: s.optional(
        s.integer({ min: 0, max: 16 }),
        'How calls of gRPC are answered; default: what the status means there',
      ),
    }),
    'Requests that fail',
  ),
})

const names = s.byDefault(s.list(name), [], 'Names, or *')
const cors = s.object<CorsPolicy>({
  allowOrigins: s.required(s.list(valueMatch, { min: 1 }), 'Origins that may ask; *: all'),
  allowMethods: names,
  allowHeaders: names,
  exposeHeaders: names,
  allowCredentials: s.byDefault(s.boolean(), false, 'Whether cookies and the like may be sent'),
  maxAgeSeconds: s.optional(count, 'How long a browser remembers; default: its own choice'),
})

const mirror = s.object<Mirror>({
  cluster: s.required(name, 'Name of a cluster'),
  share: s.byDefault(s.share(), 1, 'Share of the requests that are copied'),
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
  idleTimeoutMs: s.optional(
    durationMs,
    'A request on which nothing moves for so long is given up; 0: never. Default: 5 minutes',
  ),
  retry: s.optional(retry, 'When a request is tried again'),
  requestHeaders: s.optional(edits, 'Headers that change on the way to the endpoint'),
  responseHeaders: s.optional(edits, 'Headers that change on the way to the client'),
  fault: s.optional(fault, 'Faults on purpose'),
  cors: s.optional(cors, 'Requests across origins'),
  mirrors: s.optional(s.list(mirror), 'Who gets copies of the requests; their answers are dropped'),
  tunnelDrainMs: s.optional(
    durationMs,
    'How long a tunnel or a long call of gRPC may go on after its destination lost its weight',
  ),
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

export const routeTable = s.object<RouteTable>({
  id: s.byDefault(name, 'default', 'What listeners call it'),
  unknownHost: s.optional(
    s.choice(['not-found', 'passthrough', 'refuse']),
    'Requests for other hosts: 404, sent to just that host and port, or 502; default: not-found',
  ),
  virtualHosts: s.required(s.list(virtualHost), 'The hosts it answers for'),
})

/** Table and route: another table's route of the same id has a sequence of its own. */
function splitName({ path, parent }: At): string {
  const ofRoute = parent?.parent
  return `${path.slice(0, 2).join('/')}/${textIn(ofRoute, 'id') ?? (ofRoute === undefined ? '' : s.placeName(ofRoute))}`
}

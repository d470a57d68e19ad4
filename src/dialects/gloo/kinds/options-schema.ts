/** The options of routes and virtual hosts that Sluice acts on. Source: Gloo's option protos, 1.3 to 1.20, Envoy's meaning. */
import type { Infer } from '../../../kinds/schema.ts'
import { any, array, boolean, double, int64, intOrString, object, optional, string } from '../../../kinds/schema.ts'
import { opaque, resourceRef } from './shared.ts'

const headerToAdd = object({
  header: optional(
    object({
      key: optional(string, undefined, { description: 'Name of the header, in any case.' }),
      value: optional(string, undefined, { description: 'A percent sign is written %%.' }),
    }),
  ),
  headerSecretRef: optional(any),
  append: optional(boolean, undefined, {
    description: 'true (default): beside the values that are there; false: instead of them.',
  }),
})

const headerManipulation = object({
  requestHeadersToAdd: optional(array(headerToAdd), undefined, { description: 'For what is sent to the endpoint.' }),
  requestHeadersToRemove: optional(array(string), undefined, { description: 'Before any are added.' }),
  responseHeadersToAdd: optional(array(headerToAdd), undefined, { description: 'For what the client gets.' }),
  responseHeadersToRemove: optional(array(string), undefined, { description: 'Before any are added.' }),
})

const retries = object({
  retryOn: optional(string, undefined, {
    description:
      'With commas: 5xx, gateway-error, reset, connect-failure, retriable-4xx, refused-stream, retriable-status-codes; for gRPC cancelled, deadline-exceeded, internal, resource-exhausted, unavailable.',
  }),
  numRetries: optional(int64, undefined, { description: 'Tries after the first. Default: 1.' }),
  perTryTimeout: optional(string, undefined, { description: "One try's share of the route's timeout." }),
  retryBackOff: optional(
    object({
      baseInterval: optional(string, undefined, {
        description: 'Before the first retry, then doubled. Default: 25ms.',
      }),
      maxInterval: optional(string, undefined, { description: 'Default: 10 times the base.' }),
    }),
  ),
  retriableStatusCodes: optional(array(int64), undefined, { description: 'For retryOn: retriable-status-codes.' }),
  ...opaque('previousPriorities', 'rateLimitedRetryBackOff'),
})

const percentage = optional(double, undefined, { description: 'Of the requests, 0 to 100. Default: 0.' })

const faults = object({
  abort: optional(object({ percentage, httpStatus: optional(int64) }), undefined, {
    description: 'Answer a share of the requests with this status.',
  }),
  delay: optional(object({ percentage, fixedDelay: optional(string) }), undefined, {
    description: 'Let a share of the requests wait.',
  }),
})

const cors = object({
  allowOrigin: optional(array(string), undefined, { description: 'Whole origins: https://example.com; * allows all.' }),
  allowOriginRegex: optional(array(string), undefined, { description: 'RE2, for the whole origin.' }),
  allowMethods: optional(array(string)),
  allowHeaders: optional(array(string)),
  exposeHeaders: optional(array(string)),
  maxAge: optional(string, undefined, { description: 'Seconds, or a duration such as 12h or 1d.' }),
  allowCredentials: optional(boolean),
  disableForRoute: optional(boolean, undefined, { description: "The virtual host's policy is not for this route." }),
})

const regexRewrite = object({
  pattern: optional(object({ googleRe2: optional(any), regex: optional(string) }), undefined, {
    description: 'RE2; everything in the path that it matches is replaced.',
  }),
  substitution: optional(string, undefined, { description: 'What takes its place; \\1 is the first group.' }),
})

const shadowing = object({
  upstream: optional(resourceRef, undefined, { description: 'Who gets copies; the answers are dropped.' }),
  percentage,
  disableShadowHostSuffixAppend: optional(boolean),
  hostRewriteLiteral: optional(string),
})

const hashPolicy = object({
  header: optional(string, undefined, { description: 'By the value of this header.' }),
  cookie: optional(
    object({
      name: optional(string),
      ttl: optional(string, undefined, { description: 'The cookie is set where it is absent; 0s: for the session.' }),
      path: optional(string),
    }),
  ),
  sourceIp: optional(boolean, undefined, { description: "By the client's address." }),
  terminal: optional(boolean),
})

const lbHash = object({
  hashPolicies: optional(array(hashPolicy), undefined, { description: 'The first one that can be used counts.' }),
})

const upgradeSpec = optional(object({ enabled: optional(boolean) }))
const upgrade = object({ websocket: upgradeSpec, connect: upgradeSpec, connectTerminate: upgradeSpec })

const sharedOptions = {
  headerManipulation: optional(headerManipulation, undefined, {
    description: "Headers to remove and to add; the route's first, then the virtual host's.",
  }),
  retries: optional(retries, undefined, { description: "Further tries; a route's replace those of the virtual host." }),
  cors: optional(cors, undefined, {
    description: 'Which origins may ask; what a route leaves open is as on the virtual host.',
  }),
  ...opaque(
    'extensions',
    'transformations',
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
    'rbac',
    'extauth',
    'dlp',
    'bufferPerRoute',
    'csrf',
    'stagedTransformations',
    'extProcEarly',
    'extProc',
    'extProcLate',
  ),
}

export const routeOptions = object({
  ...sharedOptions,
  prefixRewrite: optional(string, undefined, { description: 'Takes the place of the matched prefix.' }),
  regexRewrite: optional(regexRewrite, undefined, { description: 'Rewrites the path, without the query.' }),
  timeout: optional(string, undefined, { description: 'For all tries together; default 15s, 0s disables.' }),
  idleTimeout: optional(string, undefined, { description: 'While nothing moves either way; 0s disables.' }),
  hostRewrite: optional(string, undefined, { description: 'The host that endpoints see.' }),
  autoHostRewrite: optional(boolean, undefined, { description: 'The host is the name of the static host.' }),
  appendXForwardedHost: optional(boolean, undefined, {
    description: "The client's host goes into x-forwarded-host wherever the host is rewritten.",
  }),
  faults: optional(faults, undefined, { description: 'Failures on purpose; the shares are exact.' }),
  shadowing: optional(shadowing, undefined, { description: 'Copies of a share of the requests to another Upstream.' }),
  lbHash: optional(lbHash, undefined, { description: 'What Upstreams that balance by ringHash or maglev go by.' }),
  upgrades: optional(array(upgrade), undefined, { description: 'WebSockets and other upgrades are always on.' }),
  ...opaque(
    'tracing',
    'hostRewritePathRegex',
    'hostRewriteHeader',
    'jwtProvidersStaged',
    'envoyMetadata',
    'maxStreamDuration',
    'ai',
  ),
})

export const virtualHostOptions = object({
  ...sharedOptions,
  corsPolicyMergeSettings: optional(
    object({
      exposeHeaders: optional(intOrString, undefined, {
        description: "DEFAULT: the route's, where it has some; UNION: those of both.",
      }),
    }),
  ),
  ...opaque('stats', 'includeRequestAttemptCount', 'includeAttemptCountInResponse'),
})

export const destinationOptions = object({
  headerManipulation: optional(headerManipulation, undefined, {
    description: "For requests that come to this destination; before the route's.",
  }),
  ...opaque('transformations', 'extensions', 'extauth', 'bufferPerRoute', 'csrf', 'stagedTransformations'),
})

export type RouteOptions = Infer<typeof routeOptions>
export type VirtualHostOptions = Infer<typeof virtualHostOptions>
export type HeaderToAdd = Infer<typeof headerToAdd>
export type HeaderManipulation = Infer<typeof headerManipulation>
export type Retries = Infer<typeof retries>
export type Faults = Infer<typeof faults>
export type Cors = Infer<typeof cors>
export type Shadowing = Infer<typeof shadowing>
export type HashPolicy = Infer<typeof hashPolicy>
export type Upgrade = Infer<typeof upgrade>

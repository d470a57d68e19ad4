/** The fields of a Gloo VirtualService. Source: Gloo's gateway and proxy protos, 1.3 to 1.20. Closed where Sluice acts on them. */
import type { KubeObject } from '../../../kube/object.ts'
import { objectMeta, typeMeta } from '../../../kinds/metadata.ts'
import type { Infer } from '../../../kinds/schema.ts'
import { any, array, boolean, int64, intOrString, map, object, optional, string } from '../../../kinds/schema.ts'
import type { GlooStatus } from './shared.ts'
import { destinationOptions, routeOptions, virtualHostOptions } from './options-schema.ts'
import { glooStatus, resourceRef } from './shared.ts'

const headerMatcher = object({
  name: optional(string, undefined, { description: 'Name of the header, in any case.' }),
  value: optional(string, undefined, { description: 'Empty: the header must be present, whatever its value.' }),
  regex: optional(boolean, undefined, { description: 'The value is an RE2 regex for the whole header value.' }),
  invertMatch: optional(boolean, undefined, { description: 'The header must not match.' }),
})

const queryParameterMatcher = object({
  name: optional(string),
  value: optional(string),
  regex: optional(boolean),
})

const matcher = object({
  prefix: optional(string, undefined, { description: 'Plain string prefix of the path: /foo matches /foobar.' }),
  exact: optional(string, undefined, { description: 'The whole path, without the query.' }),
  regex: optional(string, undefined, { description: 'RE2, for the whole path without the query.' }),
  connectMatcher: optional(object({}), undefined, {
    description: 'CONNECT requests; the route opens tunnels, with upgrades: [{ connectTerminate: {} }].',
  }),
  caseSensitive: optional(boolean, undefined, { description: 'Default true.' }),
  headers: optional(array(headerMatcher), undefined, { description: 'Headers of the request; all must match.' }),
  queryParameters: optional(array(queryParameterMatcher), undefined, {
    description: 'Query parameters of the request; all must match.',
  }),
  methods: optional(array(string), undefined, {
    description: 'HTTP methods, one of which must be used; none means any.',
  }),
})

const destination = object({
  upstream: optional(resourceRef, undefined, { description: 'The Upstream to send to.' }),
  kube: optional(object({ ref: optional(resourceRef), port: optional(int64) })),
  consul: optional(any),
  subset: optional(object({ values: optional(map(string)) }), undefined, {
    description: 'Only the endpoints whose pods have these labels.',
  }),
  destinationSpec: optional(any),
})

const weightedDestination = object({
  destination: optional(destination, undefined, { description: 'Where this share goes.' }),
  weight: optional(int64, undefined, { description: "Share = weight / sum of the route's weights. Default 0." }),
  options: optional(destinationOptions),
})

const routeAction = object({
  single: optional(destination, undefined, { description: 'Everything goes to one destination.' }),
  multi: optional(object({ destinations: optional(array(weightedDestination)) }), undefined, {
    description: 'Requests are split over several destinations by weight.',
  }),
  upstreamGroup: optional(resourceRef),
  clusterHeader: optional(string),
  dynamicForwardProxy: optional(any),
})

const redirectAction = object({
  hostRedirect: optional(string),
  pathRedirect: optional(string),
  prefixRewrite: optional(string),
  regexRewrite: optional(any),
  responseCode: optional(intOrString, undefined, {
    description: 'MOVED_PERMANENTLY (default), FOUND, SEE_OTHER, TEMPORARY_REDIRECT or PERMANENT_REDIRECT.',
  }),
  httpsRedirect: optional(boolean),
  stripQuery: optional(boolean),
  portRedirect: optional(int64),
})

const directResponseAction = object({ status: optional(int64), body: optional(string) })

const delegateAction = object({
  name: optional(string),
  namespace: optional(string),
  ref: optional(resourceRef),
  selector: optional(any),
})

const route = object({
  name: optional(string, undefined, { description: 'A name for the route.' }),
  matchers: optional(array(matcher), undefined, { description: 'Any of them; none means every path.' }),
  inheritableMatchers: optional(boolean),
  inheritablePathMatchers: optional(boolean),
  routeAction: optional(routeAction, undefined, { description: 'Forward the request.' }),
  redirectAction: optional(redirectAction, undefined, { description: 'Answer with a redirect.' }),
  directResponseAction: optional(directResponseAction, undefined, { description: 'Answer with this status and body.' }),
  delegateAction: optional(delegateAction),
  options: optional(routeOptions, undefined, {
    description: 'Timeouts, retries, rewrites and other policies of the route.',
  }),
  optionsConfigRefs: optional(any),
})

const virtualHost = object({
  domains: optional(array(string), undefined, { description: 'Hosts, *.wildcards or *; none means *.' }),
  routes: optional(array(route), undefined, { description: 'In order: the first that matches wins.' }),
  options: optional(virtualHostOptions, undefined, {
    description: 'Policies for the routes of the host.',
  }),
  optionsConfigRefs: optional(any),
})

const virtualServiceSpec = object({
  virtualHost: optional(virtualHost, undefined, { description: 'The hosts and their routes.' }),
  sslConfig: optional(any),
  displayName: optional(string),
  namespacedStatuses: optional(any),
})

export const virtualServiceSchema = object(
  {
    ...typeMeta,
    metadata: optional(objectMeta),
    spec: optional(virtualServiceSpec),
    status: optional(glooStatus),
  },
  { name: 'io.solo.gateway.v1.VirtualService' },
)

export type { RouteOptions, VirtualHostOptions } from './options-schema.ts'
export type Matcher = Infer<typeof matcher>
export type HeaderMatcher = Infer<typeof headerMatcher>
export type QueryParameterMatcher = Infer<typeof queryParameterMatcher>
export type Destination = Infer<typeof destination>
export type WeightedDestination = Infer<typeof weightedDestination>
export type RouteAction = Infer<typeof routeAction>
export type RedirectAction = Infer<typeof redirectAction>
export type DirectResponseAction = Infer<typeof directResponseAction>
export type Route = Infer<typeof route>
export type VirtualServiceSpec = Infer<typeof virtualServiceSpec>

export interface VirtualService extends KubeObject {
  readonly spec?: VirtualServiceSpec
  readonly status?: GlooStatus
}

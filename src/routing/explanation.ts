/**
 * Why a request goes where it goes, whole: what `sluice explain -o json` prints. The names of the fields are API; more may be
 * added. Every `text`, `why` and `failed.text` is for people and may change.
 */
import type { BoundListener } from './data-plane.ts'
import type { WorkloadIdentity } from './cluster-model.ts'
import type { HeaderValue } from './policy-model.ts'
import { referenceText } from './object-reference.ts'
import type { Origin, ResponseFlag } from './route-model.ts'

/** The request that is asked about, as somebody types it. */
export interface Question {
  readonly method: string
  /** `http://host/path?query`, `host/path`, or `/path` with a `host` among the headers. */
  readonly url: string
  readonly headers: readonly HeaderValue[]
  /** Id; absent: the one that fits. */
  readonly listener?: string
  /** Where the request comes from; absent: loopback. */
  readonly clientAddress?: string
}

export interface Explanation {
  readonly request: ExplainedRequest
  readonly snapshot: ExplainedSnapshot
  readonly listener: ExplainedListener
  /** Null: no virtual host has a domain for the host. */
  readonly host: ExplainedHost | null
  /** Those looked at, in order; the last one is taken unless none is. */
  readonly routes: readonly ConsideredRoute[]
  /** Routes of the virtual host behind the one taken: nobody looks at them. */
  readonly routesBehind: number
  readonly taken: TakenRoute | null
  /** What the taken route does to the request and its response besides. */
  readonly policies: readonly ExplainedPolicy[]
  readonly answer: ExplainedAnswer
  /** Endpoints that have left the routes and still answer requests. */
  readonly draining: readonly DrainingEndpoint[]
}

export interface ExplainedRequest {
  readonly method: string
  /** Undefined: the URL names none. */
  readonly scheme?: 'http' | 'https'
  readonly host: string
  readonly path: string
  /** Without the `?`. */
  readonly query: string
  /** As routing sees them: names in lower case, those that the edge takes away left out. */
  readonly headers: readonly HeaderValue[]
  readonly clientAddress: string
}

export interface ExplainedSnapshot {
  readonly generation: number
  /** Absent: nobody serves it, it comes from a file. */
  readonly proxies?: { readonly expected: number; readonly live: number }
  readonly text: string
}

export interface ExplainedListener {
  readonly id: string
  readonly protocol: 'http' | 'https'
  /** Where it listens, as far as a proxy has said; else as configured. */
  readonly address: string
  readonly port: number
  readonly why: string
  /** Why no proxy listens there. */
  readonly error?: string
  /** Names of headers that were removed before routing: at an edge a client has no say in them. */
  readonly removedHeaders: readonly string[]
}

export interface ExplainedHost {
  readonly kind: 'exact' | 'wildcard' | 'any'
  readonly virtualHost: string
  /** The one of its domains that fits. */
  readonly domain: string
  readonly why: string
}

export interface ConsideredRoute {
  readonly route: string
  readonly origin: Origin
  /** All conditions in words. */
  readonly match: string
  readonly matched: boolean
  /** The first condition that did not hold. */
  readonly failed?: FailedCondition
}

export interface FailedCondition {
  /** `header stage = "canary"` */
  readonly condition: string
  /** What the request has in its place; null: nothing. */
  readonly has: string | null
  readonly text: string
}

export interface TakenRoute {
  readonly route: string
  readonly origin: Origin
  readonly match: string
}

export interface ExplainedPolicy {
  readonly kind:
    | 'timeout'
    | 'idle-timeout'
    | 'tunnel-drain'
    | 'retry'
    | 'rewrite-path'
    | 'rewrite-authority'
    | 'request-headers'
    | 'response-headers'
    | 'fault-delay'
    | 'fault-abort'
    | 'cors'
    | 'mirror'
  readonly text: string
  /** The policy in the words of the routing model. */
  readonly settings: unknown
}

export type ExplainedAnswer =
  | {
      readonly kind: 'forward'
      /** The request line and authority that the endpoint gets. */
      readonly request: { readonly method: string; readonly path: string; readonly authority: string }
      readonly choice: ExplainedChoice
      /** In the order of the route. */
      readonly destinations: readonly ExplainedDestination[]
    }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly headers: readonly HeaderValue[]
      readonly body: string
      readonly flag?: ResponseFlag
    }
  /** The data plane answers a browser's question by itself. */
  | { readonly kind: 'preflight'; readonly status: number; readonly why: string }
  | {
      /** The route table lets requests for unknown hosts out. */
      readonly kind: 'passthrough'
      /** The host, with the port if there is one. */
      readonly to: string
      readonly why: string
    }
  | {
      readonly kind: 'none'
      readonly status: 404 | 405 | 502
      readonly flag: ResponseFlag
      readonly why: string
      /** Absent: there is no virtual host for the request, or it has no routes. */
      readonly nearest?: NearestRoute
    }

/** The route of which the fewest conditions fail. */
export interface NearestRoute {
  readonly route: string
  readonly origin: Origin
  readonly failed: readonly FailedCondition[]
}

/** By what one of the destinations is picked. */
export type ExplainedChoice =
  | { readonly kind: 'only'; readonly text: string }
  | { readonly kind: 'sequence'; readonly text: string }
  | {
      readonly kind: 'affinity'
      readonly text: string
      /** `header x-user` */
      readonly key: string
      /** Null: a cookie that will be made up. */
      readonly value: string | null
      /** Where in the range from 0 to 1 the key is; absent: not known before the cookie is. */
      readonly place?: number
    }

export type ExplainedDestination = {
  readonly weight: number
  /** 0 to 1. */
  readonly share: number
  /** Whether it is the one for this request; absent: one of several by their shares. */
  readonly picked?: boolean
  /** With affinity: which parts of the range, from (included) to (not included), are its own. */
  readonly range?: readonly [from: number, to: number]
} & (
  | ({
      readonly kind: 'cluster'
      /** What acts on requests that go here only, before the route's own. */
      readonly policies?: readonly ExplainedPolicy[]
    } & ExplainedCluster)
  | { readonly kind: 'invalid'; readonly status: number; readonly reason: string }
)

export interface ExplainedCluster {
  readonly cluster: string
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number }
  readonly subset?: Readonly<Record<string, string>>
  /** The cluster whose endpoints are used because this one has none. */
  readonly fallback?: string
  readonly balance: ExplainedBalance
  /** Limits, health checks and what else keeps requests away from endpoints. */
  readonly guards: readonly string[]
  readonly endpoints: readonly ExplainedEndpoint[]
  /** Why requests fail here, or nearly. */
  readonly problem?: string
}

export interface ExplainedBalance {
  readonly kind: 'round-robin' | 'random' | 'least-request' | 'ring-hash' | 'maglev'
  readonly text: string
  /** With a hash: the endpoint that the key belongs to. */
  readonly endpoint?: string
}

export interface ExplainedEndpoint {
  /** `address:port` */
  readonly endpoint: string
  /** The worst that a proxy says; absent: nobody was asked. */
  readonly state?: EndpointState
  /** Requests on their way now, of all proxies. */
  readonly active?: number
  /** Which share of its weight it gets while it starts slowly. */
  readonly slowStart?: number
  /** Where the cluster prefers near endpoints. */
  readonly nearness?: Nearness
  readonly weight: number
  readonly workload?: WorkloadIdentity
}

/**
 * `avoided`: a proxy could not connect a moment ago and prefers others; `ejected`: left out for failing; `unhealthy`: left out
 * for failing its health checks.
 */
export type EndpointState = 'ready' | 'avoided' | 'ejected' | 'unhealthy'

/** What an endpoint's place has in common with the data plane's, the nearest first. */
export const NEARNESS = ['same-subzone', 'same-zone', 'same-region', 'elsewhere'] as const
export type Nearness = (typeof NEARNESS)[number]

interface DrainingEndpoint {
  readonly endpoint: string
  readonly active: number
}

/** What the data planes report of themselves, where there are some to ask. */
export interface Observed {
  /** How many there should be, and how many use this snapshot. */
  readonly proxies: { readonly expected: number; readonly live: number }
  readonly listeners: readonly BoundListener[]
  readonly clusters: readonly {
    readonly name: string
    readonly endpoints: readonly {
      readonly endpoint: string
      readonly state: EndpointState
      readonly active: number
      readonly slowStart?: number
      readonly nearness?: Nearness
    }[]
  }[]
  readonly draining: readonly DrainingEndpoint[]
}

export type Explained =
  | { readonly kind: 'explained'; readonly explanation: Explanation }
  /** The question cannot be answered; the message says why, and what to do. */
  | { readonly kind: 'refused'; readonly message: string }

/** `virtualservice.gateway.solo.io/gloo-system/echo, generation 3, rule 1, match 0`; of a routing file, the place alone says it. */
export function originText(origin: Origin): string {
  const { kind, name, generation, rule, match } = origin
  if (kind === 'RoutingFile') return name
  return `${referenceText(origin)}, generation ${generation}, rule ${rule}, match ${match}`
}

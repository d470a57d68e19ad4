/**
 * The routing model: what every dialect compiles into and every data plane serves. Whole, immutable, plain JSON.
 * The words are Envoy's. It knows no dialect, no Kubernetes object and no proxy.
 */

export interface RoutingSnapshot {
  /** Rises with every snapshot that one control plane publishes; compared only within one connection to it. */
  readonly generation: number
  /** The objects, with their generations, that this snapshot contains: an acknowledgement makes exactly these live. */
  readonly sources: readonly SourceGeneration[]
  readonly listeners: readonly Listener[]
  /** Share their ids and addresses with no HTTP listener. Absent: none. */
  readonly tcpListeners?: readonly TcpListener[]
  readonly routeTables: readonly RouteTable[]
  readonly clusters: readonly Cluster[]
  /** Where the data planes that get this snapshot run; absent: nowhere in particular, so no endpoint is nearer than another. */
  readonly locality?: Locality
}

/** Empty texts: unknown. A zone counts only within its region, a subzone only within its zone. */
export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

/** An object as the user knows it: `VirtualService gloo-system/echo`. */
export interface ObjectReference {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export interface SourceGeneration extends ObjectReference {
  readonly uid: string
  readonly generation: number
}

export interface Listener {
  /** Stable name: `gateway-http`. */
  readonly id: string
  readonly address: string
  /** 0: the data plane picks a port and reports it. */
  readonly port: number
  readonly protocol: 'http' | 'https'
  /** `RouteTable.id`. */
  readonly routeTable: string
  /** With `https` only, and required there. */
  readonly tls?: ServerTls
  readonly http?: HttpPolicy
  /** Whose requests come in here, where the listener is one workload's own way out; absent: those of a gateway's clients. */
  readonly source?: WorkloadIdentity
}

/** How a listener treats its clients. What is absent takes the data plane's default (docs/guide/proxy-limits.md). */
export interface HttpPolicy {
  /**
   * True at the edge: what clients send in `l5d-*`, `x-envoy-*` and `x-sluice-*` is removed before routing, and so are
   * `forwarded` and `x-forwarded-*` unless they come from trusted proxies. Default true.
   */
  readonly edge?: boolean
  /** At the edge, how many proxies in front of us append to `x-forwarded-for` and are believed. Default 0. */
  readonly trustedHops?: number
  readonly limits?: HttpLimits
  /** Absent: none is written. */
  readonly accessLog?: AccessLog
  /** Absent: trace headers go through as they are, and nothing is recorded. */
  readonly tracing?: Tracing
  /**
   * SHA-256, in lower-case hex, of the token with which a client may ask for the explanation of its request. Absent: nobody may.
   */
  readonly debugTokenHash?: string
}

export interface AccessLog {
  /** A file that is appended to. `/dev/stdout` and `/dev/stderr` are the data plane's own. */
  readonly path: string
  /** In the command operators of Envoy's access log: one line of text, or one operator text for each field of an object. */
  readonly format:
    | { readonly kind: 'text'; readonly template: string }
    | { readonly kind: 'json'; readonly fields: Readonly<Record<string, string>> }
}

/** A caller's decision to sample or not is kept, at the edge too; the share is of the requests that come without one. */
export interface Tracing {
  /** 0 to 1, exact. */
  readonly sampledShare: number
  /** The headers that a trace begun here gets; one that came goes on in the headers that it came with. */
  readonly propagation: readonly TraceHeaders[]
  /** Name of the spans' service. */
  readonly serviceName: string
  /** Where the spans go; absent: nowhere. */
  readonly export?: {
    readonly kind: 'zipkin' | 'otlp'
    /** `http:` or `https:`, whole: `http://127.0.0.1:9411/api/v2/spans`, `http://127.0.0.1:4318/v1/traces`. */
    readonly url: string
  }
}

/** W3C `traceparent`; Zipkin's `x-b3-*`; Zipkin's single `b3`. */
type TraceHeaders = 'w3c' | 'b3' | 'b3-single'

export interface HttpLimits {
  /** 431 beyond. */
  readonly headBytesMax?: number
  /** 431 beyond. */
  readonly headerFieldsMax?: number
  /** Of a request, as sent; 413 beyond. 0 = none. */
  readonly bodyBytesMax?: number
  /** New connections beyond are closed at once. */
  readonly connectionsMax?: number
  /** From the first byte of a head to its last; 408 beyond. */
  readonly headTimeoutMs?: number
  /** Between two parts of a body; 408 beyond. */
  readonly bodyIdleTimeoutMs?: number
  /** Between two requests of a connection. */
  readonly keepAliveTimeoutMs?: number
  /** Requests under way at the same time on one HTTP/2 connection; more are refused. */
  readonly streamsMax?: number
}

/** Connections are routed, not requests. */
export interface TcpListener {
  readonly id: string
  readonly address: string
  /** 0: the data plane picks a port and reports it. */
  readonly port: number
  /** `tls` is ended here; `tls-passthrough` is routed by server name and goes through as it is. */
  readonly protocol: 'tcp' | 'tls' | 'tls-passthrough'
  /** With `tls` only, and required there. */
  readonly tls?: ServerTls
  /** Ordered: the first match wins; a connection that matches none is closed. */
  readonly routes: readonly TcpRoute[]
  /** One entry per connection, when it is over. Absent: none is written. */
  readonly accessLog?: AccessLog
  readonly source?: WorkloadIdentity
}

export interface TcpRoute {
  /** Unique in its listener, stable across snapshots as long as the rule is the same rule. */
  readonly id: string
  readonly origin: Origin
  /**
   * What the client asks for by SNI: `example.com`, or `*.example.com` for every name below it; empty = any, also none. Without
   * TLS it must be empty.
   */
  readonly serverNames: readonly string[]
  /** Without affinity, and with no hash key but the source address: there is no request to take one from. */
  readonly action: ForwardAction
  /** A connection on which nothing moves for so long is closed; 0 = never. */
  readonly idleTimeoutMs: number
}

export interface ServerTls {
  /** Chosen by server name; the first one also serves clients that send none or one that nobody has. Never empty. */
  readonly certificates: readonly ServerCertificate[]
  /** PEM. Present: clients must show a certificate of one of these authorities. */
  readonly clientAuthorities?: string
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
}

export interface ServerCertificate {
  /** `example.com`, `*.example.com`; empty: the names that stand in the certificate. */
  readonly serverNames: readonly string[]
  /** PEM chain, leaf first. */
  readonly certificate: string
  /** PEM, not encrypted. Never logged, never shown by the admin port. */
  readonly privateKey: string
}

export interface RouteTable {
  readonly id: string
  /**
   * What becomes of a request whose host no virtual host has: 404 (`not-found`, the default), 502 (`refuse`), or it goes to just
   * that host and port, in clear text (`passthrough`), so that the listener serves as a workload's proxy to the world outside.
   */
  readonly unknownHost?: 'not-found' | 'passthrough' | 'refuse'
  readonly virtualHosts: readonly VirtualHost[]
}

export interface VirtualHost {
  readonly name: string
  /** `*`, `*.example.com`, `example.com`, each optionally with `:port`. Exact before longest wildcard before `*`. */
  readonly domains: readonly string[]
  /** Ordered: the first match wins. The dialect has sorted them. */
  readonly routes: readonly Route[]
}

export interface Route {
  /** Unique in its table, stable across snapshots as long as the rule is the same rule. */
  readonly id: string
  readonly origin: Origin
  readonly match: Match
  readonly action: Action
  readonly policy: RoutePolicy
}

/** Where a route comes from: for status, access log, conflicts and explanations. */
export interface Origin extends ObjectReference {
  readonly generation: number
  /** Index of the rule in the object, and of the match in the rule. */
  readonly rule: number
  readonly match: number
}

export interface Match {
  readonly path: PathMatch
  /**
   * Upper case; empty = any but `CONNECT`. A route that names `CONNECT` and forwards opens tunnels: the host is the target's,
   * the path `/`, and the bytes that follow go to an endpoint of the destination and back as they are.
   */
  readonly methods: readonly string[]
  /** All must hold. */
  readonly headers: readonly HeaderMatch[]
  readonly query: readonly QueryMatch[]
}

/**
 * `prefix` is a plain string prefix (`/foo` matches `/foobar`); `path-prefix` goes by path element (it does not).
 * `regex` is RE2 and matches the whole path. The query string is never part of the path.
 */
export interface PathMatch {
  readonly kind: 'exact' | 'prefix' | 'path-prefix' | 'regex'
  readonly value: string
  readonly caseSensitive: boolean
}

/** `regex` is RE2 and matches the whole value; `present` asks only that there is one. */
export type ValueMatch =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'regex'; readonly value: string }
  | { readonly kind: 'present' }

export interface HeaderMatch {
  /** Lower case. `:authority`, `:method`, `:scheme` and `:path` (with the query) stand for what HTTP/2 calls so. */
  readonly name: string
  readonly value: ValueMatch
  /** True: the match must not hold. */
  readonly invert: boolean
}

export interface QueryMatch {
  readonly name: string
  readonly value: ValueMatch
}

export type Action =
  | ForwardAction
  | {
      readonly kind: 'redirect'
      readonly status: 301 | 302 | 303 | 307 | 308
      readonly scheme?: 'http' | 'https'
      readonly host?: string
      readonly port?: number
      /** Replaces the whole path, or the matched prefix. */
      readonly path?: { readonly kind: 'full' | 'prefix'; readonly value: string }
      readonly stripQuery: boolean
    }
  | {
      readonly kind: 'respond'
      readonly status: number
      readonly body: string
      readonly headers: readonly HeaderValue[]
      /** The response flag to report, when the route stands for a fault (`NC`: its cluster does not exist). */
      readonly flag?: ResponseFlag
    }

export interface ForwardAction {
  readonly kind: 'forward'
  /**
   * Names the sequence of picks: routes with the same `split` share one, and a sequence goes on across snapshots as
   * long as its destinations and weights stay the same.
   */
  readonly split: string
  /** Never empty, weights never all 0 (a dialect that allows that compiles it to `respond`). */
  readonly destinations: readonly WeightedDestination[]
  /** Absent: the exact sequence. Present: a key stays with its destination, and a growing weight moves nobody out. */
  readonly affinity?: Affinity
  /** What a destination that balances by ring hash or maglev goes by; absent: its own key. */
  readonly hashKey?: HashKey
}

/**
 * The order of the destinations matters: the first one is what the others leave over, so it is the stable side. The second
 * and the third never lose a key while their shares do not shrink, whatever the others do.
 */
export interface Affinity {
  /** A request that has none of a header, query parameter or address follows the exact sequence. */
  readonly key: HashKey
  /** Routes with the same salt put a key into the same part of the range, so one user meets the canary everywhere. */
  readonly salt: string
}

/** What of a request is hashed. */
export type HashKey =
  /** Header names in lower case; the first value counts. */
  | { readonly kind: 'header' | 'query'; readonly name: string }
  /** Made up and set where it is absent, for so long; 0 = for the session. */
  | { readonly kind: 'cookie'; readonly name: string; readonly ttlSeconds: number; readonly path: string }
  | { readonly kind: 'source-address' }

export type WeightedDestination =
  | {
      readonly kind: 'cluster'
      /** `Cluster.name`. */
      readonly cluster: string
      /** Raw non-negative integer; the share is weight / sum. */
      readonly weight: number
      /** Of requests that go here and their responses, before the route's own. */
      readonly requestHeaders?: HeaderEdits
      readonly responseHeaders?: HeaderEdits
    }
  | {
      /** This share of the requests is answered with `status`. */
      readonly kind: 'invalid'
      readonly status: 500 | 503
      readonly reason: string
      readonly weight: number
    }

export interface HeaderValue {
  readonly name: string
  readonly value: string
}

export interface RoutePolicy {
  /** From the complete request to the complete response, retries included; 0 = none. */
  readonly timeoutMs: number
  /** A request on which nothing moves either way for so long is given up; absent or 0 = the data plane's default. */
  readonly idleTimeoutMs?: number
  readonly retry?: RetryPolicy
  readonly rewrite?: Rewrite
  readonly requestHeaders?: HeaderEdits
  /** Of every response of the route, those that the data plane gives by itself included. */
  readonly responseHeaders?: HeaderEdits
  readonly fault?: Fault
  readonly cors?: CorsPolicy
  /** Who gets copies of the requests that are forwarded. */
  readonly mirrors?: readonly Mirror[]
  /** How long an upgraded connection or tunnel may go on after its destination lost its weight; absent = the data plane's default. */
  readonly tunnelDrainMs?: number
}

/**
 * Copies never slow the original and their answers are dropped: one is not sent while the mirror does not keep up, or where
 * the body is larger than the data plane keeps. The authority of a copy has `-shadow` behind its host.
 */
export interface Mirror {
  /** `Cluster.name`. */
  readonly cluster: string
  /** 0 to 1, exact. */
  readonly share: number
}

/** A request is tried again only while all of it is still in memory; the data plane documents up to which size it is. */
export interface RetryPolicy {
  /** Tries after the first. */
  readonly attempts: number
  readonly on: readonly RetryCondition[]
  /** With `retriable-status-codes`. */
  readonly statuses: readonly number[]
  /** One try's share of the time; 0 = only the route's timeout counts. */
  readonly perTryTimeoutMs: number
  /** Full jitter between tries, doubling. */
  readonly backoff: { readonly initialMs: number; readonly maxMs: number }
  /** Retries under way at the same time, as a share (0 to 1) of the cluster's requests under way, at least 3. */
  readonly budget: number
}

/**
 * `5xx` and `gateway-error` (502 to 504) also hold when no response came; `retriable-4xx` is 409; `refused-stream` is an HTTP/2
 * endpoint's word that it did not begin to act. Those of gRPC hold where the status comes at once, without an answer before it.
 */
export type RetryCondition =
  | '5xx'
  | 'gateway-error'
  | 'reset'
  | 'connect-failure'
  | 'retriable-4xx'
  | 'retriable-status-codes'
  | 'refused-stream'
  | GrpcRetryCondition

/** Statuses of gRPC. */
export type GrpcRetryCondition = 'cancelled' | 'deadline-exceeded' | 'internal' | 'resource-exhausted' | 'unavailable'

/** The delay first, then the abort; shares are exact, from 0 to 1. Timeouts begin after the delay. */
export interface Fault {
  readonly delay?: { readonly share: number; readonly delayMs: number }
  readonly abort?: {
    readonly share: number
    readonly status: number
    /** What a call of gRPC gets; absent: what the status means there. */
    readonly grpcStatus?: number
  }
}

/** Preflights of allowed origins are answered by the data plane; all others are requests like any. */
export interface CorsPolicy {
  /** `present`: every origin. */
  readonly allowOrigins: readonly ValueMatch[]
  readonly allowMethods: readonly string[]
  readonly allowHeaders: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly allowCredentials: boolean
  /** Absent: the browser's own. */
  readonly maxAgeSeconds?: number
}

export interface Rewrite {
  readonly path?: PathRewrite
  readonly authority?: string
}

/**
 * `prefix` replaces the matched prefix (of a `prefix` or `path-prefix` match), `full` the whole path. `regex` is RE2 and
 * replaces everything in the path that it matches; `\1` in the value stands for its first group, `\0` for all of it.
 */
export type PathRewrite =
  | { readonly kind: 'prefix' | 'full'; readonly value: string }
  | { readonly kind: 'regex'; readonly pattern: string; readonly value: string }

/**
 * Applied in this order: remove, set (replaces), add. Names in lower case. Not for `host` (that is the rewrite of the
 * authority) and the fields that frame a message or end at a proxy.
 */
export interface HeaderEdits {
  readonly remove: readonly string[]
  readonly set: readonly HeaderValue[]
  readonly add: readonly HeaderValue[]
}

/** A group of endpoints that a route can point at; keyed by service, port and subset, never by route. */
export interface Cluster {
  readonly name: string
  /** For metrics: what a mesh calls the destination service. */
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number }
  /** The labels that make the subset; absent: the whole service. */
  readonly subset?: Readonly<Record<string, string>>
  /** Ready endpoints only. */
  readonly endpoints: readonly Endpoint[]
  /** The cluster to use while this one has no endpoint; absent: 503 with flag UH. */
  readonly fallback?: string
  /** For the whole of making a connection, the TLS handshake included. */
  readonly connectTimeoutMs: number
  /** Present: the endpoints are spoken to over TLS. */
  readonly tls?: ClientTls
  /** What HTTP requests are sent in; over clear text, `http2` is begun without asking. Default `http1`. */
  readonly protocol?: 'http1' | 'http2'
  /** Default round robin. */
  readonly balance?: Balance
  readonly limits?: ClusterLimits
  readonly outlier?: OutlierDetection
  readonly healthCheck?: HealthCheck
  readonly slowStart?: SlowStart
  readonly preferLocal?: LocalPreference
}

/**
 * An endpoint that is new or healthy again gets less than its share for a while. With round robin and least request only. Its
 * weight is multiplied by max(share, (time / window) ^ (1 / aggression)).
 */
export interface SlowStart {
  readonly windowMs: number
  /** Above 0; 1: linear. */
  readonly aggression: number
  /** 0 to 1. */
  readonly minWeightShare: number
}

/**
 * Endpoints by how near they are: same subzone, same zone, same region, all others. The nearest get everything as long as
 * enough of them can be used; where fewer can, the rest goes to the next nearest.
 */
export interface LocalPreference {
  /** Of the endpoints of one distance, a share of 1 / overprovisioning is enough. At least 1; Envoy's is 1.4. */
  readonly overprovisioning: number
}

/**
 * Each proxy asks each endpoint now and then, over TLS and in HTTP/2 where requests go that way too. Endpoints that fail are used
 * only where there is no other one left.
 */
export interface HealthCheck {
  /** `http`: GET, good with status 200 to 299; `tcp`: good when a connection can be made, its TLS handshake included. */
  readonly kind: 'http' | 'tcp'
  /** With `http`. */
  readonly path: string
  /** With `http`; empty: the endpoint's address and port. */
  readonly host: string
  /** From the end of one check to the next; a tenth more or less. */
  readonly intervalMs: number
  readonly timeoutMs: number
  /** So many good ones in a row make an endpoint healthy again. */
  readonly healthyThreshold: number
  /** So many bad ones in a row make it unhealthy; it is healthy at first. */
  readonly unhealthyThreshold: number
}

/**
 * Endpoints that fail are left out for a while, in each proxy process by what it sees. The time is the base times the number
 * of ejections so far; that number falls again by one with each interval in which the endpoint is not out. An endpoint that
 * is out is used only by a request that has no other one left.
 */
export interface OutlierDetection {
  /** Answers of 500 and more, and requests that got none, in a row; 0 = not counted. */
  readonly consecutive5xx: number
  /** Answers of 502 to 504, failed connections and requests that got no answer, in a row; 0 = not counted. */
  readonly consecutiveGatewayErrors: number
  /** How often it is looked whether a time is over. */
  readonly intervalMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  /** 0 to 1 of the cluster's endpoints. One may always be out where there are several, but never all. */
  readonly ejectedShareMax: number
}

/** Circuit breaking, counted per proxy process. A request beyond is answered with 503 and flag UO. */
export interface ClusterLimits {
  /** To all endpoints together, idle ones included. At least 1. */
  readonly connectionsMax: number
  /** Requests that wait for a connection because there are as many as there may be. */
  readonly pendingMax: number
  /** Requests under way, those that wait included. */
  readonly requestsMax: number
  /** Requests that are being sent again. */
  readonly retriesMax: number
  /** A connection is closed after so many; 0 = no limit. */
  readonly requestsPerConnectionMax: number
}

/**
 * By the endpoints' weights. `round-robin` is as exact as a split; `least-request` draws two and takes the one with fewer
 * requests under way. A request without the key of `ring-hash` or `maglev` is spread at random.
 */
export type Balance =
  | { readonly kind: 'round-robin' | 'random' | 'least-request' }
  | { readonly kind: 'ring-hash' | 'maglev'; readonly key: HashKey }

/** The endpoint's certificate must be of one of the authorities and for the server name. */
export interface ClientTls {
  /** PEM; absent: those that come with the data plane. */
  readonly authorities?: string
  /** Sent as SNI and checked against the certificate; absent: the endpoint's address. */
  readonly serverName?: string
  /** For mutual TLS: PEM chain, leaf first. With `privateKey` only. */
  readonly certificate?: string
  /** PEM, not encrypted. Never logged, never shown by the admin port. */
  readonly privateKey?: string
  /** True: any certificate will do. */
  readonly insecureSkipVerify?: boolean
}

export interface Endpoint {
  /** IP address, or a DNS name for static hosts. */
  readonly address: string
  readonly port: number
  /** A positive integer, relative to the cluster's other endpoints; default 1. */
  readonly weight?: number
  /** Whom a request that goes here reaches; metrics and release gates count by it. */
  readonly workload?: WorkloadIdentity
  /** Where it runs. */
  readonly locality?: Locality
}

export interface WorkloadIdentity {
  readonly namespace: string
  /** Name of the owning workload (`echo-v2`), or of the pod when nothing owns it. */
  readonly name: string
  /** The label `version`, else `app.kubernetes.io/version`, else empty. */
  readonly version: string
  /** The label `app`, else `app.kubernetes.io/name`: what its versions have in common. Absent: unknown. */
  readonly app?: string
  /** Pod name. */
  readonly pod: string
}

/** Envoy's response flags, as far as our data plane gives them. */
export type ResponseFlag =
  | 'NR' // no route
  | 'NC' // no cluster
  | 'UH' // no healthy endpoint
  | 'UF' // could not connect upstream
  | 'UC' // upstream closed the connection
  | 'UR' // upstream reset the stream
  | 'UT' // upstream timed out
  | 'UPE' // upstream protocol error
  | 'UO' // overflow: a limit was reached
  | 'URX' // every try that the retry policy allows has failed
  | 'DI' // delayed by a fault
  | 'FI' // aborted by a fault
  | 'DC' // downstream closed the connection
  | 'DPE' // downstream protocol error

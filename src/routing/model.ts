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
  readonly routeTables: readonly RouteTable[]
  readonly clusters: readonly Cluster[]
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
  readonly protocol: 'http'
  /** `RouteTable.id`. */
  readonly routeTable: string
}

export interface RouteTable {
  readonly id: string
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
  /** Upper case; empty = any. */
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
  /** Lower case. */
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
}

export type WeightedDestination =
  | {
      readonly kind: 'cluster'
      /** `Cluster.name`. */
      readonly cluster: string
      /** Raw non-negative integer; the share is weight / sum. */
      readonly weight: number
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
  /** From the complete request to the complete response; 0 = none. */
  readonly timeoutMs: number
  readonly rewrite?: Rewrite
}

export interface Rewrite {
  /** Replaces the matched prefix (of a `prefix` or `path-prefix` match) or the whole path. */
  readonly path?: { readonly kind: 'prefix' | 'full'; readonly value: string }
  readonly authority?: string
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
  readonly connectTimeoutMs: number
}

export interface Endpoint {
  /** IP address, or a DNS name for static hosts. */
  readonly address: string
  readonly port: number
  /** Whom a request that goes here reaches; metrics and release gates count by it. */
  readonly workload?: WorkloadIdentity
}

export interface WorkloadIdentity {
  readonly namespace: string
  /** Name of the owning workload (`echo-v2`), or of the pod when nothing owns it. */
  readonly name: string
  /** The label `version`, else `app.kubernetes.io/version`, else empty. */
  readonly version: string
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
  | 'UT' // upstream timed out
  | 'UPE' // upstream protocol error
  | 'UO' // overflow: a limit was reached
  | 'DC' // downstream closed the connection
  | 'DPE' // downstream protocol error

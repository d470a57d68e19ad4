/** The routing model's routes: which requests go where, and which rule of which object says so. */
import type { Match } from './match-model.ts'
import type { ObjectReference } from './object-reference.ts'
import type { HeaderEdits, HeaderValue, RoutePolicy } from './policy-model.ts'

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

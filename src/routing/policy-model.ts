/** The routing model's policies: what happens to the requests of a route besides going somewhere. */
import type { ValueMatch } from './match-model.ts'

export interface RoutePolicy {
  /** From the complete request to the complete response, retries included; 0 = none. */
  readonly timeoutMs: number
  /** A request on which nothing moves either way for so long is given up; 0 = never, absent = the data plane's default. */
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
  /** How long an upgraded connection, a tunnel or a long call of gRPC may go on after its destination lost its weight; absent = the data plane's default. */
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
  /** `present`, or `*`: every origin. */
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

export interface HeaderValue {
  readonly name: string
  readonly value: string
}

/** The routing model's listeners: where clients come in, and how they are treated before routing. */
import type { WorkloadIdentity } from './cluster-model.ts'
import type { ForwardAction, Origin } from './route-model.ts'

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
  /**
   * Whether clients must show a certificate (`strict`), may (`permissive`), or are not asked (`none`). Default: `strict` with
   * `clientAuthorities`, else `none`. The data plane refuses `permissive` until it can tell who is who behind it.
   */
  readonly clients?: 'none' | 'permissive' | 'strict'
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

/** The routing model's destinations: clusters, their endpoints, and who is asked in them. */
import type { HashKey } from './route-model.ts'

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

/** Empty texts: unknown. A zone counts only within its region, a subzone only within its zone. */
export interface Locality {
  readonly region: string
  readonly zone: string
  readonly subzone: string
}

/**
 * By the endpoints' weights. `round-robin` is as exact as a split; `least-request` draws two and takes the one with fewer
 * requests under way. A request without the key of `ring-hash` or `maglev` is spread at random.
 */
export type Balance =
  | { readonly kind: 'round-robin' | 'random' | 'least-request' }
  | { readonly kind: 'ring-hash' | 'maglev'; readonly key: HashKey }

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
  /**
   * `http`: GET, good with status 200 to 299; `tcp`: good when a connection can be made, its TLS handshake included; `grpc`, of
   * clusters that speak HTTP/2: good when the server says SERVING (grpc.health.v1).
   */
  readonly kind: 'http' | 'tcp' | 'grpc'
  /** With `http`. */
  readonly path: string
  /** With `http` and `grpc`; empty: the endpoint's address and port. */
  readonly host: string
  /** With `grpc`: the service that is asked about; absent or empty: the server as a whole. */
  readonly service?: string
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
  /** Answers of 500 and more, calls of gRPC that fail so at once, and requests that got no answer, in a row; 0 = not counted. */
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

/** The endpoint's certificate must be of one of the authorities and for the server name. */
export interface ClientTls {
  /**
   * Present: the certificate is that of the data plane's own identity in a mesh, and the endpoint must show one of these. Absent:
   * the certificates given below. The data plane refuses it until it has an identity.
   */
  readonly mesh?: { readonly allowedPeers: readonly string[] }
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

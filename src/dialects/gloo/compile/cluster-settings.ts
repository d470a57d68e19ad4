/** How an Upstream wants its endpoints used: balancing, limits and outlier detection, with Envoy's defaults. */
import type { UpstreamSpec } from '../kinds/upstream.ts'
import type {
  Balance,
  Cluster,
  ClusterLimits,
  HealthCheck,
  OutlierDetection,
  SlowStart,
} from '../../../routing/cluster-model.ts'
import type { HashKey } from '../../../routing/route-model.ts'
import { durationMs } from './duration.ts'

export type ClusterSettings = Pick<
  Cluster,
  'protocol' | 'balance' | 'limits' | 'outlier' | 'healthCheck' | 'slowStart' | 'tls'
>

/** What is not limited. Envoy's numbers go up to twice this, which is no limit either. */
export const COUNT_MAX = 2_147_483_647
const LIMIT = 1_024
const RETRIES_MAX = 3
const CONSECUTIVE = 5
const INTERVAL_MS = 10_000
const BASE_EJECTION_MS = 30_000
const MAX_EJECTION_MS = 300_000
const EJECTED_PERCENT_MAX = 10
/** Gloo requires these to be given; an object without them is served all the same. */
const CHECK_INTERVAL_MS = 5_000
const CHECK_TIMEOUT_MS = 1_000
const THRESHOLD = 1
const MIN_WEIGHT_PERCENT = 10
/** An Upstream has no key of its own in Gloo: without the route's, requests go anywhere. Clients cannot send this header. */
const NO_KEY: HashKey = { kind: 'header', name: 'x-sluice-hash-key' }

export function clusterSettings(spec: UpstreamSpec): ClusterSettings {
  const balance = balanceOf(spec)
  const limits = limitsOf(spec)
  const outlier = outlierOf(spec)
  const healthCheck = healthCheckOf(spec)
  const slowStart = slowStartOf(spec)
  return {
    ...(spec.useHttp2 === true ? { protocol: 'http2' } : {}),
    ...(balance === undefined ? {} : { balance }),
    ...(limits === undefined ? {} : { limits }),
    ...(outlier === undefined ? {} : { outlier }),
    ...(healthCheck === undefined ? {} : { healthCheck }),
    ...(slowStart === undefined ? {} : { slowStart }),
  }
}

function balanceOf({ loadBalancerConfig = {} }: UpstreamSpec): Balance | undefined {
  if (loadBalancerConfig.leastRequest !== undefined) return { kind: 'least-request' }
  if (loadBalancerConfig.ringHash !== undefined) return { kind: 'ring-hash', key: NO_KEY }
  if (loadBalancerConfig.maglev !== undefined) return { kind: 'maglev', key: NO_KEY }
  return loadBalancerConfig.random === undefined ? undefined : { kind: 'random' }
}

function slowStartOf({ loadBalancerConfig = {} }: UpstreamSpec): SlowStart | undefined {
  const { roundRobin, leastRequest } = loadBalancerConfig
  const config = roundRobin?.slowStartConfig ?? leastRequest?.slowStartConfig
  if (config?.slowStartWindow === undefined) return undefined
  return {
    windowMs: durationMs(config.slowStartWindow, 0),
    aggression: config.aggression ?? 1,
    minWeightShare: (config.minWeightPercent ?? MIN_WEIGHT_PERCENT) / 100,
  }
}

/** Envoy has its defaults also where nothing is said; here an Upstream that says nothing has no limits. */
function limitsOf({ circuitBreakers, connectionConfig }: UpstreamSpec): ClusterLimits | undefined {
  const perConnection = connectionConfig?.maxRequestsPerConnection ?? 0
  if (circuitBreakers === undefined && perConnection === 0) return undefined
  const otherwise = circuitBreakers === undefined ? COUNT_MAX : LIMIT
  const limit = (value = otherwise): number => Math.min(value, COUNT_MAX)
  return {
    // Envoy lets every endpoint have one connection whatever the limit.
    connectionsMax: Math.max(1, limit(circuitBreakers?.maxConnections)),
    pendingMax: limit(circuitBreakers?.maxPendingRequests),
    requestsMax: limit(circuitBreakers?.maxRequests),
    retriesMax: limit(circuitBreakers?.maxRetries ?? (circuitBreakers === undefined ? COUNT_MAX : RETRIES_MAX)),
    requestsPerConnectionMax: limit(perConnection),
  }
}

/** Gateway failures are counted by Envoy by default, but eject nobody unless it is told to enforce them. */
function outlierOf({ outlierDetection }: UpstreamSpec): OutlierDetection | undefined {
  if (outlierDetection === undefined) return undefined
  const { consecutive5xx = CONSECUTIVE, enforcingConsecutive5xx = 100, interval } = outlierDetection
  const { consecutiveGatewayFailure = CONSECUTIVE, enforcingConsecutiveGatewayFailure = 0 } = outlierDetection
  const baseEjectionMs = durationMs(outlierDetection.baseEjectionTime, BASE_EJECTION_MS)
  const counted = {
    consecutive5xx: enforcingConsecutive5xx > 0 ? Math.min(consecutive5xx, COUNT_MAX) : 0,
    consecutiveGatewayErrors:
      enforcingConsecutiveGatewayFailure > 0 ? Math.min(consecutiveGatewayFailure, COUNT_MAX) : 0,
  }
  if (counted.consecutive5xx === 0 && counted.consecutiveGatewayErrors === 0) return undefined
  return {
    ...counted,
    intervalMs: durationMs(interval, INTERVAL_MS),
    baseEjectionMs,
    maxEjectionMs: Math.max(MAX_EJECTION_MS, baseEjectionMs),
    ejectedShareMax: (outlierDetection.maxEjectionPercent ?? EJECTED_PERCENT_MAX) / 100,
  }
}

type GlooHealthCheck = NonNullable<UpstreamSpec['healthChecks']>[number]

/** The first check that Sluice can make; the others are warned about. */
function healthCheckOf({ healthChecks: [check] = [] }: UpstreamSpec): HealthCheck | undefined {
  if (check === undefined) return undefined
  const { healthyThreshold = THRESHOLD, unhealthyThreshold = THRESHOLD } = check
  const asked = questionOf(check)
  if (asked === undefined) return undefined
  return {
    ...asked,
    intervalMs: durationMs(check.interval, CHECK_INTERVAL_MS),
    timeoutMs: durationMs(check.timeout, CHECK_TIMEOUT_MS),
    healthyThreshold: Math.min(healthyThreshold, COUNT_MAX),
    unhealthyThreshold: Math.min(unhealthyThreshold, COUNT_MAX),
  }
}

type Question = Pick<HealthCheck, 'kind' | 'path' | 'host' | 'service'>

function questionOf({ httpHealthCheck, tcpHealthCheck, grpcHealthCheck }: GlooHealthCheck): Question | undefined {
  if (httpHealthCheck !== undefined) {
    const { path = '/', host = '' } = httpHealthCheck
    return { kind: 'http', path, host }
  }
  if (grpcHealthCheck !== undefined) {
    const { serviceName = '', authority = '' } = grpcHealthCheck
    return { kind: 'grpc', path: '/', host: authority, ...(serviceName === '' ? {} : { service: serviceName }) }
  }
  return tcpHealthCheck === undefined ? undefined : { kind: 'tcp', path: '/', host: '' }
}

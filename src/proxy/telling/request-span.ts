/** The span of a request, with the tags that Envoy and Istio give theirs. */
import type { PathMatch } from '../../routing/match-model.ts'
import type { Route } from '../../routing/route-model.ts'
import type { DestinationLabels } from '../../telemetry/report.ts'
import type { Span } from '../../telemetry/span.ts'

import type { AccessEntry } from './access-entry.ts'
import { toUnicode } from './escape.ts'
import type { RequestTrace } from './tracer.ts'

/** As Envoy has it. */
const URL_LENGTH_MAX = 256

export interface TracedRequest extends AccessEntry {
  readonly requestId: string
  readonly scheme: string
  /** Null: none. */
  readonly serve: { readonly route: Route } | null
  /** Whom it reached last; null: nobody. */
  readonly destination: DestinationLabels | null
}

export function spanOf(record: TracedRequest, trace: RequestTrace, serviceName: string): Span {
  const { status, client, startedAtMs, durationMs } = record
  return {
    serviceName,
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentId: trace.parentId,
    state: trace.state,
    isDebug: trace.isDebug,
    name: nameOf(record),
    startedAtMs,
    durationMs,
    isError: status >= 500 || status === 0,
    peerAddress: client.address,
    tags: tagsOf(record),
  }
}

/** `echo.default.svc.cluster.local/api*`: of the route, so that there are few. */
function nameOf({ serve, destination, virtualHostName }: TracedRequest): string {
  if (serve === null) return 'no route'
  return `${serviceHost(destination?.service ?? '') || virtualHostName}${pathPattern(serve.route.match.path)}`
}

function serviceHost(service: string): string {
  const [namespace = '', name = ''] = service.split('/')
  return name === '' ? '' : `${name}.${namespace}.svc.cluster.local`
}

function pathPattern({ kind, value }: PathMatch): string {
  return kind === 'prefix' || kind === 'path-prefix' ? `${value}*` : value
}

function tagsOf(record: TracedRequest): Readonly<Record<string, string>> {
  const { destination, flag, cluster, serve } = record
  const url = `${record.scheme}://${record.requestHeader(':authority')}${record.requestHeader(':path')}`
  const tags: Record<string, string> = {
    component: 'proxy',
    'http.method': record.requestHeader(':method'),
    'http.url': toUnicode(url.slice(0, URL_LENGTH_MAX)),
    'http.protocol': record.protocol,
    'http.status_code': String(record.status),
    user_agent: toUnicode(record.requestHeader('user-agent')),
    request_size: String(record.bytesReceived),
    response_size: String(record.bytesSent),
    response_flags: flag === '' ? '-' : flag,
    'guid:x-request-id': toUnicode(record.requestId),
    'peer.address': record.client.address,
  }
  if (cluster !== '') tags['upstream_cluster'] = cluster
  if (record.upstreamHost !== '') tags['upstream_address'] = record.upstreamHost
  if (record.attempts > 1) tags['retry_count'] = String(record.attempts - 1)
  if (serve !== null) tags['route_name'] = serve.route.id
  if (destination !== null && destination.workload !== '') {
    tags['destination_workload'] = destination.workload
    tags['destination_workload_namespace'] = destination.workloadNamespace
    tags['destination_version'] = destination.version
  }
  return tags
}

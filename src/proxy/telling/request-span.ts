/** The span of a request, with the tags that Envoy and Istio give theirs. */
import type { PathMatch } from '../../routing/match-model.ts'
import type { Route } from '../../routing/route-model.ts'
import type { DestinationLabels } from '../../telemetry/report.ts'
import type { Span } from '../../telemetry/span.ts'

import type { AccessEntry } from './access-entry.ts'
import { toUnicode } from './escape.ts'
import type { RequestTrace } from './tracer.ts'

/** Spans wait while a collector takes none: of what strangers sent, so much is kept in each. */
const TAG_BYTES_MAX = 256
/** What the W3C asks of everybody who passes one on. */
const STATE_LENGTH_MAX = 512
/** Of a character of UTF-8 that was cut. */
const CUT_CHARACTER = /[\xc0-\xff][\x80-\xbf]{0,2}$/

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
    traceId: apart(trace.traceId),
    spanId: trace.spanId,
    parentId: apart(trace.parentId),
    state: trace.state.length > STATE_LENGTH_MAX ? '' : apart(trace.state),
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
  const path = record.requestHeader('x-envoy-original-path') || record.requestHeader(':path')
  const url = `${record.scheme}://${record.requestHeader(':authority')}${path}`
  const tags: Record<string, string> = {
    component: 'proxy',
    'http.method': tagText(record.requestHeader(':method')),
    'http.url': tagText(url),
    'http.protocol': record.protocol,
    'http.status_code': String(record.status),
    user_agent: tagText(record.requestHeader('user-agent')),
    request_size: String(record.bytesReceived),
    response_size: String(record.bytesSent),
    response_flags: flag === '' ? '-' : flag,
    'guid:x-request-id': tagText(record.requestId),
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

function tagText(bytes: string): string {
  const kept = bytes.length > TAG_BYTES_MAX ? bytes.slice(0, TAG_BYTES_MAX).replace(CUT_CHARACTER, '') : bytes
  return toUnicode(apart(kept))
}

/** The same as a text of its own: a part of a head would keep the whole head in memory for as long as the span waits. */
function apart(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('latin1')
}

/** What is noted of one request after the other of a client while it is served, and told when it is over. */
import type { DestinationTraffic, Observation } from '../../telemetry/recorder.ts'
import type { DestinationLabels } from '../../telemetry/report.ts'
import type { Answer } from '../policy/answers.ts'
import type { ClientSide } from './sides.ts'
import { forwardedFor } from '../serving/forwarded-heads.ts'
import type { Scheme } from '../serving/forwarded-heads.ts'
import type { ServingHttp } from '../serving/http-policy.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { editedValue } from '../policy/head-edit.ts'
import type { ServingPolicy } from '../serving/route-policy.ts'
import type { ServingRoute } from '../serving/serving-route.ts'

import type { ClientPeer } from '../telling/access-entry.ts'
import { detailsOf } from '../telling/details.ts'
import type { ListenerTelling } from '../telling/listener-telling.ts'
import { spanOf } from '../telling/request-span.ts'
import type { TracedRequest } from '../telling/request-span.ts'
import type { RequestTrace } from '../telling/tracer.ts'

/** What a record goes by. */
export interface RecordedRequest {
  readonly head: RequestHead
  readonly client: ClientSide
  readonly http: ServingHttp
  readonly startedMs: number
  /** For a request that brings none. */
  readonly newRequestId: () => string
}

const NONE = -1
const NO_ENTRY: readonly string[] = []
const NO_NAMES: ReadonlySet<string> = new Set()

export class RequestRecord implements TracedRequest {
  readonly #telling: ListenerTelling
  readonly #head: RequestHead
  readonly #side: ClientSide
  readonly #http: ServingHttp
  readonly #startedMs: number
  readonly client: ClientPeer
  readonly protocol: string
  readonly requestId: string
  readonly trace: RequestTrace | null
  #serve: ServingRoute | null = null
  /** Of the route, or of its destination. */
  #policy: ServingPolicy | null = null
  #responseValues: readonly string[] = NO_ENTRY
  #requestDoneMs = NONE
  #triedMs = NONE
  #responseMs = NONE
  #connectProblem = ''
  #wasSilent = false
  #traffic: DestinationTraffic | null = null
  status = 0
  flag = ''
  bytesReceived = 0
  bytesSent = 0
  durationMs = 0
  upstreamHost = ''
  upstreamLocalAddress = ''
  cluster = ''
  attempts = 0
  grpcStatus: number | undefined = undefined

  constructor(telling: ListenerTelling, { head, client, http, startedMs, newRequestId }: RecordedRequest) {
    this.#telling = telling
    this.#head = head
    this.#side = client
    this.#http = http
    this.#startedMs = startedMs
    this.client = client.peer()
    this.protocol = client.protocol
    this.requestId = head.fields.requestId === -1 ? newRequestId() : head.fields.value(head.fields.requestId)
    this.trace = telling.tracer === null ? null : telling.tracer.begin(head.fields)
  }

  get startedAtMs(): number {
    return this.#telling.epochMs(this.#startedMs)
  }

  get details(): string {
    if (this.flag === 'UT' && this.#wasSilent) return 'stream_idle_timeout'
    return detailsOf(this.flag, this.status, this.#responseMs !== NONE)
  }

  get requestDurationMs(): number {
    return this.#since(this.#requestDoneMs)
  }

  get responseDurationMs(): number {
    return this.#since(this.#responseMs)
  }

  get upstreamServiceMs(): number {
    return this.#responseMs === NONE ? NONE : this.#responseMs - this.#triedMs
  }

  get routeName(): string {
    return this.#serve === null ? '' : this.#serve.route.id
  }

  get virtualHostName(): string {
    return this.#serve === null ? '' : this.#serve.virtualHost
  }

  get transportFailure(): string {
    return this.#responseMs === NONE ? this.#connectProblem : ''
  }

  get traceId(): string {
    return this.trace === null ? '' : this.trace.traceId
  }

  get streamId(): string {
    return this.requestId
  }

  /** Whom the last try reached. */
  get destination(): DestinationLabels | null {
    return this.#traffic === null ? null : this.#traffic.labels
  }

  get scheme(): Scheme {
    return this.#head.scheme
  }

  get serve(): ServingRoute | null {
    return this.#serve
  }

  onRoute(serve: ServingRoute): void {
    this.#serve = serve
    this.#policy = serve.policy
  }

  onCluster(name: string, policy: ServingPolicy): void {
    this.cluster = name
    this.#policy = policy
  }

  /** The request is on its way to an endpoint. */
  onTry(host: string, traffic: DestinationTraffic, nowMs: number): void {
    this.attempts++
    this.#triedMs = nowMs
    this.#traffic = traffic
    this.upstreamHost = host
  }

  onRequestDone(nowMs: number): void {
    this.#requestDoneMs = nowMs
  }

  /** What a try before one that was made had failed of is no news. */
  onConnectFailed(why: string): void {
    this.#connectProblem = why
  }

  onAnswered(localAddress: string, nowMs: number): void {
    this.#responseMs = nowMs
    this.upstreamLocalAddress = localAddress
  }

  onResponse(head: ResponseHead, localAddress: string, nowMs: number): void {
    this.onAnswered(localAddress, nowMs)
    const names = this.#telling.responseHeaders
    if (names.length > 0) this.#responseValues = names.map((name) => head.fields.get(name) ?? '')
  }

  onSilence(): void {
    this.#wasSilent = true
  }

  onAnswer({ headers }: Answer): void {
    const names = this.#telling.responseHeaders
    if (names.length === 0) return
    this.#responseValues = names.map((name) =>
      headers
        .filter((header) => header.name.toLowerCase() === name)
        .map(({ value }) => value)
        .join(','),
    )
  }

  /** The request is over. */
  tell({ status, flag, durationMs, requestBytes, responseBytes, grpcStatus }: Observation): void {
    this.status = status
    this.flag = flag
    this.grpcStatus = grpcStatus
    this.bytesReceived = requestBytes
    this.bytesSent = responseBytes
    this.durationMs = durationMs
    this.#telling.write(this)
    if (this.trace?.isSampled === true) this.#telling.export(spanOf(this, this.trace, this.#telling.serviceName))
  }

  /** As the endpoint gets it, where it got it. */
  requestHeader(name: string): string {
    const edit = this.#policy?.editRequest ?? null
    const value = this.#unedited(name)
    return edit === null ? value : editedValue(name, value, edit)
  }

  /** Before the edits of the route. */
  #unedited(name: string): string {
    const head = this.#head
    const rewritePath = this.#policy?.rewritePath ?? null
    switch (name) {
      case ':method':
        return head.method
      case ':path':
        return rewritePath === null ? head.target : rewritePath(head.path) + queryOf(head)
      case 'x-envoy-original-path':
        return rewritePath === null ? (head.fields.get(name) ?? '') : head.target
      case ':authority':
      case 'host':
        return this.#policy?.authority ?? head.host
      case ':scheme':
      case 'x-forwarded-proto':
        return this.scheme
      case 'x-forwarded-for':
        return forwardedFor(head, this.client.address, this.#http.trustedHops)
      case 'x-forwarded-host':
        return head.fields.get(name) ?? (this.#isRenamed ? head.host : '')
      case 'x-request-id':
        return this.requestId
      default:
        return this.#tracedField(name)
    }
  }

  /** As the client got it. */
  responseHeader(name: string): string {
    const value = this.#responseValues[this.#telling.responseHeaders.indexOf(name)] ?? ''
    const { status, edit } = this.#side.response
    return status === 0 || edit === null ? value : editedValue(name, value, edit)
  }

  trailer(name: string): string {
    return this.#side.response.trailer(name)
  }

  /** The endpoint is asked for another host than the client has named. */
  get #isRenamed(): boolean {
    return (this.#policy?.authority ?? this.#head.host) !== this.#head.host
  }

  #tracedField(name: string): string {
    const { trace } = this
    const sent = this.#head.fields.get(name) ?? ''
    if (trace === null) return sent
    return editedValue(name, sent, { dropped: trace.dropped ?? NO_NAMES, appended: trace.added })
  }

  #since(timeMs: number): number {
    return timeMs === NONE ? NONE : timeMs - this.#startedMs
  }
}

function queryOf(head: RequestHead): string {
  const at = head.target.indexOf('?')
  return at === -1 ? '' : head.target.slice(at)
}

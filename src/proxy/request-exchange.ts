/**
 * One request on its way: decided, sent to an endpoint, sent again where that is safe, answered, counted. A client connection
 * has one of these and uses it for one request after the other.
 *
 * What must stay true: a request is sent again only if no endpoint can have acted on it (nothing was sent), or if it is
 * idempotent, all of it is still here, and the endpoint closed a kept connection without answering a byte.
 */
import { defined } from '../base/assert.ts'
import { decide } from '../routing/decide.ts'
import type { Route } from '../routing/model.ts'
import type { DestinationTraffic } from '../telemetry/recorder.ts'

import { encodeAnswer, failureAnswer, plainAnswer } from './answers.ts'
import type { Answer, Failure } from './answers.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import { INLINE_BODY_BYTES_MAX, writeContent, writePart } from './message-output.ts'
import type { MessageOutput } from './message-output.ts'
import { requestHead, responseHead, switchingHead } from './forwarded-heads.ts'
import type { Scheme } from './forwarded-heads.ts'
import { ChunkedReader } from './http1/chunked-reader.ts'
import type { RequestHead } from './http1/request-head.ts'
import type { BodyFraming, ResponseHead } from './http1/response-head.ts'
import { pickEndpoint } from './pick-endpoint.ts'
import { RequestKeys } from './request-key.ts'
import type { ServingCluster, ServingEndpoint, ServingForward, ServingListener } from './serving-state.ts'
import { ownAnswer } from './own-answer.ts'
import type { Body, Exchange, UpstreamConnection, UpstreamFailure } from './upstream-connection.ts'

/** The client's side of the connection, as its exchange sees it. */
export interface ClientSide extends MessageOutput {
  readonly clientAddress: string
  readonly scheme: Scheme
  pauseInput(): void
  resumeInput(): void
  /** From now on all bytes go through. */
  enterTunnel(): void
  /** No more bytes will be written. */
  endOutput(): void
  /** The exchange is over. `keep`: the connection can take the next request. */
  onExchangeOver(keep: boolean): void
  /** The response cannot be completed: the client must notice. */
  abort(): void
}

export interface ExchangeDeps {
  readonly monotonicMs: () => number
  readonly newRequestId: () => string
  /** What new requests are served with: the newest snapshot. */
  readonly serving: () => ServingListener
  /** Whether connections are to be closed after their request. */
  readonly isDraining: () => boolean
}

export interface RequestBody {
  /** What came with the head. */
  readonly first: Buffer | null
  readonly done: boolean
}

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
/** How many endpoints a request tries to connect to before it fails. */
const CONNECT_ATTEMPTS_MAX = 5
/** A stream on which nothing moves for so long is given up (Envoy's default). */
const STREAM_IDLE_TIMEOUT_MS = 300_000

type State = 'idle' | 'waiting' | 'responding' | 'tunnel'

export class RequestExchange implements Exchange {
  readonly #client: ClientSide
  readonly #deps: ExchangeDeps
  readonly #keys: RequestKeys
  #state: State = 'idle'
  #head: RequestHead | null = null
  #traffic: DestinationTraffic | null = null
  #cluster: ServingCluster | null = null
  #endpoint: ServingEndpoint | null = null
  #upstream: UpstreamConnection | null = null
  #tried: EndpointPool[] | null = null
  #startedMs = 0
  /** 0: none. */
  #deadlineMs = 0
  #timeoutMs = 0
  /** What is sent first, kept to be sent again. */
  #firstText = ''
  #firstBody: Buffer | null = null
  #requestDone = false
  /** Whether more than the first part was sent, so that it cannot be sent again. */
  #streamed = false
  #keepClient = false
  #dechunk: ChunkedReader | null = null
  #status = 0
  #requestBytes = 0
  #responseBytes = 0
  /** Of the key that the cluster balances by. */
  #hash = 0
  #moved = false
  #idleSinceMs = 0
  requestMethod = ''

  constructor(client: ClientSide, deps: ExchangeDeps) {
    this.#client = client
    this.#deps = deps
    this.#keys = new RequestKeys(client, deps.newRequestId)
  }

  start(head: RequestHead, body: RequestBody): void {
    const serving = this.#deps.serving()
    this.#reset(head, serving, body)
    if (head.method === 'CONNECT') return this.#answer(failureAnswer('connect'))
    const decision = decide(serving.table, head)
    if (decision.kind !== 'route') return this.#answer(failureAnswer(decision.kind))
    const { route, forward } = defined(serving.routes[decision.index], 'route')
    if (forward === undefined) this.#answer(ownAnswer(head, route, this.#client.scheme))
    else this.#forward(route, forward, body)
  }

  /** More of the request's body. False: wait (input was paused) until it is resumed. */
  sendBody(chunk: Buffer, done: boolean): void {
    this.#requestBytes += chunk.length
    this.#streamed = true
    this.#moved = true
    if (done) this.#endRequest()
    if (this.#upstream === null || chunk.length === 0) return
    if (!this.#upstream.send('', chunk) && !done) this.#client.pauseInput()
  }

  sendTunnelled(chunk: Buffer): void {
    this.#moved = true
    this.#requestBytes += chunk.length
    if (this.#upstream?.send('', chunk) === false) this.#client.pauseInput()
  }

  /** The client will not send more into the tunnel. */
  endTunnel(): void {
    this.#upstream?.endTunnel()
  }

  /** The client is gone. */
  cancel(): void {
    if (this.#state === 'idle') return
    this.#dropUpstream()
    const isTunnel = this.#state === 'tunnel'
    this.#count(isTunnel ? '' : 'DC')
  }

  /** The request is not what it should be, or did not come in time. */
  refuse(failure: Failure): void {
    if (this.#state === 'waiting') this.#giveUp(failure)
    else if (this.#state === 'responding') this.#abort('DPE')
  }

  sweep(nowMs: number): void {
    if (this.#state === 'idle') return
    if (this.#moved || this.#idleSinceMs === 0) this.#idleSinceMs = nowMs
    this.#moved = false
    const isLate = this.#deadlineMs !== 0 && nowMs >= this.#deadlineMs && this.#state !== 'tunnel'
    if (!isLate && nowMs < this.#idleSinceMs + STREAM_IDLE_TIMEOUT_MS) return
    if (this.#state === 'waiting') this.#giveUp('upstream-timeout')
    else this.#abort('UT')
  }

  onClientDrain(): void {
    this.#upstream?.resume()
  }

  onConnected(): void {
    this.#sendFirst()
    if (!this.#requestDone) this.#client.resumeInput()
  }

  onInterim(head: ResponseHead): void {
    this.#moved = true
    if (this.#head?.minorVersion === 1)
      this.#client.write(responseHead(head, { connection: '', dropsChunked: false, added: '' }), null)
  }

  onResponse(head: ResponseHead, framing: BodyFraming, body: Body, done: boolean): void {
    this.#status = head.status
    this.#moved = true
    if (head.status === 101) return this.#startTunnel(head)
    this.#state = 'responding'
    const isOld = this.#head?.minorVersion === 0
    const dropsChunked = isOld && framing === 'chunked'
    this.#keepClient &&= framing !== 'close' && !dropsChunked && !this.#deps.isDraining()
    this.#dechunk = dropsChunked ? new ChunkedReader() : null
    const connection = this.#keepClient ? (isOld ? 'keep-alive' : '') : 'close'
    this.#pass(responseHead(head, { connection, dropsChunked, added: this.#keys.cookies }), body, done)
  }

  onBody(body: Body, done: boolean): void {
    this.#moved = true
    this.#pass('', body, done)
  }

  onTunnelled(chunk: Buffer): void {
    this.#moved = true
    this.#responseBytes += chunk.length
    if (!this.#client.write('', chunk)) this.#upstream?.pause()
  }

  onTunnelEnd(): void {
    this.#client.endOutput()
  }

  onSendable(): void {
    this.#client.resumeInput()
  }

  onFailure(failure: UpstreamFailure): void {
    const upstream = defined(this.#upstream, 'upstream connection')
    const pool = defined(this.#endpoint, 'endpoint').pool
    this.#upstream = null
    pool.leave()
    if (this.#state === 'tunnel') return this.#endTunnelled()
    if (this.#state !== 'waiting') return this.#abort(failureAnswer(failure).flag)
    if (failure === 'connect-failed' || failure === 'connect-timeout') return this.#tryNext(pool, failure)
    const isStale = failure === 'upstream-closed' && upstream.wasUsed && !upstream.hasPartialResponse
    if (isStale && this.#canSendAgain()) this.#sendAgain(pool)
    else this.#answer(failureAnswer(failure))
  }

  #reset(head: RequestHead, serving: ServingListener, body: RequestBody): void {
    this.#state = 'waiting'
    this.#head = head
    this.requestMethod = head.method
    this.#traffic = serving.nowhere
    this.#cluster = null
    this.#endpoint = null
    this.#tried = null
    this.#startedMs = this.#deps.monotonicMs()
    this.#deadlineMs = 0
    this.#timeoutMs = 0
    this.#idleSinceMs = 0
    this.#requestDone = body.done
    this.#streamed = false
    // Behind a CONNECT the client may have sent bytes for its tunnel already: they must not be read as a request.
    this.#keepClient = head.keepAlive && head.method !== 'CONNECT'
    this.#dechunk = null
    this.#status = 0
    this.#requestBytes = body.first === null ? 0 : body.first.length
    this.#responseBytes = 0
    this.#keys.reset(head)
  }

  #forward(route: Route, forward: ServingForward, body: RequestBody): void {
    const destination = defined(forward.destinations[this.#keys.destinationOf(forward)], 'destination')
    if (destination.kind === 'invalid') return this.#answer(plainAnswer(destination.status, '', destination.reason))
    this.#cluster = destination.cluster
    this.#traffic = destination.cluster.nobody
    this.#hash = this.#keys.hashFor(destination.cluster)
    this.#timeoutMs = route.policy.timeoutMs
    if (body.done && route.policy.timeoutMs > 0) this.#deadlineMs = this.#startedMs + route.policy.timeoutMs
    this.#prepareFirst(route, body)
    this.#toNextEndpoint('no-endpoint')
  }

  #prepareFirst(route: Route, { first }: RequestBody): void {
    const head = defined(this.#head, 'request head')
    const text = requestHead(head, {
      route,
      clientAddress: this.#client.clientAddress,
      scheme: this.#client.scheme,
      requestId: head.fields.requestId === -1 ? this.#deps.newRequestId() : '',
      upgrade: head.isUpgrade,
    })
    const inline = first !== null && first.length <= INLINE_BODY_BYTES_MAX
    this.#firstText = inline ? text + first.toString('latin1') : text
    this.#firstBody = inline ? null : first
  }

  #toNextEndpoint(failure: Failure): void {
    const cluster = defined(this.#cluster, 'cluster')
    const endpoint = pickEndpoint(cluster, this.#hash, this.#startedMs, this.#tried)
    if (endpoint === undefined) this.#answer(failureAnswer(failure))
    else this.#sendTo(endpoint, endpoint.pool.takeIdle())
  }

  #sendTo(endpoint: ServingEndpoint, idle: UpstreamConnection | undefined): void {
    this.#endpoint = endpoint
    this.#traffic = endpoint.traffic
    if (idle === undefined && endpoint.pool.isFull) return this.#answer(failureAnswer('overflow'))
    endpoint.pool.enter()
    if (idle !== undefined) {
      this.#upstream = idle
      idle.attach(this)
      this.#sendFirst()
      return
    }
    const timeoutMs = defined(this.#cluster, 'cluster').connectTimeoutMs
    this.#upstream = endpoint.pool.open(this.#deps.monotonicMs() + timeoutMs)
    this.#upstream.attach(this)
    if (!this.#requestDone) this.#client.pauseInput()
  }

  #sendFirst(): void {
    const more = this.#upstream?.send(this.#firstText, this.#firstBody)
    if (more === false && !this.#requestDone) this.#client.pauseInput()
  }

  /** Nothing was sent: any request may try another endpoint. */
  #tryNext(failed: EndpointPool, failure: Failure): void {
    failed.avoid(this.#deps.monotonicMs())
    this.#tried = [...(this.#tried ?? []), failed]
    if (this.#tried.length >= CONNECT_ATTEMPTS_MAX) return this.#answer(failureAnswer(failure))
    this.#refreshCluster()
    this.#toNextEndpoint(failure)
  }

  #canSendAgain(): boolean {
    return this.#requestDone && !this.#streamed && IDEMPOTENT.has(this.requestMethod)
  }

  /** On a new connection: where one kept connection was closed, the others may be too. */
  #sendAgain(pool: EndpointPool): void {
    this.#refreshCluster()
    const cluster = defined(this.#cluster, 'cluster')
    const same = cluster.endpoints.find((endpoint) => endpoint.pool === pool && !pool.isRetired)
    const endpoint = same ?? pickEndpoint(cluster, this.#hash, this.#startedMs, this.#tried)
    if (endpoint === undefined) this.#answer(failureAnswer('no-endpoint'))
    else this.#sendTo(endpoint, undefined)
  }

  /** A request that must look for another endpoint looks among those of the newest snapshot. */
  #refreshCluster(): void {
    const cluster = defined(this.#cluster, 'cluster')
    this.#cluster = this.#deps.serving().clusters.get(cluster.name) ?? cluster
  }

  #endRequest(): void {
    this.#requestDone = true
    if (this.#timeoutMs > 0) this.#deadlineMs = this.#deps.monotonicMs() + this.#timeoutMs
  }

  #pass(text: string, body: Body, done: boolean): void {
    const more =
      this.#dechunk === null
        ? writePart(this.#client, text, body)
        : writeContent(this.#client, text, body, this.#dechunk)
    this.#responseBytes += body.to - body.from
    if (done) this.#finish()
    else if (!more) this.#upstream?.pause()
  }

  #startTunnel(head: ResponseHead): void {
    if (this.#head?.isUpgrade !== true) return this.#giveUp('upstream-protocol')
    this.#state = 'tunnel'
    this.#keepClient = false
    this.#client.write(switchingHead(head, this.#keys.cookies), null)
    this.#client.enterTunnel()
  }

  #endTunnelled(): void {
    this.#count('')
    this.#client.onExchangeOver(false)
  }

  /** The response is complete. */
  #finish(): void {
    const upstream = this.#upstream
    this.#upstream = null
    const nowMs = this.#deps.monotonicMs()
    if (this.#requestDone) upstream?.release(nowMs)
    else upstream?.destroy()
    this.#endpoint?.pool.leave()
    this.#count('', nowMs)
    this.#client.onExchangeOver(this.#keepClient && this.#requestDone)
  }

  #giveUp(failure: Failure): void {
    this.#dropUpstream()
    this.#answer(failureAnswer(failure))
  }

  #abort(flag: string): void {
    this.#dropUpstream()
    this.#count(flag)
    this.#client.abort()
  }

  #answer(answer: Answer): void {
    const isOld = this.#head?.minorVersion === 0
    const keep = this.#keepClient && this.#requestDone && !this.#deps.isDraining()
    const connection = keep ? (isOld ? 'keep-alive' : '') : 'close'
    this.#status = answer.status
    this.#responseBytes = answer.body.length
    this.#client.write(encodeAnswer(answer, { withBody: this.requestMethod !== 'HEAD', connection }), null)
    this.#count(answer.flag)
    this.#client.onExchangeOver(keep)
  }

  #dropUpstream(): void {
    if (this.#upstream === null) return
    this.#upstream.destroy()
    this.#upstream = null
    this.#endpoint?.pool.leave()
  }

  #count(flag: string, nowMs = this.#deps.monotonicMs()): void {
    this.#state = 'idle'
    this.#firstText = ''
    this.#firstBody = null
    this.#traffic?.count({
      status: this.#status,
      flag,
      durationMs: nowMs - this.#startedMs,
      requestBytes: this.#requestBytes,
      responseBytes: this.#responseBytes,
    })
  }
}

/**
 * One request on its way: decided, sent to an endpoint, sent again where that is safe, answered, counted. A client connection
 * has one of these and uses it for one request after the other.
 *
 * What must stay true: a request is sent again only if no endpoint can have acted on it (nothing was sent), or if it is
 * idempotent, all of it is still here, and the endpoint closed a kept connection without answering a byte, or if its route
 * has a policy that says so and all of it is still here.
 */
import { defined } from '../base/assert.ts'
import type { Timer } from '../base/clock.ts'
import { decide } from '../routing/decide.ts'
import type { DestinationTraffic } from '../telemetry/recorder.ts'

import { failureAnswer, plainAnswer } from './answers.ts'
import type { Answer, Failure } from './answers.ts'
import { ClientResponse } from './client-response.ts'
import type { ClusterGate, Waiting } from './cluster-gate.ts'
import type { EndpointPool } from './endpoint-pool.ts'
import type { MessageOutput } from './message-output.ts'
import { requestHead } from './forwarded-heads.ts'
import type { Scheme } from './forwarded-heads.ts'
import type { RequestHead } from './http1/request-head.ts'
import type { BodyFraming, ResponseHead } from './http1/response-head.ts'
import { KeptRequest } from './kept-request.ts'
import { pickEndpoint } from './pick-endpoint.ts'
import { VARY, corsEdit, preflightAnswer } from './policy/cors.ts'
import { joinEdits } from './policy/head-edit.ts'
import { RequestRetries } from './policy/retries.ts'
import type { ServingPolicy } from './policy/route-policy.ts'
import { RequestKeys } from './request-key.ts'
import type { ServingCluster, ServingEndpoint, ServingForward, ServingListener, ServingRoute } from './serving-state.ts'
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

export class RequestExchange implements Exchange, Waiting {
  readonly #client: ClientSide
  readonly #deps: ExchangeDeps
  readonly #keys: RequestKeys
  readonly #response: ClientResponse
  readonly #kept = new KeptRequest()
  #state: State = 'idle'
  #head: RequestHead | null = null
  #traffic: DestinationTraffic | null = null
  #cluster: ServingCluster | null = null
  /** The limits under which the request is counted. */
  #gate: ClusterGate | null = null
  #endpoint: ServingEndpoint | null = null
  #upstream: UpstreamConnection | null = null
  #tried: EndpointPool[] | null = null
  #startedMs = 0
  /** 0: none. */
  #deadlineMs = 0
  #timeoutMs = 0
  /** Of one try. 0: none. */
  #tryDeadlineMs = 0
  #idleTimeoutMs = STREAM_IDLE_TIMEOUT_MS
  #requestDone = false
  #requestBytes = 0
  #connects = 0
  /** Null where the route has no policy for it. */
  #retries: RequestRetries | null = null
  /** The request waits: for a fault's delay, or for its next try. */
  #timer: Timer | null = null
  /** What the policy of the route has done to the request. */
  #flag: '' | 'DI' | 'URX' | 'UO' = ''
  /** Of the key that the cluster balances by. */
  #hash = 0
  #moved = false
  #idleSinceMs = 0
  requestMethod = ''

  constructor(client: ClientSide, deps: ExchangeDeps) {
    this.#client = client
    this.#deps = deps
    this.#keys = new RequestKeys(client, deps.newRequestId)
    this.#response = new ClientResponse(client)
  }

  start(head: RequestHead, body: RequestBody): void {
    const serving = this.#deps.serving()
    this.#reset(head, serving, body)
    this.#route(head, serving, body)
  }

  /** More of the request's body. False: wait (input was paused) until it is resumed. */
  sendBody(chunk: Buffer, done: boolean): void {
    this.#requestBytes += chunk.length
    this.#kept.add(chunk)
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
    if (this.#moved || this.#idleSinceMs === 0 || this.#timer !== null) this.#idleSinceMs = nowMs
    this.#moved = false
    const isLate = this.#deadlineMs !== 0 && nowMs >= this.#deadlineMs && this.#state !== 'tunnel'
    if (!isLate && nowMs < this.#idleSinceMs + this.#idleTimeoutMs) {
      if (this.#tryDeadlineMs !== 0 && nowMs >= this.#tryDeadlineMs) this.#endTry()
      return
    }
    if (this.#state !== 'waiting') return this.#abort('UT')
    if (this.#upstream !== null && this.#requestDone) this.#blameEndpoint()
    this.#giveUp('upstream-timeout')
  }

  onClientDrain(): void {
    this.#upstream?.resume()
  }

  onConnected(): void {
    if (this.requestMethod === 'CONNECT') return this.#openTunnel()
    this.#sendFirst()
    if (!this.#requestDone) this.#client.resumeInput()
  }

  onInterim(head: ResponseHead): void {
    this.#moved = true
    this.#response.interim(head)
  }

  onResponse(head: ResponseHead, framing: BodyFraming, body: Body, done: boolean): void {
    this.#moved = true
    const outlier = this.#endpoint === null ? null : this.#endpoint.outlier
    if (outlier !== null) outlier.onStatus(head.status, this.#deps.monotonicMs())
    if (this.#retries !== null && this.#triesAgainOn(head.status)) return this.#discardResponse(done)
    if (head.status === 101) return this.#startTunnel(head)
    this.#state = 'responding'
    this.#tryDeadlineMs = 0
    this.#response.keep &&= !this.#deps.isDraining()
    this.#afterPart(this.#response.begin(head, framing, body, this.#keys.cookies), done)
  }

  onBody(body: Body, done: boolean): void {
    this.#moved = true
    this.#afterPart(this.#response.part(body), done)
  }

  onTunnelled(chunk: Buffer): void {
    this.#moved = true
    this.#response.bytes += chunk.length
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
    const isStale = failure === 'upstream-closed' && upstream.wasUsed && !upstream.hasPartialResponse
    if (!isStale) this.#blameEndpoint()
    if (failure === 'connect-failed' || failure === 'connect-timeout') return this.#tryNext(pool, failure)
    if (isStale && this.#canSendAgain()) this.#sendAgain(pool)
    else this.#failed(failure)
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
    this.#requestBytes = body.first === null ? 0 : body.first.length
    this.#tryDeadlineMs = 0
    this.#idleTimeoutMs = STREAM_IDLE_TIMEOUT_MS
    this.#connects = 0
    this.#retries = null
    this.#flag = ''
    this.#keys.reset(head)
    this.#response.reset(head)
  }

  #route(head: RequestHead, serving: ServingListener, body: RequestBody): void {
    const decision = decide(serving.table, head)
    if (decision.kind !== 'route') {
      return this.#answer(failureAnswer(head.method === 'CONNECT' ? 'connect' : decision.kind))
    }
    const serve = defined(serving.routes[decision.index], 'route')
    this.#response.edit = serve.policy.editResponse
    if (serve.policy.cors !== null || serve.policy.fault !== null) {
      if (this.#isHandledByPolicy(head, serve.policy, body)) return
    }
    if (serve.forward === undefined) this.#answer(ownAnswer(head, serve.route, this.#client.scheme))
    else this.#forward(serve, serve.forward, body)
  }

  /** False: the request goes on, now. */
  #isHandledByPolicy(head: RequestHead, { cors, fault, editResponse }: ServingPolicy, body: RequestBody): boolean {
    const preflight = cors === null ? null : preflightAnswer(cors, head)
    if (cors !== null) {
      const edit = preflight === null ? corsEdit(cors, head) : VARY
      this.#response.edit = joinEdits(editResponse, edit)
    }
    if (preflight !== null) return this.#handled(preflight)
    const wasDelayed = this.#flag === 'DI'
    if (fault === null) return false
    if (!wasDelayed && fault.delays()) {
      this.#flag = 'DI'
      if (!body.done) this.#client.pauseInput()
      this.#timer = fault.wait(() => this.#afterDelay(head, body))
      return true
    }
    const status = fault.abortStatus(wasDelayed)
    return status !== 0 && this.#handled(plainAnswer(status, 'FI', 'aborted by a fault of the route'))
  }

  #handled(answer: Answer): true {
    this.#answer(answer)
    return true
  }

  /** The route may have changed meanwhile, and endpoints be gone: the newest snapshot decides. */
  #afterDelay(head: RequestHead, body: RequestBody): void {
    this.#timer = null
    if (!body.done) this.#client.resumeInput()
    this.#route(head, this.#deps.serving(), body)
  }

  #forward({ route, policy }: ServingRoute, forward: ServingForward, body: RequestBody): void {
    const head = defined(this.#head, 'request head')
    const destination = defined(forward.destinations[this.#keys.destinationOf(forward)], 'destination')
    if (destination.kind === 'invalid') return this.#answer(plainAnswer(destination.status, '', destination.reason))
    this.#cluster = destination.cluster
    this.#traffic = destination.cluster.nobody
    if (!this.#enterGate(destination.cluster.gate)) return this.#answer(failureAnswer('overflow'))
    this.#hash = this.#keys.hashFor(destination.cluster)
    this.#timeoutMs = route.policy.timeoutMs
    if (policy.idleTimeoutMs > 0) this.#idleTimeoutMs = policy.idleTimeoutMs
    if (policy.retry !== null) this.#retries = new RequestRetries(policy.retry)
    if (body.done && this.#timeoutMs > 0) {
      this.#deadlineMs = (this.#flag === 'DI' ? this.#deps.monotonicMs() : this.#startedMs) + this.#timeoutMs
    }
    const text = requestHead(head, {
      route,
      policy,
      clientAddress: this.#client.clientAddress,
      scheme: this.#client.scheme,
      requestId: head.fields.requestId === -1 ? this.#deps.newRequestId() : '',
      upgrade: head.isUpgrade,
    })
    this.#kept.start(text, body.first, policy.retry !== null)
    this.#toNextEndpoint('no-endpoint')
  }

  #enterGate(gate: ClusterGate | null): boolean {
    if (gate?.admit() === false) return false
    this.#gate = gate
    return true
  }

  /** A connection may be had, under the limits of the cluster. */
  onTurn(): boolean {
    if (!this.#requestDone) this.#client.resumeInput()
    this.#refreshCluster()
    this.#toNextEndpoint('no-endpoint', true)
    return this.#upstream !== null || this.#gate?.hasWaiting === true
  }

  #toNextEndpoint(failure: Failure, isTurn = false): void {
    const cluster = defined(this.#cluster, 'cluster')
    const endpoint = pickEndpoint(cluster, this.#hash, this.#startedMs, this.#tried)
    if (endpoint === undefined) this.#failed(failure)
    else if (this.#gate === null) this.#sendTo(endpoint, this.#takeIdle(endpoint.pool))
    else this.#sendThrough(this.#gate, endpoint, isTurn)
  }

  /** Where no connection may be opened, one that stands idle elsewhere in the cluster serves too. */
  #sendThrough(gate: ClusterGate, endpoint: ServingEndpoint, isTurn: boolean): void {
    if (isTurn || !gate.hasWaiting) {
      const idle = this.#takeIdle(endpoint.pool)
      if (idle !== undefined || gate.mayConnect) return this.#sendTo(endpoint, idle)
      for (const other of defined(this.#cluster, 'cluster').endpoints) {
        const found = this.#tried?.includes(other.pool) === true ? undefined : this.#takeIdle(other.pool)
        if (found !== undefined) return this.#sendTo(other, found)
      }
    }
    if (!gate.wait(this, isTurn)) return this.#answer(failureAnswer('overflow'))
    if (!this.#requestDone) this.#client.pauseInput()
  }

  /** A tunnel has a connection of its own from the beginning. */
  #takeIdle(pool: EndpointPool): UpstreamConnection | undefined {
    return this.requestMethod === 'CONNECT' ? undefined : pool.takeIdle()
  }

  #sendTo(endpoint: ServingEndpoint, idle: UpstreamConnection | undefined): void {
    this.#endpoint = endpoint
    this.#traffic = endpoint.traffic
    if (idle === undefined && endpoint.pool.isFull) return this.#answer(failureAnswer('overflow'))
    endpoint.pool.enter()
    if (this.#retries !== null && this.#requestDone) this.#startTry(this.#retries)
    if (idle !== undefined) {
      this.#upstream = idle
      idle.attach(this)
      this.#sendFirst()
      return
    }
    const timeoutMs = defined(this.#cluster, 'cluster').connectTimeoutMs
    this.#upstream = endpoint.pool.open(this.#deps.monotonicMs() + timeoutMs, this.#gate)
    this.#upstream.attach(this)
    if (!this.#requestDone) this.#client.pauseInput()
  }

  #sendFirst(): void {
    const more = this.#upstream === null || this.#kept.sendTo(this.#upstream)
    if (!more && !this.#requestDone) this.#client.pauseInput()
  }

  /** Nothing was sent: any request may try another endpoint. */
  #tryNext(failed: EndpointPool, failure: Failure): void {
    failed.avoid(this.#deps.monotonicMs())
    this.#tried = [...(this.#tried ?? []), failed]
    if (++this.#connects >= CONNECT_ATTEMPTS_MAX) return this.#failed(failure)
    this.#refreshCluster()
    this.#toNextEndpoint(failure)
  }

  #canSendAgain(): boolean {
    return this.#requestDone && this.#kept.isWhole && IDEMPOTENT.has(this.requestMethod)
  }

  /** On a new connection: where one kept connection was closed, the others may be too. */
  #sendAgain(pool: EndpointPool): void {
    this.#refreshCluster()
    const cluster = defined(this.#cluster, 'cluster')
    const same = cluster.endpoints.find((endpoint) => endpoint.pool === pool && !pool.isRetired)
    const endpoint = same ?? pickEndpoint(cluster, this.#hash, this.#startedMs, this.#tried)
    if (endpoint === undefined) this.#answer(failureAnswer('no-endpoint'))
    else if (this.#gate === null) this.#sendTo(endpoint, undefined)
    else this.#sendThrough(this.#gate, endpoint, true)
  }

  /** A request that must look for another endpoint looks among those of the newest snapshot. */
  #refreshCluster(): void {
    const cluster = defined(this.#cluster, 'cluster')
    this.#cluster = this.#deps.serving().clusters.get(cluster.name) ?? cluster
  }

  #endRequest(): void {
    this.#requestDone = true
    if (this.#timeoutMs > 0) this.#deadlineMs = this.#deps.monotonicMs() + this.#timeoutMs
    if (this.#retries !== null) this.#startTry(this.#retries)
  }

  #startTry({ route }: RequestRetries): void {
    const { perTryTimeoutMs } = route.policy
    if (perTryTimeoutMs > 0) this.#tryDeadlineMs = this.#deps.monotonicMs() + perTryTimeoutMs
  }

  /** No answer came, and it is not for the client. */
  #blameEndpoint(): void {
    this.#endpoint?.outlier?.onFailure(this.#deps.monotonicMs())
  }

  /** One try has taken too long. */
  #endTry(): void {
    this.#tryDeadlineMs = 0
    if (this.#state !== 'waiting' || this.#upstream === null) return
    this.#blameEndpoint()
    this.#dropUpstream()
    this.#failed('upstream-timeout')
  }

  /** The try under way has failed without a response. */
  #failed(failure: Failure): void {
    if (this.#retries !== null && this.#retries.route.wantsFailure(failure) && this.#mayTryAgain(this.#retries)) {
      this.#tryAgain(this.#retries)
    } else {
      this.#answer(failureAnswer(failure))
    }
  }

  #triesAgainOn(status: number): boolean {
    return this.#retries !== null && this.#retries.route.wantsStatus(status) && this.#mayTryAgain(this.#retries)
  }

  #mayTryAgain(retries: RequestRetries): boolean {
    retries.end()
    if (!this.#requestDone || !this.#kept.isWhole) return false
    const refused = retries.begin(defined(this.#cluster, 'cluster'))
    if (refused === '') return true
    this.#flag = refused
    return false
  }

  /** A response that is here as a whole leaves its connection usable; the rest of another is not waited for. */
  #discardResponse(done: boolean): void {
    if (done) {
      this.#upstream?.release(this.#deps.monotonicMs())
      this.#upstream = null
      this.#endpoint?.pool.leave()
    } else {
      this.#dropUpstream()
    }
    if (this.#retries !== null) this.#tryAgain(this.#retries)
  }

  /** After the back-off, preferably on an endpoint that has not failed the request yet, of the newest snapshot. */
  #tryAgain(retries: RequestRetries): void {
    if (this.#endpoint !== null) this.#tried = [...(this.#tried ?? []), this.#endpoint.pool]
    this.#endpoint = null
    this.#tryDeadlineMs = 0
    this.#connects = 0
    this.#timer = retries.wait(() => {
      this.#timer = null
      this.#refreshCluster()
      const cluster = defined(this.#cluster, 'cluster')
      if (!cluster.endpoints.some(({ pool }) => !pool.isRetired && this.#tried?.includes(pool) !== true))
        this.#tried = null
      this.#toNextEndpoint('no-endpoint')
    })
  }

  /** `more`: the client takes more at once. */
  #afterPart(more: boolean, done: boolean): void {
    if (done) this.#finish()
    else if (!more) this.#upstream?.pause()
  }

  #startTunnel(head: ResponseHead): void {
    if (this.#head?.isUpgrade !== true) return this.#giveUp('upstream-protocol')
    this.#state = 'tunnel'
    this.#response.switch(head, this.#keys.cookies)
    this.#client.enterTunnel()
  }

  #openTunnel(): void {
    this.#state = 'tunnel'
    this.#upstream?.openTunnel()
    this.#response.connected()
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
    this.#client.onExchangeOver(this.#response.keep && this.#requestDone)
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
    this.#response.keep &&= this.#requestDone && !this.#deps.isDraining()
    this.#response.answer(answer)
    this.#count(answer.flag)
    this.#client.onExchangeOver(this.#response.keep)
  }

  #dropUpstream(): void {
    if (this.#upstream === null) return
    this.#upstream.destroy()
    this.#upstream = null
    this.#endpoint?.pool.leave()
  }

  #count(flag: string, nowMs = this.#deps.monotonicMs()): void {
    this.#state = 'idle'
    this.#kept.clear()
    this.#timer?.cancel()
    this.#timer = null
    this.#retries?.end()
    this.#gate?.leave(this)
    this.#gate = null
    this.#traffic?.count({
      status: this.#response.status,
      flag: flag === '' || this.#flag === 'URX' ? this.#flag : flag,
      durationMs: nowMs - this.#startedMs,
      requestBytes: this.#requestBytes,
      responseBytes: this.#response.bytes,
    })
  }
}

/**
 * One request on its way: decided, sent to an endpoint, sent again where that is safe, answered, counted. A client connection
 * has one of these and uses it for one request after the other.
 *
 * What must stay true: a request is sent again only if no endpoint can have acted on it (nothing was sent), or if it is
 * idempotent, all of it is still here, and the endpoint closed a kept connection without answering a byte, or if its route
 * has a policy that says so and all of it is still here.
 */
import { assertNever, defined } from '../base/assert.ts'
import type { Timer } from '../base/clock.ts'
import { decide } from '../routing/decide.ts'
import type { DestinationTraffic } from '../telemetry/recorder.ts'

import { failureAnswer, plainAnswer } from './answers.ts'
import type { Answer, Failure } from './answers.ts'
import { ClientResponse } from './client-response.ts'
import type { Waiting } from './cluster-gate.ts'
import { EndpointSearch } from './endpoint-search.ts'
import type { Search } from './endpoint-search.ts'
import type { ClientSide, ExchangeDeps, RequestBody } from './exchange-sides.ts'
import { ExchangeTimes } from './exchange-times.ts'
import { requestHead } from './forwarded-heads.ts'
import type { RequestHead } from './http1/request-head.ts'
import type { BodyFraming, ResponseHead } from './http1/response-head.ts'
import { forwardedScheme } from './http-policy.ts'
import type { ServingHttp } from './http-policy.ts'
import { KeptRequest } from './kept-request.ts'
import { answerByPolicy, responseEdit } from './policy/before-forwarding.ts'
import { RequestRetries } from './policy/retries.ts'
import { RequestKeys } from './request-key.ts'
import type { ServingForward, ServingListener, ServingRoute } from './serving-state.ts'
import { ownAnswer } from './own-answer.ts'
import type { Body, Exchange, UpstreamConnection, UpstreamFailure } from './upstream-connection.ts'

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

type State = 'idle' | 'waiting' | 'responding' | 'tunnel'

export class RequestExchange implements Exchange, Waiting {
  readonly #client: ClientSide
  readonly #deps: ExchangeDeps
  readonly #keys: RequestKeys
  readonly #response: ClientResponse
  readonly #kept = new KeptRequest()
  readonly #search: EndpointSearch
  readonly #times = new ExchangeTimes()
  #state: State = 'idle'
  #head: RequestHead | null = null
  #traffic: DestinationTraffic | null = null
  #http: ServingHttp
  #upstream: UpstreamConnection | null = null
  #requestDone = false
  #requestBytes = 0
  /** Null where the route has no policy for it. */
  #retries: RequestRetries | null = null
  /** The request waits: for a fault's delay, or for its next try. */
  #timer: Timer | null = null
  /** What the policy of the route has done to the request. */
  #flag: '' | 'DI' | 'URX' | 'UO' = ''
  requestMethod = ''

  constructor(client: ClientSide, deps: ExchangeDeps) {
    this.#client = client
    this.#deps = deps
    this.#http = deps.serving().http
    this.#keys = new RequestKeys(client, deps.newRequestId)
    this.#response = new ClientResponse(client)
    this.#search = new EndpointSearch(this, (name) => deps.serving().clusters.get(name))
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
    this.#times.moved = true
    if (done) this.#endRequest()
    if (this.#upstream === null || chunk.length === 0) return
    if (!this.#upstream.send('', chunk) && !done) this.#client.pauseInput()
  }

  sendTunnelled(chunk: Buffer): void {
    this.#times.moved = true
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
    const exceeded = this.#times.exceeded(nowMs, {
      isTunnel: this.#state === 'tunnel',
      isHeld: this.#timer !== null,
    })
    if (exceeded === 'try') return this.#endTry()
    if (exceeded === 'nothing') return
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
  }

  onInterim(head: ResponseHead): void {
    this.#times.moved = true
    if (!this.#response.interim(head)) this.#upstream?.pause()
  }

  onResponse(head: ResponseHead, framing: BodyFraming, body: Body, done: boolean): void {
    this.#times.moved = true
    const outlier = this.#search.endpoint === null ? null : this.#search.endpoint.outlier
    if (outlier !== null) outlier.onStatus(head.status, this.#deps.monotonicMs())
    if (this.#retries !== null && this.#triesAgainOn(head.status)) return this.#discardResponse(done)
    if (head.status === 101) return this.#startTunnel(head)
    this.#state = 'responding'
    this.#times.endTry()
    // Where the response is over before the request is, nobody knows whether its content still comes.
    this.#response.keep &&= !this.#deps.isDraining() && (this.#requestDone || !done)
    this.#afterPart(this.#response.begin(head, framing, body, this.#keys.cookies), done)
  }

  onBody(body: Body, done: boolean): void {
    this.#times.moved = true
    this.#afterPart(this.#response.part(body), done)
  }

  onTunnelled(chunk: Buffer): void {
    this.#times.moved = true
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
    const { pool } = defined(this.#search.endpoint, 'endpoint')
    this.#upstream = null
    pool.leave()
    if (this.#state === 'tunnel') return this.#endTunnelled()
    if (this.#state !== 'waiting') return this.#abort(failureAnswer(failure).flag)
    const isStale = failure === 'upstream-closed' && upstream.wasUsed && !upstream.hasPartialResponse
    if (!isStale) this.#blameEndpoint()
    if (failure === 'connect-failed' || failure === 'connect-timeout') {
      return this.#follow(this.#search.elsewhere(pool, this.#deps.monotonicMs()), failure)
    }
    if (isStale && this.#canSendAgain()) this.#follow(this.#search.again(pool))
    else this.#failed(failure)
  }

  #reset(head: RequestHead, serving: ServingListener, body: RequestBody): void {
    this.#state = 'waiting'
    this.#head = head
    this.requestMethod = head.method
    this.#traffic = serving.nowhere
    this.#http = serving.http
    this.#times.start(this.#deps.monotonicMs())
    this.#requestDone = body.done
    this.#requestBytes = body.first === null ? 0 : body.first.length
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
    const { cors, fault } = serve.policy
    this.#response.edit = cors === null ? serve.policy.editResponse : responseEdit(serve.policy, head)
    if ((cors !== null || fault !== null) && !this.#passesPolicy(serve, head, body)) return
    if (serve.forward === undefined) this.#answer(ownAnswer(head, serve.route, this.#client.scheme))
    else this.#forward(serve, serve.forward, body)
  }

  /** False: the request was answered, or waits. */
  #passesPolicy({ policy }: ServingRoute, head: RequestHead, body: RequestBody): boolean {
    const wasDelayed = this.#flag === 'DI'
    const answer = answerByPolicy(policy, head, wasDelayed)
    if (answer === null) return true
    if (answer !== 'delay') {
      this.#answer(answer)
      return false
    }
    this.#flag = 'DI'
    if (!body.done) this.#client.pauseInput()
    this.#timer = policy.fault?.wait(() => this.#afterDelay(head, body)) ?? null
    return false
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
    const { cluster } = destination
    this.#traffic = cluster.nobody
    const { startedMs } = this.#times
    const hash = this.#keys.hashFor(cluster)
    // A tunnel has a connection of its own from the beginning.
    const needsNewConnection = head.method === 'CONNECT'
    const isAdmitted = this.#search.begin(cluster, { hash, nowMs: startedMs, needsNewConnection })
    if (!isAdmitted) return this.#answer(failureAnswer('overflow'))
    this.#times.limit(route.policy.timeoutMs, policy.idleTimeoutMs)
    if (policy.retry !== null) this.#retries = new RequestRetries(policy.retry)
    if (body.done) this.#times.onRequestDone(this.#flag === 'DI' ? this.#deps.monotonicMs() : startedMs)
    const text = requestHead(head, {
      route,
      policy,
      clientAddress: this.#client.clientAddress,
      scheme: forwardedScheme(head, this.#client.scheme, this.#http),
      trustedHops: this.#http.trustedHops,
      requestId: head.fields.requestId === -1 ? this.#deps.newRequestId() : '',
      upgrade: head.isUpgrade,
    })
    this.#kept.start(text, body.first, policy.retry !== null)
    this.#follow(this.#search.next())
  }

  /** A connection may be had, under the limits of the cluster. */
  onTurn(): boolean {
    if (!this.#requestDone) this.#client.resumeInput()
    this.#follow(this.#search.onTurn())
    return this.#upstream !== null || this.#search.gate?.hasWaiting === true
  }

  /** Does what the search says. `failure`: what to answer where there is no endpoint. */
  #follow(search: Search, failure: Failure = 'no-endpoint'): void {
    switch (search) {
      case 'found':
        return this.#send()
      case 'waiting':
        if (!this.#requestDone) this.#client.pauseInput()
        return
      case 'no-endpoint':
        return this.#failed(failure)
      case 'overflow':
        return this.#answer(failureAnswer('overflow'))
      default:
        return assertNever(search, 'search')
    }
  }

  #send(): void {
    const { cluster, gate, idle } = this.#search
    const { pool, traffic } = defined(this.#search.endpoint, 'endpoint')
    this.#traffic = traffic
    pool.enter()
    if (this.#retries !== null && this.#requestDone) this.#startTry(this.#retries)
    this.#upstream = idle ?? pool.open(this.#deps.monotonicMs() + cluster.connectTimeoutMs, gate)
    this.#upstream.attach(this)
    if (idle !== undefined) this.#sendFirst()
    else if (!this.#requestDone) this.#client.pauseInput()
  }

  #sendFirst(): void {
    // The client was held back while there was no connection.
    if (!this.#requestDone) this.#client.resumeInput()
    const more = this.#upstream === null || this.#kept.sendTo(this.#upstream)
    if (!more && !this.#requestDone) this.#client.pauseInput()
  }

  #canSendAgain(): boolean {
    return this.#requestDone && this.#kept.isWhole && IDEMPOTENT.has(this.requestMethod)
  }

  #endRequest(): void {
    this.#requestDone = true
    this.#times.onRequestDone(this.#deps.monotonicMs())
    if (this.#retries !== null) this.#startTry(this.#retries)
  }

  #startTry({ route }: RequestRetries): void {
    this.#times.startTry(this.#deps.monotonicMs(), route.policy.perTryTimeoutMs)
  }

  /** No answer came, and it is not for the client. */
  #blameEndpoint(): void {
    this.#search.endpoint?.outlier?.onFailure(this.#deps.monotonicMs())
  }

  /** One try has taken too long. */
  #endTry(): void {
    this.#times.endTry()
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
    const refused = retries.begin(this.#search.cluster)
    if (refused === '') return true
    this.#flag = refused
    return false
  }

  /** A response that is here as a whole leaves its connection usable; the rest of another is not waited for. */
  #discardResponse(done: boolean): void {
    if (done) {
      this.#upstream?.release(this.#deps.monotonicMs())
      this.#upstream = null
      this.#search.endpoint?.pool.leave()
    } else {
      this.#dropUpstream()
    }
    if (this.#retries !== null) this.#tryAgain(this.#retries)
  }

  /** After the back-off, preferably on an endpoint that has not failed the request yet, of the newest snapshot. */
  #tryAgain(retries: RequestRetries): void {
    this.#search.leaveEndpoint()
    this.#times.endTry()
    this.#timer = retries.wait(() => {
      this.#timer = null
      this.#follow(this.#search.retry(this.#deps.monotonicMs()))
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
    this.#search.endpoint?.pool.leave()
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
    this.#search.endpoint?.pool.leave()
  }

  #count(flag: string, nowMs = this.#deps.monotonicMs()): void {
    this.#state = 'idle'
    this.#kept.clear()
    this.#timer?.cancel()
    this.#timer = null
    this.#retries?.end()
    this.#search.end()
    this.#traffic?.count({
      status: this.#response.status,
      flag: flag === '' || this.#flag === 'URX' ? this.#flag : flag,
      durationMs: nowMs - this.#times.startedMs,
      requestBytes: this.#requestBytes,
      responseBytes: this.#response.bytes,
    })
  }
}

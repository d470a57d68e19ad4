/**
 * One request and its response: decided, answered here or sent to an endpoint, answered, counted. A client has one of these
 * and uses it for one request after the other.
 */
import type { DestinationTraffic } from '../../telemetry/recorder.ts'
import { defined } from '../../base/assert.ts'
import type { Timer } from '../../base/clock.ts'
import { NO_VIRTUAL_HOST, decide } from '../../routing/decide.ts'
import type { Route } from '../../routing/route-model.ts'

import { failureAnswer, plainAnswer } from '../policy/answers.ts'
import type { Answer, Failure } from '../policy/answers.ts'
import type { ClientSide, ExchangeDeps, RequestBody } from './sides.ts'
import { ExchangeTimes } from '../tries/times.ts'
import { requestHead } from '../serving/forwarded-heads.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'
import { forwardedScheme } from '../serving/http-policy.ts'
import { ownAnswer } from './own-answer.ts'
import { answerByPolicy, responseEdit } from './before-forwarding.ts'
import { RequestKeys } from '../serving/request-key.ts'
import type { ServingEndpoint } from '../cluster/serving-cluster.ts'
import type { ServingPolicy } from '../serving/route-policy.ts'
import type { ServingForward, ServingRoute } from '../serving/serving-route.ts'
import type { ServingListener } from '../serving/serving-state.ts'
import { Tunnel } from './tunnel.ts'
import { RequestNotes } from './request-notes.ts'
import { RequestTries } from '../tries/request-tries.ts'
import type { TriesOwner } from '../tries/tries-owner.ts'
import type { Body, UpstreamFailure } from '../upstream/side.ts'

/** A call of gRPC that goes on for so long counts as a tunnel. */
const LONG_CALL_MS = 1_000

const NOTHING_OF_IT: RequestBody = { first: null, done: false }

type State = 'idle' | 'waiting' | 'responding' | 'tunnel'

export class RequestExchange implements TriesOwner {
  readonly #client: ClientSide
  readonly #deps: ExchangeDeps
  readonly #keys: RequestKeys
  readonly #times = new ExchangeTimes()
  readonly #upstream: RequestTries
  #state: State = 'idle'
  #head: RequestHead | null = null
  /** Null while it goes nowhere. */
  #routed: Route | null = null
  #tunnel: Tunnel | null = null
  /** What the request is served with. */
  #serving: ServingListener
  #requestDone = false
  #requestBytes = 0
  /** The request waits for a fault's delay. */
  #delay: Timer | null = null
  /** What the policy of the route has done to the request. */
  #flag: '' | 'DI' = ''
  readonly #notes: RequestNotes

  constructor(client: ClientSide, deps: ExchangeDeps) {
    this.#client = client
    this.#deps = deps
    this.#serving = deps.serving()
    this.#keys = new RequestKeys(client, deps.newRequestId)
    this.#notes = new RequestNotes(client, deps)
    this.#upstream = new RequestTries(this, {
      times: this.#times,
      monotonicMs: deps.monotonicMs,
      newest: (name) => deps.serving().clusters.get(name),
    })
  }

  start(head: RequestHead, body: RequestBody): void {
    this.#reset(head, body)
    this.#route(head, body)
  }

  /** What came with the head shows that the request cannot be served: nobody else hears of it. */
  reject(head: RequestHead, failure: Failure): void {
    this.#reset(head, NOTHING_OF_IT)
    this.#answer(failureAnswer(failure))
  }

  /** More of the request's body; the input may be paused in it. `bytes`: as the client sent it. */
  sendBody(chunk: Buffer, done: boolean, bytes = chunk.length): void {
    this.#requestBytes += bytes
    this.#deps.passed.add(chunk.length)
    this.#times.moved = true
    if (done) {
      const nowMs = this.#deps.monotonicMs()
      this.#requestDone = true
      this.#times.onRequestDone(nowMs)
      this.#notes.onRequestDone(nowMs)
    }
    if (!this.#upstream.sendBody(chunk, done) && !done) this.#client.pauseInput()
  }

  sendTunnelled(chunk: Buffer): void {
    this.#times.moved = true
    this.#requestBytes += chunk.length
    this.#deps.passed.add(chunk.length)
    if (!this.#upstream.sendTunnelled(chunk)) this.#client.pauseInput()
  }

  /** The client will not send more into the tunnel. */
  endTunnel(): void {
    this.#upstream.endTunnel()
  }

  /** The listener is gone: a tunnel has some time left. */
  drainTunnel(): void {
    this.#tunnel?.drain(this.#deps.monotonicMs())
  }

  /** The client is gone, or (DPE) has broken its protocol, so that it cannot be answered. */
  cancel(flag: 'DC' | 'DPE' = 'DC'): void {
    if (this.#state === 'idle') return
    this.#upstream.drop()
    const isTunnel = this.#state === 'tunnel'
    this.#count(isTunnel ? '' : flag)
  }

  /** The request is not what it should be, or did not come in time. */
  refuse(failure: Failure): void {
    if (this.#state === 'waiting') this.#giveUp(failure)
    else if (this.#state === 'responding') this.#abort('DPE')
  }

  sweep(nowMs: number): void {
    if (this.#state === 'idle') return
    if (this.#tunnel === null && nowMs - this.#times.startedMs >= LONG_CALL_MS) this.#noteLongCall()
    if (this.#tunnel !== null && this.#hasDrained(this.#tunnel, nowMs)) return this.#endDrained()
    const exceeded = this.#times.exceeded(nowMs, {
      isTunnel: this.#state === 'tunnel',
      isHeld: this.#delay !== null || this.#upstream.isHeld,
    })
    if (exceeded === 'nothing') return
    if (exceeded === 'try') return this.#upstream.endTry()
    if (exceeded === 'silence') this.#notes.onSilence()
    if (this.#state !== 'waiting') return this.#abort('UT')
    this.#upstream.timeOut()
    this.#answer(failureAnswer('upstream-timeout'))
  }

  onClientDrain(): void {
    this.#upstream.resume()
  }

  holdInput(): void {
    this.#client.pauseInput()
  }

  releaseInput(): void {
    this.#client.resumeInput()
  }

  onTry(endpoint: ServingEndpoint, traffic: DestinationTraffic): void {
    this.#notes.onTry(endpoint, traffic)
  }

  onConnectFailed(why: string): void {
    this.#notes.onConnectFailed(why)
  }

  onInterim(head: ResponseHead): void {
    this.#times.moved = true
    if (!this.#client.response.interim(head)) this.#upstream.pause()
  }

  onResponse(head: ResponseHead, framing: BodyFraming, body: Body, done: boolean): void {
    this.#times.moved = true
    this.#notes.onResponse(head, this.#upstream)
    if (head.status === 101) return this.#startTunnel(head)
    this.#state = 'responding'
    const { response } = this.#client
    this.#notes.tellClient(this.#upstream)
    // Where the response is over before the request is, nobody knows whether its content still comes.
    response.keep &&= !this.#deps.isDraining() && (this.#requestDone || !(done || this.#mayNeverCome()))
    const more = response.begin(head, framing, body, this.#addedTo(head))
    this.#notePassed(body)
    this.#afterPart(more, done)
  }

  get keepsLent(): boolean {
    return this.#client.holdsOutput
  }

  onBody(body: Body, done: boolean): void {
    this.#times.moved = true
    const more = this.#client.response.part(body)
    this.#notePassed(body)
    this.#afterPart(more, done)
  }

  onTunnelOpen(): void {
    this.#notes.onTunnelOpen(this.#upstream)
    this.#enterTunnel()
    this.#upstream.openTunnel()
    this.#client.response.connected(this.#deps.date.text)
    this.#client.enterTunnel()
  }

  onTunnelled(chunk: Buffer): void {
    this.#times.moved = true
    this.#deps.passed.add(chunk.length)
    if (!this.#client.response.tunnelled(chunk)) this.#upstream.pause()
  }

  onTunnelEnd(): void {
    this.#client.endOutput()
  }

  onFailed(failure: Failure): void {
    this.#answer(failureAnswer(failure))
  }

  onBroken(failure: UpstreamFailure): void {
    if (this.#state !== 'tunnel') return this.#abort(failureAnswer(failure).flag)
    this.#endTunnelled()
  }

  onCrash(error: unknown): void {
    this.#client.crash(error)
  }

  #reset(head: RequestHead, body: RequestBody): void {
    this.#state = 'waiting'
    this.#head = head
    this.#routed = null
    this.#serving = this.#deps.serving()
    head.scheme = forwardedScheme(head, this.#client.scheme, this.#serving.http)
    this.#times.start(this.#deps.monotonicMs())
    this.#requestDone = body.done
    this.#requestBytes = body.first === null ? 0 : body.first.length
    this.#deps.passed.add(this.#requestBytes)
    this.#flag = ''
    this.#keys.reset(head)
    this.#client.response.reset(head)
    this.#notes.begin(head, this.#serving, this.#times.startedMs)
    if (body.done) this.#notes.onRequestDone(this.#times.startedMs)
  }

  #route(head: RequestHead, body: RequestBody): void {
    const { table, routes } = this.#serving
    const index = decide(table, head)
    this.#notes.onDecision(head, table)
    if (index < 0) {
      if (index === NO_VIRTUAL_HOST && table.unknownHost !== 'not-found') return this.#toUnknown(head, body)
      const failure = index === NO_VIRTUAL_HOST ? 'no-virtual-host' : 'no-route'
      return this.#answer(failureAnswer(head.method === 'CONNECT' ? 'connect' : failure))
    }
    const serve = defined(routes[index], 'route')
    this.#notes.onRoute(serve)
    const { cors, fault } = serve.policy
    this.#client.response.edit = cors === null ? serve.policy.editResponse : responseEdit(serve.policy, head)
    if ((cors !== null || fault !== null) && !this.#passesPolicy(serve, head, body)) return
    if (serve.forward === null) this.#answer(ownAnswer(head, serve.route))
    else this.#forward(serve, serve.forward, body)
  }

  /** The host stands in no virtual host. */
  #toUnknown(head: RequestHead, body: RequestBody): void {
    const { passthrough } = this.#serving
    if (passthrough === null) return this.#answer(failureAnswer('host-refused'))
    const serve = passthrough.route(head)
    if (serve === null || serve.forward === null) return this.#answer(failureAnswer('no-way-outside'))
    this.#notes.onRoute(serve)
    this.#forward(serve, serve.forward, body)
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
    this.#delay = policy.fault?.wait(() => this.#afterDelay(head, body)) ?? null
    return false
  }

  /** The route may have changed meanwhile, and endpoints be gone: the newest snapshot decides. */
  #afterDelay(head: RequestHead, body: RequestBody): void {
    this.#delay = null
    try {
      if (!body.done) this.#client.resumeInput()
      this.#serving = this.#deps.serving()
      this.#route(head, body)
    } catch (error) {
      this.#client.crash(error)
    }
  }

  #forward({ route, policy: ofRoute, split }: ServingRoute, forward: ServingForward, body: RequestBody): void {
    this.#routed = route
    const head = defined(this.#head, 'request head')
    const index = this.#keys.destinationOf(forward, split)
    const destination = defined(forward.destinations[index], 'destination')
    this.#notes.onDestination(route, index)
    if (destination.kind === 'invalid') return this.#answer(plainAnswer(destination.status, '', destination.reason))
    const { cluster, policy: own } = destination
    if (own !== null) this.#client.response.edit = responseEdit(own, head)
    const policy = own ?? ofRoute
    this.#notes.onCluster(cluster.name, policy)
    const { startedMs } = this.#times
    const isAdmitted = this.#upstream.begin(cluster, {
      method: head.method,
      counts: this.#serving.counts,
      mirrorCounts: this.#serving.mirrorCounts,
      retry: policy.retry,
      // Of a connection that changes its protocol there is nothing to copy.
      mirrors: policy.mirrors === null || head.isUpgrade || head.method === 'CONNECT' ? null : policy.mirrors,
      isComplete: body.done,
      hash: this.#keys.hashFor(cluster),
      nowMs: startedMs,
      // A tunnel has a connection of its own from the beginning.
      needsNewConnection: head.method === 'CONNECT',
    })
    if (!isAdmitted) return this.#answer(failureAnswer('overflow'))
    this.#times.limit(policy.timeoutMs, policy.idleTimeoutMs)
    if (body.done) this.#times.onRequestDone(this.#flag === 'DI' ? this.#deps.monotonicMs() : startedMs)
    this.#upstream.start(this.#headFor(policy, head), body.first)
  }

  #headFor(policy: ServingPolicy, head: RequestHead): string {
    const { http } = this.#serving
    return requestHead(head, {
      policy,
      clientAddress: this.#client.clientAddress,
      scheme: head.scheme,
      trustedHops: http.trustedHops,
      requestId: head.fields.requestId === -1 ? this.#notes.requestId : '',
      upgrade: head.isUpgrade,
      trace: this.#notes.trace,
    })
  }

  /** What every response gets: our cookies, and a date where the endpoint gave none. */
  #addedTo({ fields }: ResponseHead): string {
    const { cookies } = this.#keys
    return fields.date === -1 ? this.#deps.date.text + cookies : cookies
  }

  /** The client waits for leave to send its body, and is refused it. */
  #mayNeverCome(): boolean {
    return this.#requestBytes === 0 && this.#head !== null && this.#head.fields.expect !== -1
  }

  /** A lent buffer that is free again is no garbage. */
  #notePassed({ from, to, isLent }: Body): void {
    if (!isLent || this.keepsLent) this.#deps.passed.add(to - from)
  }

  /** `more`: the client takes more at once. */
  #afterPart(more: boolean, done: boolean): void {
    if (done) this.#finish()
    else if (!more) this.#upstream.pause()
  }

  #startTunnel(head: ResponseHead): void {
    if (this.#head?.isUpgrade !== true) return this.#giveUp('upstream-protocol')
    this.#enterTunnel()
    this.#notes.tellClient(this.#upstream)
    this.#client.response.switch(head, this.#addedTo(head))
    this.#client.enterTunnel()
  }

  #enterTunnel(): void {
    this.#state = 'tunnel'
    this.#tunnel = this.#newTunnel(defined(this.#upstream.endpoint, 'endpoint'), defined(this.#routed, 'route'))
  }

  #newTunnel({ pool, counters }: ServingEndpoint, { id, policy }: Route): Tunnel {
    const traffic = counters.of(this.#serving.counts)
    return new Tunnel({ pool, traffic, routeId: id, reach: this.#serving.reach, drainMs: policy.tunnelDrainMs })
  }

  /** A call of gRPC may go on for as long as both sides want, too. */
  #noteLongCall(): void {
    const { endpoint } = this.#upstream
    if (endpoint === null || this.#routed === null || this.#client.response.grpcStatus === undefined) return
    this.#tunnel = this.#newTunnel(endpoint, this.#routed)
  }

  #leaveTunnel(): void {
    this.#tunnel?.end()
    this.#tunnel = null
  }

  /** A tunnel may outlive many snapshots, so it keeps none but the newest. */
  #hasDrained(tunnel: Tunnel, nowMs: number): boolean {
    this.#serving = this.#deps.serving()
    return tunnel.isOver(nowMs, this.#serving.reach)
  }

  #endDrained(): void {
    if (this.#state === 'tunnel') return this.#endTunnelled()
    if (this.#state === 'waiting') return this.#giveUp('drained')
    const answer = failureAnswer('drained')
    if (!this.#client.response.failCall(answer)) return this.#abort(answer.flag)
    this.#upstream.drop()
    this.#count(answer.flag)
    this.#client.onExchangeOver(false)
  }

  #endTunnelled(): void {
    this.#upstream.drop()
    this.#count('')
    this.#client.onExchangeOver(false)
  }

  /** The response is complete. */
  #finish(): void {
    const nowMs = this.#deps.monotonicMs()
    this.#upstream.finish(nowMs)
    this.#count('', nowMs)
    this.#client.onExchangeOver(this.#client.response.keep && this.#requestDone)
  }

  #giveUp(failure: Failure): void {
    this.#upstream.drop()
    this.#answer(failureAnswer(failure))
  }

  #abort(flag: string): void {
    this.#upstream.drop()
    this.#count(flag)
    this.#client.abort()
  }

  #answer(answer: Answer): void {
    const { response } = this.#client
    this.#notes.tellClient(this.#upstream)
    response.keep &&= this.#requestDone && !this.#deps.isDraining()
    this.#notes.onAnswer(answer)
    response.answer(answer, this.#deps.date.text)
    this.#count(answer.flag)
    this.#client.onExchangeOver(response.keep)
  }

  /** The request is over, and all that will ever be known of it is known. */
  #count(flag: string, nowMs = this.#deps.monotonicMs()): void {
    this.#state = 'idle'
    this.#delay?.cancel()
    this.#delay = null
    if (this.#tunnel !== null) this.#leaveTunnel()
    const upstream = this.#upstream
    const { response } = this.#client
    const traffic = upstream.traffic ?? this.#serving.counts.nowhere
    const ownFlag = upstream.flag === '' ? this.#flag : upstream.flag
    const outcome = {
      status: response.status,
      flag: flag === '' || ownFlag === 'URX' ? ownFlag : flag,
      durationMs: nowMs - this.#times.startedMs,
      requestBytes: this.#requestBytes,
      responseBytes: response.bytes,
      grpcStatus: response.grpcStatus,
    }
    try {
      traffic.count(outcome)
      this.#notes.tell(outcome)
    } finally {
      upstream.end()
    }
  }
}

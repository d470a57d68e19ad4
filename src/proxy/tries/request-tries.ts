/**
 * One request after the other on its way to an endpoint: a place is found for it, it is sent, and sent again where that is
 * safe or its route says so. What comes back goes to its owner.
 *
 * What must stay true: a request is sent again only if no endpoint can have acted on it (nothing was sent, or the endpoint
 * says that it has not looked at it), or if it is idempotent, all of it is still here, and the endpoint closed a kept
 * connection without answering a byte, or if its route has a policy that says so and all of it is still here.
 */
import { assertNever, defined } from '../../base/assert.ts'
import type { Timer } from '../../base/clock.ts'
import type { DestinationTraffic } from '../../telemetry/recorder.ts'

import { failureAnswer } from '../policy/answers.ts'
import type { Failure } from '../policy/answers.ts'
import type { Waiting } from '../upstream/cluster-gate.ts'
import { EndpointSearch } from '../cluster/endpoint-search.ts'
import type { Search, SearchStart } from '../cluster/endpoint-search.ts'
import type { EndpointPool } from '../upstream/endpoint-pool.ts'
import type { ExchangeTimes } from './times.ts'
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'
import { meantStatus } from '../http2/grpc.ts'
import { KeptRequest } from './kept-request.ts'
import { RequestRetries } from '../policy/retries.ts'
import type { ServingRetry } from '../policy/retries.ts'
import { countLost } from './mirrors.ts'
import type { ServingMirrors } from './mirrors.ts'
import type { ListenerCounts } from '../cluster/destination-counters.ts'
import type { ServingCluster, ServingEndpoint } from '../cluster/serving-cluster.ts'
import type { TriesOwner } from './tries-owner.ts'
import type { Body, Exchange, UpstreamFailure, UpstreamSide } from '../upstream/side.ts'

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/** How often a request is sent again at once because endpoints did not look at it. */
const UNTOUCHED_RESENDS_MAX = 2

interface TriesDeps {
  /** Of the whole request. */
  readonly times: ExchangeTimes
  readonly monotonicMs: () => number
  /** A cluster of the newest snapshot. */
  readonly newest: (name: string) => ServingCluster | undefined
}

export interface TriesStart extends SearchStart {
  readonly counts: ListenerCounts
  readonly mirrorCounts: ListenerCounts
  readonly method: string
  readonly retry: ServingRetry | null
  readonly mirrors: ServingMirrors | null
  /** Whether all of the request is there. */
  readonly isComplete: boolean
}

export class RequestTries implements Exchange, Waiting {
  readonly #owner: TriesOwner
  readonly #times: ExchangeTimes
  readonly #monotonicMs: () => number
  readonly #kept = new KeptRequest()
  readonly #search: EndpointSearch
  #upstream: UpstreamSide | null = null
  /** Null where the route has no policy for it. */
  #retries: RequestRetries | null = null
  /** Who counts; null: no request has begun. */
  #counts: ListenerCounts | null = null
  #mirrorCounts: ListenerCounts | null = null
  #mirrors: ServingMirrors | null = null
  /** Who gets a copy once the request is complete. */
  #copiesTo: readonly ServingCluster[] | null = null
  /** The request waits for its next try. */
  #timer: Timer | null = null
  #isComplete = false
  #untouched = 0
  /** A response or a tunnel has begun. */
  #isAnswered = false
  requestMethod = ''
  /** Whom the request has reached; null: nobody yet. */
  traffic: DestinationTraffic | null = null
  /** Why the route's policy allowed no further try. */
  flag: '' | 'URX' | 'UO' = ''

  constructor(owner: TriesOwner, { times, monotonicMs, newest }: TriesDeps) {
    this.#owner = owner
    this.#times = times
    this.#monotonicMs = monotonicMs
    this.#search = new EndpointSearch(this, newest)
  }

  /** The last endpoint that was found. */
  get endpoint(): ServingEndpoint | null {
    return this.#search.endpoint
  }

  /** Our end of the way to the endpoint. */
  get localAddress(): string {
    return this.#upstream?.localAddress ?? ''
  }

  /** Waits, by our own will, for its next try. */
  get isHeld(): boolean {
    return this.#timer !== null
  }

  /** False: the cluster has as many requests as it may. Pairs with `end`. */
  begin(cluster: ServingCluster, start: TriesStart): boolean {
    this.requestMethod = start.method
    this.#isComplete = start.isComplete
    this.#isAnswered = false
    this.#untouched = 0
    this.#retries = start.retry === null ? null : new RequestRetries(start.retry)
    this.#counts = start.counts
    this.traffic = cluster.unreached.of(start.counts)
    this.flag = ''
    if (!this.#search.begin(cluster, start)) return false
    this.#mirrors = start.mirrors
    this.#copiesTo = start.mirrors === null ? null : start.mirrors.choose()
    this.#mirrorCounts = start.mirrorCounts
    return true
  }

  /** Head, latin1, and what came with it of the body. */
  start(head: string, first: Buffer | null): void {
    // An endpoint of HTTP/2 may say that it has not looked at a request whose body is on its way already.
    const mayBeRefused = this.#search.cluster.protocol === 'http2'
    this.#kept.start(head, first, mayBeRefused || this.#retries !== null || this.#copiesTo !== null)
    this.#follow(this.#search.next())
    if (this.#copiesTo !== null && this.#isComplete) this.#sendCopies(this.#copiesTo)
  }

  /** More of the body. False: hold the client's input. */
  sendBody(chunk: Buffer, done: boolean): boolean {
    if (!this.#isAnswered || this.#copiesTo !== null) this.#kept.add(chunk)
    if (done) {
      this.#isComplete = true
      if (this.#retries !== null) this.#startTry(this.#retries)
      if (this.#copiesTo !== null) this.#sendCopies(this.#copiesTo)
    }
    if (this.#upstream === null || chunk.length === 0) return true
    return this.#upstream.send('', chunk)
  }

  /** False: hold the client's input. */
  sendTunnelled(chunk: Buffer): boolean {
    return this.#upstream?.send('', chunk) !== false
  }

  get keepsLent(): boolean {
    return this.#owner.keepsLent
  }

  openTunnel(): void {
    this.#isAnswered = true
    this.#retries?.end()
    this.#upstream?.openTunnel()
  }

  endTunnel(): void {
    this.#upstream?.endTunnel()
  }

  pause(): void {
    this.#upstream?.pause()
  }

  resume(): void {
    this.#upstream?.resume()
  }

  /** One try has taken too long. */
  endTry(): void {
    this.#times.endTry()
    if (this.#isAnswered || this.#upstream === null) return
    this.#blameEndpoint()
    this.drop()
    this.#failed('upstream-timeout')
  }

  /** All tries together have taken too long: the endpoint is to blame where it had the whole request. */
  timeOut(): void {
    if (this.#upstream !== null && this.#isComplete) this.#blameEndpoint()
    this.drop()
  }

  /** The response is complete. */
  finish(nowMs: number): void {
    const upstream = this.#upstream
    this.#upstream = null
    if (this.#isComplete) upstream?.release(nowMs)
    else upstream?.destroy()
    this.#search.endpoint?.pool.leave()
  }

  /** Nobody wants the response any more. */
  drop(): void {
    if (this.#upstream === null) return
    this.#upstream.destroy()
    this.#upstream = null
    this.#search.endpoint?.pool.leave()
  }

  /** The request is over and counted. */
  end(): void {
    this.#kept.clear()
    this.#copiesTo = null
    this.#timer?.cancel()
    this.#timer = null
    this.#retries?.end()
    this.#retries = null
    this.#search.end()
    this.traffic = null
    this.flag = ''
  }

  onConnected(): void {
    if (this.requestMethod === 'CONNECT') this.#owner.onTunnelOpen()
    else this.#sendFirst()
  }

  onInterim(head: ResponseHead): void {
    this.#owner.onInterim(head)
  }

  onResponse(head: ResponseHead, framing: BodyFraming, body: Body, done: boolean): void {
    const outlier = this.#search.endpoint === null ? null : this.#search.endpoint.outlier
    if (outlier !== null) {
      const isHttp2 = this.#search.cluster.protocol === 'http2'
      outlier.onStatus(isHttp2 ? meantStatus(head) : head.status, this.#monotonicMs())
    }
    if (this.#retries !== null && this.#triesAgainOn(this.#retries, head)) return this.#discard(head.status, done)
    this.#isAnswered = true
    this.#retries?.end()
    // Whoever streams for hours needs the beginning no more.
    if (this.#copiesTo === null) this.#kept.clear()
    this.#times.endTry()
    this.#owner.onResponse(head, framing, body, done)
  }

  onBody(body: Body, done: boolean): void {
    this.#owner.onBody(body, done)
  }

  onTunnelled(chunk: Buffer): void {
    this.#owner.onTunnelled(chunk)
  }

  onTunnelEnd(): void {
    this.#owner.onTunnelEnd()
  }

  onSendable(): void {
    this.#owner.releaseInput()
  }

  onFailure(failure: UpstreamFailure): void {
    const upstream = defined(this.#upstream, 'upstream connection')
    const { pool } = defined(this.#search.endpoint, 'endpoint')
    this.#upstream = null
    pool.leave()
    if (this.#isAnswered) return this.#owner.onBroken(failure)
    const isStale = failure === 'upstream-closed' && upstream.wasUsed && !upstream.hasPartialResponse
    if (failure === 'refused-stream' && this.#kept.isWhole && this.#untouched++ < UNTOUCHED_RESENDS_MAX) {
      return this.#follow(this.#search.again(pool))
    }
    if (!isStale) this.#blameEndpoint()
    if (failure === 'connect-failed' || failure === 'connect-timeout') {
      this.#owner.onConnectFailed(upstream.connectProblem ?? '')
      return this.#connectElsewhere(pool, failure)
    }
    if (isStale && this.#canSendAgain()) this.#follow(this.#search.again(pool))
    else this.#failed(failure)
  }

  onCrash(error: unknown): void {
    this.#owner.onCrash(error)
  }

  /** Nothing was sent, so no policy is asked; the endpoint has failed all the same. */
  #connectElsewhere(pool: EndpointPool, failure: UpstreamFailure): void {
    const { traffic } = this
    const search = this.#search.elsewhere(pool, this.#monotonicMs())
    if (search === 'found' || search === 'waiting') countFailedTry(traffic, failure)
    this.#follow(search, failure)
  }

  /** A connection may be had, under the limits of the cluster. */
  onTurn(): void {
    try {
      if (!this.#isComplete) this.#owner.releaseInput()
      this.#follow(this.#search.onTurn())
    } catch (error) {
      this.#owner.onCrash(error)
    }
  }

  /** Does what the search says. `failure`: what it comes to where there is no endpoint. */
  #follow(search: Search, failure: Failure = 'no-endpoint'): void {
    switch (search) {
      case 'found':
        return this.#send()
      case 'waiting':
        if (!this.#isComplete) this.#owner.holdInput()
        return
      case 'no-endpoint':
        return this.#failed(failure)
      case 'overflow':
        return this.#owner.onFailed('overflow')
      default:
        return assertNever(search, 'search')
    }
  }

  #send(): void {
    const { cluster, gate, idle } = this.#search
    const endpoint = defined(this.#search.endpoint, 'endpoint')
    const { pool } = endpoint
    const traffic = endpoint.counters.of(defined(this.#counts, 'counts'))
    this.traffic = traffic
    this.#owner.onTry(endpoint, traffic)
    pool.enter()
    if (this.#retries !== null && this.#isComplete) this.#startTry(this.#retries)
    const isTunnel = this.requestMethod === 'CONNECT'
    const upstream = idle ?? pool.open(this.#monotonicMs() + cluster.connectTimeoutMs, gate, isTunnel)
    this.#upstream = upstream
    upstream.attach(this)
    if (!upstream.isConnecting) this.#sendFirst()
    else if (!this.#isComplete) this.#owner.holdInput()
  }

  #sendFirst(): void {
    // The client was held back while there was no connection.
    if (!this.#isComplete) this.#owner.releaseInput()
    const more = this.#upstream === null || this.#kept.sendTo(this.#upstream)
    if (!more && !this.#isComplete) this.#owner.holdInput()
  }

  #sendCopies(to: readonly ServingCluster[]): void {
    this.#copiesTo = null
    const counts = defined(this.#mirrorCounts, 'counts')
    const { requestMethod: method } = this
    if (this.#kept.isWhole)
      this.#mirrors?.send(to, { request: this.#kept, method, counts, monotonicMs: this.#monotonicMs })
    else for (const cluster of to) countLost(cluster, counts)
  }

  #canSendAgain(): boolean {
    return this.#isComplete && this.#kept.isWhole && IDEMPOTENT.has(this.requestMethod)
  }

  #startTry({ route }: RequestRetries): void {
    this.#times.startTry(this.#monotonicMs(), route.policy.perTryTimeoutMs)
  }

  /** No answer came, and it is not for the client. */
  #blameEndpoint(): void {
    this.#search.endpoint?.outlier?.onFailure(this.#monotonicMs())
  }

  /** The try under way has failed without a response. */
  #failed(failure: Failure): void {
    const retries = this.#retries
    if (retries === null || !retries.route.wantsFailure(failure) || !this.#mayTryAgain(retries)) {
      return this.#owner.onFailed(failure)
    }
    countFailedTry(this.traffic, failure)
    this.#tryAgain(retries)
  }

  #triesAgainOn(retries: RequestRetries, head: ResponseHead): boolean {
    return retries.route.wantsResponse(head) && this.#mayTryAgain(retries)
  }

  #mayTryAgain(retries: RequestRetries): boolean {
    retries.end()
    if (!this.#isComplete || !this.#kept.isWhole) return false
    const refused = retries.begin(this.#search.cluster, this.#upstream !== null)
    if (refused === '') return true
    this.flag = refused
    return false
  }

  /** A response that is here as a whole leaves its connection usable; the rest of another is not waited for. */
  #discard(status: number, done: boolean): void {
    this.traffic?.countRetried(status, '')
    if (done) this.finish(this.#monotonicMs())
    else this.drop()
    if (this.#retries !== null) this.#tryAgain(this.#retries)
  }

  /** After the back-off, preferably on an endpoint that has not failed the request yet, of the newest snapshot. */
  #tryAgain(retries: RequestRetries): void {
    this.#search.leaveEndpoint()
    this.traffic = this.#search.cluster.unreached.of(defined(this.#counts, 'counts'))
    this.#times.endTry()
    this.#timer = retries.wait(() => {
      this.#timer = null
      try {
        this.#follow(this.#search.retry(this.#monotonicMs()))
      } catch (error) {
        this.#owner.onCrash(error)
      }
    })
  }
}

/** The request is sent again: what this try came to is counted for itself. */
function countFailedTry(traffic: DestinationTraffic | null, failure: Failure): void {
  const { status, flag } = failureAnswer(failure)
  traffic?.countRetried(status, flag)
}

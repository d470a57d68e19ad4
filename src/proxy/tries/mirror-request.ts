/** A copy of a request on its way to a mirror: nobody waits for its response, which is read and dropped. */
import { defined } from '../../base/assert.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { randomHash } from '../../routing/hash.ts'
import type { DestinationTraffic } from '../../telemetry/recorder.ts'

import { failureAnswer } from '../policy/answers.ts'
import type { Waiting } from '../upstream/cluster-gate.ts'
import type { EndpointPool } from '../upstream/endpoint-pool.ts'
import { EndpointSearch } from '../cluster/endpoint-search.ts'
import type { Search } from '../cluster/endpoint-search.ts'
import type { ResponseHead, BodyFraming } from '../http1/response-head.ts'
import type { KeptRequest } from './kept-request.ts'
import type { ListenerCounts } from '../cluster/destination-counters.ts'
import type { ServingCluster } from '../cluster/serving-cluster.ts'
import type { Body, Exchange, UpstreamFailure, UpstreamSide } from '../upstream/side.ts'

/** For the whole of a copy; what is slower than this keeps nobody waiting, but holds a connection. */
const MIRROR_TIMEOUT_MS = 15_000

export interface MirrorRequestOptions {
  /** All of it. */
  readonly request: KeptRequest
  readonly method: string
  readonly counts: ListenerCounts
  readonly clock: Clock
  readonly log: Log
  readonly monotonicMs: () => number
}

export class MirrorRequest implements Exchange, Waiting {
  readonly requestMethod: string
  readonly keepsLent = false
  readonly #options: MirrorRequestOptions
  readonly #cluster: ServingCluster
  readonly #search: EndpointSearch
  readonly #startedMs: number
  #upstream: UpstreamSide | null = null
  #timer: Timer | null = null
  #traffic: DestinationTraffic
  #status = 0
  #responseBytes = 0
  #isOver = false
  #isSentAgain = false

  constructor(cluster: ServingCluster, options: MirrorRequestOptions) {
    this.#cluster = cluster
    this.#options = options
    this.requestMethod = options.method
    this.#traffic = cluster.unreached.of(options.counts)
    this.#startedMs = options.monotonicMs()
    this.#search = new EndpointSearch(this, () => undefined)
  }

  start(): void {
    const hash = randomHash(this.#cluster.random)
    const isAdmitted = this.#search.begin(this.#cluster, { hash, nowMs: this.#startedMs, needsNewConnection: false })
    if (!isAdmitted) return this.#end('UO')
    this.#timer = this.#options.clock.after(MIRROR_TIMEOUT_MS, () => this.#giveUp('UT'), { unref: true })
    this.#follow(this.#search.next())
  }

  /** A copy does not wait: it was given up when it would have had to. */
  onTurn(): void {}

  onConnected(): void {
    if (this.#upstream !== null) this.#options.request.sendTo(this.#upstream)
  }

  onInterim(): void {}

  onResponse(head: ResponseHead, _framing: BodyFraming, body: Body, done: boolean): void {
    this.#status = head.status
    if (head.status === 101) this.#giveUp('UPE')
    else this.onBody(body, done)
  }

  onBody(body: Body, done: boolean): void {
    this.#responseBytes += body.to - body.from
    if (!done) return
    this.#upstream?.release(this.#options.monotonicMs())
    this.#leave()
    this.#end('')
  }

  onTunnelled(): void {}

  onTunnelEnd(): void {}

  /** All of it was given to the connection at once: it is bounded. */
  onSendable(): void {}

  onFailure(failure: UpstreamFailure): void {
    const upstream = defined(this.#upstream, 'upstream connection')
    const { pool } = defined(this.#search.endpoint, 'endpoint')
    this.#leave()
    const isStale = failure === 'upstream-closed' && upstream.wasUsed && !upstream.hasPartialResponse
    const isUntouched = failure === 'refused-stream' && !this.#isSentAgain
    if ((isStale || isUntouched) && this.#status === 0) this.#sendAgain(pool)
    else this.#end(failureAnswer(failure).flag)
  }

  onCrash(error: unknown): void {
    this.#options.log.error('a mirrored request was ended by an error of the data plane', {
      cluster: this.#cluster.name,
      error,
    })
    this.#giveUp('UPE')
  }

  #follow(search: Search): void {
    if (search !== 'found') return this.#end(search === 'no-endpoint' ? 'UH' : 'UO')
    const { gate, idle } = this.#search
    const { pool, counters } = defined(this.#search.endpoint, 'endpoint')
    this.#traffic = counters.of(this.#options.counts)
    pool.enter()
    const upstream = idle ?? pool.open(this.#options.monotonicMs() + this.#cluster.connectTimeoutMs, gate, false)
    this.#upstream = upstream
    upstream.attach(this)
    if (!upstream.isConnecting) this.onConnected()
  }

  #sendAgain(pool: EndpointPool): void {
    this.#isSentAgain = true
    this.#follow(this.#search.again(pool))
  }

  #giveUp(flag: string): void {
    if (this.#isOver) return
    this.#upstream?.destroy()
    this.#leave()
    this.#end(flag)
  }

  #leave(): void {
    if (this.#upstream === null) return
    this.#upstream = null
    this.#search.endpoint?.pool.leave()
  }

  #end(flag: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    const { request, monotonicMs } = this.#options
    this.#traffic.count({
      status: this.#status,
      flag,
      durationMs: monotonicMs() - this.#startedMs,
      requestBytes: request.bodyBytes,
      responseBytes: this.#responseBytes,
    })
    request.clear()
    this.#search.end()
  }
}

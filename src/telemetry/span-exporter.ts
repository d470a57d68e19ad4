/**
 * Sends spans to a collector, in batches, beside the traffic: what cannot be sent in time is dropped and counted. A process
 * has one per target.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { TLS_POLICY } from '../base/tls-policy.ts'

import { otlpSpans, zipkinSpans } from './span.ts'
import type { Span } from './span.ts'

/** Spans that wait; those beyond are dropped. */
export const SPANS_WAITING_MAX = 4_096
/** Spans in one request to the collector. */
export const BATCH_SPANS_MAX = 256
/** How long a span waits for others. */
const BATCH_INTERVAL_MS = 1_000
const SEND_TIMEOUT_MS = 5_000
/** How often a batch is sent before it is given up, and the time between. */
const SEND_ATTEMPTS_MAX = 3
const RETRY_DELAY_MS = 1_000
/** The collector does not want this batch; others (too many requests, a server's error) may pass. */
const isFinal = (status: number): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429

export interface SpanTarget {
  readonly kind: 'zipkin' | 'otlp'
  /** Whole, `http:` or `https:`. */
  readonly url: string
}

export interface SpanExporterOptions {
  readonly target: SpanTarget
  readonly clock: Clock
  readonly log: Log
  /** So many spans have reached the collector. */
  readonly onSent: (count: number) => void
  /** So many spans are lost. */
  readonly onDropped: (count: number) => void
}

/** What became of one try; `isFinal`: another one is of no use. */
type Outcome = { readonly kind: 'sent' } | { readonly kind: 'failed'; readonly why: string; readonly isFinal: boolean }

/** Spans wait in a bounded queue and are sent one batch at a time; `close` sends what waits, for a bounded time. */
export class SpanExporter {
  readonly #options: SpanExporterOptions
  readonly #agent: HttpAgent
  readonly #waiting: Span[] = []
  /** Set while nothing is sent and something waits. */
  #timer: Timer | null = null
  #sending: Promise<void> | null = null
  /** Ends the wait for the next try. */
  #wake: () => void = () => {}
  /** Ends the try under way. */
  #cancel: (why: Error) => void = () => {}
  /** The last batch was lost. Said once, until one gets through again. */
  #isFailing = false
  #isClosing = false

  constructor(options: SpanExporterOptions) {
    this.#options = options
    const kept = { keepAlive: true, maxSockets: 1 }
    const isTls = options.target.url.startsWith('https:')
    this.#agent = isTls ? new HttpsAgent({ ...TLS_POLICY, ...kept }) : new HttpAgent(kept)
  }

  add(span: Span): void {
    if (this.#isClosing || this.#waiting.length >= SPANS_WAITING_MAX) return this.#options.onDropped(1)
    this.#waiting.push(span)
    if (this.#sending !== null) return
    if (this.#waiting.length >= BATCH_SPANS_MAX) this.#send()
    else this.#timer ??= this.#options.clock.after(BATCH_INTERVAL_MS, () => this.#send(), { unref: true })
  }

  /** Sends what waits, each batch once, and resolves when that is over; what is left after `boundMs` is lost. */
  async close(boundMs: number): Promise<void> {
    this.#isClosing = true
    this.#wake()
    this.#send()
    const late = this.#options.clock.after(boundMs, () => {
      this.#drop(this.#waiting.splice(0), 'there is no time left')
      this.#cancel(new Error('there is no time left'))
    })
    await this.#sending
    late.cancel()
    this.#agent.destroy()
  }

  #send(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#waiting.length > 0) this.#sending ??= this.#sendAll()
  }

  /** What comes meanwhile too. */
  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#sendBatch(this.#waiting.splice(0, BATCH_SPANS_MAX))
    this.#sending = null
  }

  async #sendBatch(spans: readonly Span[]): Promise<void> {
    const { kind } = this.#options.target
    const body = JSON.stringify(kind === 'zipkin' ? zipkinSpans(spans) : otlpSpans(spans))
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#post(body)
      if (outcome.kind === 'sent') {
        this.#isFailing = false
        return this.#options.onSent(spans.length)
      }
      if (outcome.isFinal || attempt >= SEND_ATTEMPTS_MAX || this.#isClosing) return this.#drop(spans, outcome.why)
      await this.#pause()
    }
  }

  #drop(spans: readonly Span[], why: string): void {
    if (spans.length === 0) return
    const { log, target, onDropped } = this.#options
    // Without a password that may stand in it.
    const { origin, pathname } = new URL(target.url)
    if (!this.#isFailing) log.warn('cannot send spans, dropping them', { url: origin + pathname, why })
    this.#isFailing = true
    onDropped(spans.length)
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(RETRY_DELAY_MS, resolve, { unref: true })
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #post(body: string): Promise<Outcome> {
    const { target, clock } = this.#options
    const start = target.url.startsWith('https:') ? httpsRequest : httpRequest
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    return new Promise((resolve) => {
      const request = start(target.url, { method: 'POST', agent: this.#agent, headers }, (response) => {
        const status = response.statusCode ?? 0
        response.resume().once('close', () => {
          timer.cancel()
          const why = `the collector answered ${status}`
          const isSent = status >= 200 && status < 300
          resolve(isSent ? { kind: 'sent' } : { kind: 'failed', why, isFinal: isFinal(status) })
        })
      })
      this.#cancel = (why) => request.destroy(why)
      const timer = clock.after(SEND_TIMEOUT_MS, () => request.destroy(new Error('no answer in time')), { unref: true })
      request.once('error', (error) => {
        timer.cancel()
        resolve({ kind: 'failed', why: messageOf(error), isFinal: false })
      })
      request.end(body)
    })
  }
}

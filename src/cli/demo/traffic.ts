/**
 * The live traffic: requests leave at a steady rate whether or not the ones before are answered (an open loop, as real
 * users are), most of them plain, some with `stage: canary`.
 */
import { Agent, request } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import type { Counts } from './checks.ts'
import type { RequestKind, Sample } from './tally.ts'

export interface Traffic {
  /**
   * Lets the plain requests under way end, then makes the next `count` plain requests the only ones, and tells which
   * versions they met: what a split promises shows exactly when nobody else draws from it.
   */
  batch(count: number): Promise<Counts>
  /** Sends one request beside the others and tells the version it met. */
  one(kind: RequestKind): Promise<string>
  /** Stops sending; resolves once everything under way has ended. */
  stop(): Promise<void>
}

export interface TrafficOptions {
  readonly url: string
  readonly perSecond: number
  readonly clock: Clock
  /** Called for each finished request. */
  readonly onSample: (sample: Sample) => void
  /** The act that a request sent now belongs to. */
  readonly act: () => number
}

/** One request in so many carries `stage: canary`. */
const CANARY_EVERY = 4
const TICK_MS = 10
/** Beyond this the proxy is stuck; more requests would only make it worse. */
const IN_FLIGHT_MAX = 256
const REQUEST_TIMEOUT_MS = 5_000
const BODY_CHARACTERS_MAX = 4_096

export function startTraffic(options: TrafficOptions): Traffic {
  return new OpenLoop(options)
}

interface Batch {
  remaining: number
  pending: number
  counts: Counts
  readonly resolve: (counts: Counts) => void
}

class OpenLoop implements Traffic {
  readonly #options: TrafficOptions
  readonly #agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT_MAX })
  readonly #startedMs: number
  readonly #idle = new Set<() => void>()
  #sent = 0
  #plainInFlight = 0
  #inFlight = 0
  #isStopped = false
  #batch: Batch | undefined

  constructor(options: TrafficOptions) {
    this.#options = options
    this.#startedMs = options.clock.now()
    this.#tick()
  }

  batch(count: number): Promise<Counts> {
    return new Promise((resolve) => {
      this.#batch = { remaining: count, pending: 0, counts: {}, resolve }
    })
  }

  async one(kind: RequestKind): Promise<string> {
    const sample = await this.#send(kind)
    return sample.version
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.add(resolve))
    this.#agent.destroy()
  }

  #tick(): void {
    if (this.#isStopped) return
    const { clock, perSecond } = this.#options
    const due = Math.floor(((clock.now() - this.#startedMs) * perSecond) / 1_000)
    // After a hiccup of this process, a burst that makes up for all of it would be no steady traffic.
    this.#sent = Math.max(this.#sent, Math.floor(due - perSecond / 4))
    for (; this.#sent < due; this.#sent++) this.#sendDue()
    clock.after(TICK_MS, () => this.#tick())
  }

  #sendDue(): void {
    if (this.#inFlight >= IN_FLIGHT_MAX) return
    if (this.#sent % CANARY_EVERY === 0) void this.#send('canary')
    else if (this.#batch === undefined) void this.#send('plain')
    else this.#sendBatched(this.#batch)
  }

  #sendBatched(batch: Batch): void {
    const othersEnded = this.#plainInFlight === batch.pending
    if (!othersEnded || batch.remaining === 0) return
    void this.#sendOneOf(batch)
  }

  async #sendOneOf(batch: Batch): Promise<void> {
    batch.remaining--
    batch.pending++
    const { version } = await this.#send('plain')
    batch.pending--
    batch.counts = { ...batch.counts, [version]: (batch.counts[version] ?? 0) + 1 }
    if (batch.remaining > 0 || batch.pending > 0) return
    this.#batch = undefined
    batch.resolve(batch.counts)
  }

  async #send(kind: RequestKind): Promise<Sample> {
    const { clock, act, url, onSample } = this.#options
    const sent = { act: act(), kind, sentAtMs: clock.now() }
    this.#inFlight++
    if (kind === 'plain') this.#plainInFlight++
    const answer = await ask(url, this.#agent, kind)
    this.#inFlight--
    if (kind === 'plain') this.#plainInFlight--
    const sample = { ...sent, ...answer }
    onSample(sample)
    if (this.#inFlight === 0) for (const resolve of this.#idle) resolve()
    return sample
  }
}

function ask(url: string, agent: Agent, kind: RequestKind): Promise<Pick<Sample, 'status' | 'version' | 'error'>> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: 0, version: '', error: error.message })
    const headers = kind === 'canary' ? { stage: 'canary' } : {}
    const sending = request(url, { agent, headers, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (body.length < BODY_CHARACTERS_MAX) body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, version: versionIn(body), error: '' }))
      response.on('error', fail)
    })
    sending.on('timeout', () => sending.destroy(new Error(`no answer for ${REQUEST_TIMEOUT_MS / 1_000} s`)))
    sending.on('error', fail)
    sending.end()
  })
}

/** `version:v1` → `v1`: what the echo programs answer. */
function versionIn(body: string): string {
  return /^version:(\S+)\s*$/.exec(body)?.[1] ?? ''
}

/**
 * The main part of a proxy process: serves, and keeps to the control plane as far as there is one. Without control it goes
 * on with its last good snapshot and tries to reach control again for ever.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

import { backoffMs } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import { TrafficRecorder } from '../telemetry/recorder.ts'

import type { HolderChannel } from './holder-channel.ts'
import { readMessages, sendMessage } from './link-protocol.ts'
import type { FromProxy, ToProxy } from './link-protocol.ts'
import { SnapshotReceiver } from './link/snapshot-messages.ts'
import type { Received } from './link/snapshot-messages.ts'
import { LentSockets } from './listening/lent-sockets.ts'
import { OwnSockets } from './listening/own-sockets.ts'
import { Proxy } from './proxy.ts'
import type { Applied } from './proxy.ts'

const RECONNECT_BACKOFF = { initialMs: 20, maxMs: 1_000 }
/** Short: until a report is in, a release's gate does not see that the canary fails. */
const REPORT_INTERVAL_MS = 250
/** Whoever holds our sockets takes us for hanging without it. */
const ALIVE_INTERVAL_MS = 1_000
/** Longest wait for requests in flight at the end, unless told otherwise. */
const DRAIN_TIMEOUT_MS = 4_000
/** The same where a newer process has taken the place: nobody waits for the end of this one. As long as Envoy drains. */
const REPLACED_DRAIN_TIMEOUT_MS = 600_000

export interface ProxyWorkerOptions {
  /** The control plane's Unix socket. */
  readonly socketPath: string
  /** Stable name of this proxy. */
  readonly id: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends the worker: it drains, then the promise resolves. */
  readonly signal: AbortSignal
  /** Several proxies share the listeners' ports. */
  readonly reusePort?: boolean
  /** Whoever started the process holds its listening sockets. */
  readonly holder?: HolderChannel | undefined
  readonly collectYoung?: () => void
  /** Without control there is nothing to serve for: the worker ends when the link does. */
  readonly endsWithControl?: boolean
  readonly drainTimeoutMs?: number | undefined
  readonly monotonicMs?: () => number
}

/** Resolves when the worker was told to stop, by its signal or by control, and has drained. */
export async function runProxyWorker(options: ProxyWorkerOptions): Promise<void> {
  const worker = new ProxyWorker(options)
  await worker.run()
}

class ProxyWorker {
  readonly #options: ProxyWorkerOptions
  readonly #recorder: TrafficRecorder
  readonly #startedAtMs: number
  /** All processes of a machine have this clock in common. */
  readonly #startedUptimeMs = Number(process.hrtime.bigint() / 1_000_000n)
  readonly #proxy: Proxy
  readonly #stopped = Promise.withResolvers<'told' | 'replaced'>()
  #socket: Socket | null = null
  #isLinked = false
  #attempt = 0
  #isStopping = false
  /** The newest snapshot that was not applied yet, with the connection that it came on. */
  #next: { readonly snapshot: RoutingSnapshot; readonly from: Socket } | null = null
  #isApplying = false
  readonly #timers = new Set<Timer>()

  constructor(options: ProxyWorkerOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.now()
    const ownSockets = new OwnSockets(options.reusePort ?? false)
    this.#recorder = new TrafficRecorder({ proxy: options.id, startedAtMs: this.#startedAtMs })
    this.#proxy = new Proxy({
      clock: options.clock,
      random: options.random,
      log: options.log,
      recorder: this.#recorder,
      monotonicMs: options.monotonicMs ?? (() => performance.now()),
      collectYoung: options.collectYoung,
      sockets: options.holder === undefined ? ownSockets : new LentSockets(options.holder, ownSockets, options.clock),
      onChange: () => this.#send({ kind: 'standing', ...this.#standing() }),
    })
  }

  async run(): Promise<void> {
    const { signal, log, id, drainTimeoutMs = DRAIN_TIMEOUT_MS } = this.#options
    if (signal.aborted) this.#stopped.resolve('told')
    else {
      signal.addEventListener('abort', () => this.#stopped.resolve('told'), { once: true })
      this.#connect()
      this.#scheduleReport()
      this.#tellAlive()
    }
    const why = await this.#stopped.promise
    this.#isStopping = true
    log.info('proxy is draining', { proxy: id, why })
    const closed = this.#proxy.close(why === 'replaced' ? REPLACED_DRAIN_TIMEOUT_MS : drainTimeoutMs)
    signal.addEventListener('abort', () => this.#proxy.closeWithin(drainTimeoutMs), { once: true })
    this.#send({ kind: 'standing', ...this.#standing() })
    await closed
    for (const timer of this.#timers) timer.cancel()
    await this.#endLink()
    this.#options.holder?.close()
    log.info('proxy stopped', { proxy: id })
  }

  #connect(): void {
    if (this.#isStopping) return
    const { socketPath, id, log } = this.#options
    const socket = connect({ path: socketPath })
    this.#socket = socket
    socket.on('connect', () => {
      this.#isLinked = true
      this.#attempt = 0
      log.info('connected to control', { proxy: id })
      const started = { startedAtMs: this.#startedAtMs, startedUptimeMs: this.#startedUptimeMs }
      this.#send({ kind: 'hello', id, pid: process.pid, ...started, pieces: true, deltas: true })
      this.#send({ kind: 'standing', ...this.#standing() })
      this.#send({ kind: 'report', report: this.#recorder.report() })
    })
    const receiver = new SnapshotReceiver()
    readMessages<ToProxy>(socket, {
      onMessage: (message) => this.#onMessage(message, socket, receiver),
      onBroken: () => socket.destroy(),
    })
    // The 'close' event follows and is where the connection is tried again.
    socket.on('error', () => {})
    socket.on('close', () => this.#onDisconnected())
  }

  #onDisconnected(): void {
    const { clock, random, log, id, endsWithControl = false } = this.#options
    if (endsWithControl) this.#stopped.resolve('told')
    else if (this.#isLinked) log.warn('lost control, serving on', { proxy: id })
    this.#isLinked = false
    this.#socket = null
    if (this.#isStopping || endsWithControl) return
    this.#after(backoffMs(RECONNECT_BACKOFF, this.#attempt++, random), () => this.#connect(), clock)
  }

  #onMessage(message: ToProxy, from: Socket, receiver: SnapshotReceiver): void {
    switch (message.kind) {
      case 'piece':
      case 'snapshot':
      case 'delta-piece':
      case 'delta':
        this.#onReceived(receiver.receive(message), from)
        return
      case 'describe':
        this.#send({ kind: 'description', description: this.#proxy.describe() })
        return
      case 'stop':
        this.#stopped.resolve('replaced')
    }
  }

  #onReceived(received: Received, from: Socket): void {
    if (received.kind === 'lost') this.#send({ kind: 'lost-track' })
    if (received.kind !== 'snapshot') return
    this.#next = { snapshot: received.snapshot, from }
    void this.#applyNewest()
  }

  /** One after the other; of several that wait only the newest counts. */
  async #applyNewest(): Promise<void> {
    if (this.#isApplying) return
    this.#isApplying = true
    for (let next = this.#next; next !== null; next = this.#next) {
      this.#next = null
      await this.#apply(next.snapshot, next.from)
    }
    this.#isApplying = false
  }

  async #apply(snapshot: RoutingSnapshot, from: Socket): Promise<void> {
    const { generation } = snapshot
    const outcome = await this.#tryApply(snapshot)
    // Generations mean something only to the control plane that gave them out.
    if (this.#socket !== from) return
    if (outcome.kind === 'applied') this.#send({ kind: 'ack', generation, ...this.#standing() })
    else this.#send({ kind: 'nack', generation, reason: outcome.reason })
  }

  /** A snapshot on which we fail must not end the process: it would come again to the next one. */
  async #tryApply(snapshot: RoutingSnapshot): Promise<Applied> {
    try {
      return await this.#proxy.apply(snapshot)
    } catch (error) {
      return { kind: 'refused', reason: `Cannot serve the snapshot: ${messageOf(error)}` }
    }
  }

  #standing(): Pick<Proxy, 'listeners' | 'draining'> {
    return { listeners: this.#proxy.listeners, draining: this.#proxy.draining }
  }

  #scheduleReport(): void {
    this.#after(
      REPORT_INTERVAL_MS,
      () => {
        // Counts are cumulative: what cannot be sent now is in the next report. A new connection begins with all of them.
        if (this.#isLinked && this.#socket?.writableNeedDrain === false) {
          this.#send({ kind: 'report', report: this.#recorder.changes() })
        }
        if (this.#isStopping) this.#send({ kind: 'standing', ...this.#standing() })
        this.#scheduleReport()
      },
      this.#options.clock,
    )
  }

  #tellAlive(): void {
    const { holder, clock } = this.#options
    if (holder === undefined) return
    if (holder.isOpen) holder.send({ kind: 'alive' })
    this.#after(ALIVE_INTERVAL_MS, () => this.#tellAlive(), clock)
  }

  #send(message: FromProxy): void {
    if (this.#socket !== null && this.#isLinked) sendMessage(this.#socket, message)
  }

  #after(delayMs: number, callback: () => void, clock: Clock): void {
    const timer = clock.after(delayMs, () => {
      this.#timers.delete(timer)
      callback()
    })
    this.#timers.add(timer)
  }

  /** The last counts reach control before the link is closed. */
  #endLink(): Promise<void> {
    const socket = this.#socket
    if (socket === null || !this.#isLinked) {
      socket?.destroy()
      return Promise.resolve()
    }
    this.#send({ kind: 'report', report: this.#recorder.report() })
    return new Promise((resolve) => {
      socket.once('close', () => resolve())
      socket.end()
    })
  }
}

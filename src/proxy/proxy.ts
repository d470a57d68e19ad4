/**
 * The data plane of one process: serves the newest snapshot that it was given and found good. Swapping a snapshot is one
 * assignment per listener between two events, so a request is served with one snapshot or the other, never with a mixture.
 */
import { hostname } from 'node:os'

import type { Clock, Timer } from '../base/clock.ts'
import type { Holdings } from '../base/holdings.ts'
import { formatDiagnostic } from '../base/diagnostic.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { Steps } from '../base/steps.ts'
import { CheckMemory } from '../routing/check-memory.ts'
import { checkInSteps } from '../routing/check.ts'
import type { BoundListener } from '../routing/data-plane.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import type { TrafficRecorder } from '../telemetry/recorder.ts'

import type { GateState } from './upstream/cluster-gate.ts'
import type { ClusterState, ProxyDescription } from './cluster-report.ts'
import { ContinuityStore } from './balance/continuity.ts'
import type { PoolState } from './upstream/endpoint-pool.ts'
import { GatewayListener } from './downstream/gateway-listener.ts'
import type { Served } from './downstream/gateway-listener.ts'
import { HealthChecker } from './health/health-checker.ts'
import { inTurns } from './serving/in-turns.ts'
import type { ListenerSockets } from './listening/listener-sockets.ts'
import { OwnSockets } from './listening/own-sockets.ts'
import { requestIdSource } from './telling/request-id.ts'
import { ServingClusters } from './cluster/serving-clusters.ts'
import { DateLine } from './policy/date-line.ts'
import { PassedBytes } from './exchange/passed-bytes.ts'
import { prepareListener } from './serving/serving-state.ts'
import type { MadeListener, ServingDeps } from './serving/serving-state.ts'
import { ServingTables } from './serving/serving-tables.ts'
import { ProxyTelling } from './telling/proxy-telling.ts'
import { prepareTcpListener } from './serving/serving-tcp.ts'
import type { MadeTcpListener } from './serving/serving-tcp.ts'
import { TlsContexts } from './tls/tls-contexts.ts'
import { UpstreamPools } from './upstream/pools.ts'

/** All timeouts are kept to within this. */
const SWEEP_INTERVAL_MS = 50
/** How often binding a taken address is tried again. */
const LISTEN_RETRY_MS = 1_000
const CRASH_LOG_INTERVAL_MS = 1_000

export interface ProxyOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly recorder: TrafficRecorder
  /** Milliseconds from any origin, never going back; finer than the clock. */
  readonly monotonicMs: () => number
  /** Where listeners get their sockets; by themselves unless told otherwise. */
  readonly sockets?: ListenerSockets
  /** Collects what was dropped lately; left out where memory does not matter. */
  readonly collectYoung?: (() => void) | undefined
  /** `listeners` or `draining` changed by itself. */
  readonly onChange: () => void
}

/** What the listeners serve, by their ids. */
interface Made {
  readonly http: ReadonlyMap<string, MadeListener>
  readonly tcp: ReadonlyMap<string, MadeTcpListener>
}

const NOTHING_MADE: Made = { http: new Map(), tcp: new Map() }

/** The outcome of a snapshot. */
export type Applied = { readonly kind: 'applied' } | { readonly kind: 'refused'; readonly reason: string }

export class Proxy {
  readonly #options: ProxyOptions
  readonly #pools: UpstreamPools
  readonly #checked = new CheckMemory()
  readonly #continuity = new ContinuityStore()
  readonly #health: HealthChecker
  readonly #tls: TlsContexts
  readonly #telling: ProxyTelling
  readonly #serving: ServingDeps
  #made: Made = NOTHING_MADE
  readonly #newRequestId: () => string
  readonly #sockets: ListenerSockets
  readonly #passed: PassedBytes
  readonly #date: DateLine
  #listeners = new Map<string, GatewayListener>()
  readonly #closing = new Set<GatewayListener>()
  /** They have no place in the newest snapshot, and accept until those that have are bound. */
  readonly #outgoing = new Set<GatewayListener>()
  readonly #emptied: (() => void)[] = []
  #sweepTimer: Timer | null = null
  #isClosed = false
  #crashes = 0
  #crashToldMs = -Infinity

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#date = new DateLine(options.clock)
    this.#passed = new PassedBytes(options.collectYoung ?? (() => {}))
    this.#sockets = options.sockets ?? new OwnSockets(false)
    this.#health = new HealthChecker(options)
    this.#pools = new UpstreamPools(options.onChange)
    this.#tls = new TlsContexts(options.log)
    this.#telling = new ProxyTelling({ ...options, hostname: hostname(), counters: options.recorder.counters })
    this.#serving = this.#servingDeps()
    this.#newRequestId = requestIdSource(options.random)
    this.#scheduleSweep()
  }

  get listeners(): readonly BoundListener[] {
    return [...this.#listeners.values()].flatMap(({ bound }) => (bound === null ? [] : [bound]))
  }

  /** Endpoints that get no new requests and still have requests in flight: from `close` on, all that have. */
  get draining(): readonly string[] {
    if (!this.#isClosed) return this.#pools.draining()
    return this.pools.flatMap(({ endpoint, active }) => (active > 0 ? [endpoint] : []))
  }

  /** What there is of each that is limited, by cluster. */
  get gates(): ReadonlyMap<string, GateState> {
    return this.#continuity.gateStates()
  }

  /** Addresses that are left out because they fail, by cluster. */
  get ejected(): ReadonlyMap<string, readonly string[]> {
    return this.#continuity.ejected()
  }

  /** Addresses that fail their health checks, by cluster. */
  get unhealthy(): ReadonlyMap<string, readonly string[]> {
    return this.#health.unhealthy
  }

  get pools(): readonly PoolState[] {
    return this.#pools.states(this.#options.monotonicMs())
  }

  /** For people who look at `/clusters`. */
  describe(): ProxyDescription {
    const { gates, ejected, unhealthy } = this
    const warming = this.#continuity.warming()
    const levels = this.#continuity.nearLevelStates()
    const names = new Set([gates, ejected, unhealthy, warming, levels].flatMap((known) => [...known.keys()]))
    const clusters = [...names].map((name): ClusterState => {
      const gate = gates.get(name)
      const out = { ejected: ejected.get(name) ?? [], unhealthy: unhealthy.get(name) ?? [] }
      const slow = warming.get(name)
      const near = levels.get(name)
      return {
        name,
        ...(gate === undefined ? {} : { gate }),
        ...out,
        ...(slow === undefined ? {} : { warming: slow }),
        ...(near === undefined ? {} : { levels: near }),
      }
    })
    return { pools: this.pools, clusters }
  }

  /**
   * Serves the snapshot, or refuses it as a whole and goes on with the one before. When the promise resolves, new requests
   * use it and each listener has been bound or has said why not. Call again only after that.
   */
  async apply(snapshot: RoutingSnapshot): Promise<Applied> {
    const { monotonicMs } = this.#options
    const diagnostics = await inTurns(checkInSteps(snapshot, this.#checked), monotonicMs)
    for (const { message } of diagnostics.filter(({ severity }) => severity === 'warning')) {
      this.#options.log.warn('snapshot is doubtful', { reason: message })
    }
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    if (errors.length > 0) return { kind: 'refused', reason: errors.map(formatDiagnostic).join('; ') }
    const unusable = this.#tls.prepare(snapshot)
    if (unusable.length > 0) return { kind: 'refused', reason: unusable.join('; ') }
    if (this.#isClosed) return { kind: 'applied' }
    // What is prepared shares pools, counts and turns with what serves meanwhile; nothing of it is seen before the swap.
    const made = await this.#make(snapshot)
    if (!this.#isClosed) await this.#swap(made)
    return { kind: 'applied' }
  }

  /** Stops accepting and resolves when the last request is over, at the latest after `boundMs`. */
  async close(boundMs: number): Promise<void> {
    this.#isClosed = true
    this.#health.stop()
    this.#sockets.leave()
    for (const listener of [...this.#listeners.values(), ...this.#outgoing]) this.#retire(listener)
    this.#listeners = new Map()
    await this.#untilEmpty(boundMs)
    for (const listener of this.#closing) listener.destroyConnections()
    await this.#telling.close()
    this.#pools.closeAll()
    this.#sweepTimer?.cancel()
  }

  /** What is left of the wait of `close` is no longer than this. */
  closeWithin(boundMs: number): void {
    this.#options.clock.after(boundMs, () => this.#endWaits(), { unref: true })
  }

  async #make(snapshot: RoutingSnapshot): Promise<Made> {
    try {
      return await inTurns(this.#prepare(snapshot), this.#options.monotonicMs)
    } catch (error) {
      for (const part of [this.#serving.clusters, this.#serving.tables, this.#continuity]) part.abandon()
      throw error
    }
  }

  /** Requests see all of the snapshot from one event to the next. */
  async #swap(made: Made): Promise<void> {
    const gone = this.#settle(made)
    const served = this.#servedOf(made)
    const before = this.#listeners
    this.#listeners = new Map()
    for (const next of served) {
      const { listener } = next
      const kept = before.get(listener.id)
      if (kept !== undefined && isSameAddress(kept.listener, listener)) {
        kept.serve(next)
        this.#listeners.set(listener.id, kept)
        before.delete(listener.id)
      } else {
        // Until it is closed it serves what its successor does.
        kept?.serve(next)
        this.#listeners.set(listener.id, this.#createListener(next))
      }
    }
    for (const listener of before.values()) this.#outgoing.add(listener)
    await inTurns(releaseInSteps(gone), this.#options.monotonicMs)
    await Promise.all([...this.#listeners.values()].map((listener) => this.#bind(listener)))
    this.#sockets.using(served.map(({ listener }) => listener))
    for (const listener of this.#outgoing) this.#retire(listener)
    this.#outgoing.clear()
  }

  /** Gives what only the snapshot before used: to be released beside requests. */
  #settle(made: Made): readonly Holdings[] {
    const { clusters, tables } = this.#serving
    this.#pools.settle()
    const gone = [...clusters.settle(), ...tables.settle()]
    for (const { serving, holdings, listener } of this.#made.http.values()) {
      const next = made.http.get(listener.id)
      if (next?.holdings !== holdings) gone.push(holdings)
      if (serving.passthrough !== null && next?.serving.passthrough !== serving.passthrough) serving.passthrough.close()
    }
    for (const { holdings, listener } of this.#made.tcp.values()) {
      if (made.tcp.get(listener.id)?.holdings !== holdings) gone.push(holdings)
    }
    this.#made = made
    this.#continuity.settle(clusters.names)
    this.#health.settle()
    return gone
  }

  *#prepare(snapshot: RoutingSnapshot): Steps<Made> {
    const { clusters, tables } = this.#serving
    yield* clusters.begin(snapshot)
    tables.begin(snapshot)
    const made: { readonly http: Map<string, MadeListener>; readonly tcp: Map<string, MadeTcpListener> } = {
      http: new Map(),
      tcp: new Map(),
    }
    for (const listener of snapshot.listeners) {
      const before = this.#made.http.get(listener.id)
      made.http.set(listener.id, yield* prepareListener(listener, before, this.#serving))
    }
    for (const listener of snapshot.tcpListeners ?? []) {
      yield
      made.tcp.set(listener.id, prepareTcpListener(listener, this.#made.tcp.get(listener.id), this.#serving))
    }
    return made
  }

  #servedOf({ http, tcp }: Made): readonly Served[] {
    return [
      ...[...http.values()].map(({ listener, serving }): Served => ({
        kind: 'http',
        listener,
        serving,
        tls: this.#tls.server(listener),
      })),
      ...[...tcp.values()].map(({ listener, serving }): Served => ({
        kind: 'tcp',
        listener,
        serving,
        tls: this.#tls.server(listener),
      })),
    ]
  }

  #servingDeps(): ServingDeps {
    const { recorder, clock, random, log } = this.#options
    const shared = { clock, log, random, continuity: this.#continuity }
    const ofClusters = { ...shared, pools: this.#pools, tls: this.#tls, health: this.#health }
    const clusters = new ServingClusters(ofClusters)
    const tables = new ServingTables({ ...shared, clusters })
    return { ...ofClusters, clusters, tables, telling: this.#telling, recorder }
  }

  #createListener(served: Served): GatewayListener {
    const { listener } = served
    return new GatewayListener(served, {
      random: this.#options.random,
      monotonicMs: this.#options.monotonicMs,
      newRequestId: this.#newRequestId,
      date: this.#date,
      passed: this.#passed,
      sockets: this.#sockets,
      onAcceptError: (error) => this.#options.log.warn('cannot accept a client', { listener: listener.id, error }),
      onCrash: (error) => this.#onCrash(listener.id, error),
      onEmpty: (emptied) => this.#onEmpty(emptied),
    })
  }

  async #bind(listener: GatewayListener): Promise<void> {
    if (listener.isListening) return
    await listener.listen()
    const { id, address, port } = listener.listener
    const error = listener.bound?.error
    if (error === undefined) {
      this.#options.log.info('listening', { listener: id, address, port: listener.bound?.port })
      return
    }
    this.#options.log.warn('cannot listen', { listener: id, address, port, error })
    this.#options.clock.after(LISTEN_RETRY_MS, () => void this.#bindAgain(listener), { unref: true })
  }

  async #bindAgain(listener: GatewayListener): Promise<void> {
    if (this.#listeners.get(listener.listener.id) !== listener) return
    await this.#bind(listener)
    this.#options.onChange()
  }

  /** Told now and then: what fails once may fail with every request. */
  #onCrash(listener: string, error: unknown): void {
    const nowMs = this.#options.monotonicMs()
    this.#crashes++
    if (nowMs - this.#crashToldMs < CRASH_LOG_INTERVAL_MS) return
    this.#crashToldMs = nowMs
    this.#options.log.error('a connection was ended by an error of the data plane', {
      listener,
      crashes: this.#crashes,
      error,
    })
  }

  #retire(listener: GatewayListener): void {
    this.#closing.add(listener)
    listener.close()
  }

  #onEmpty(listener: GatewayListener): void {
    this.#closing.delete(listener)
    if (this.#closing.size === 0) this.#endWaits()
  }

  #endWaits(): void {
    for (const end of this.#emptied.splice(0)) end()
  }

  #untilEmpty(boundMs: number): Promise<void> {
    if (this.#closing.size === 0 || boundMs <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(boundMs, resolve)
      this.#emptied.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #scheduleSweep(): void {
    this.#sweepTimer = this.#options.clock.after(SWEEP_INTERVAL_MS, () => this.#sweep(), { unref: true })
  }

  #sweep(): void {
    const nowMs = this.#options.monotonicMs()
    for (const listener of this.#listeners.values()) listener.sweep(nowMs)
    for (const listener of [...this.#closing, ...this.#outgoing]) listener.sweep(nowMs)
    this.#pools.sweep(nowMs)
    this.#continuity.sweep(nowMs)
    this.#scheduleSweep()
  }
}

function* releaseInSteps(gone: readonly Holdings[]): Steps<void> {
  for (const holdings of gone) {
    yield
    holdings.release()
  }
}

type ListeningAddress = Pick<BoundListener, 'address' | 'port'>

function isSameAddress(a: ListeningAddress, b: ListeningAddress): boolean {
  return a.address === b.address && a.port === b.port
}

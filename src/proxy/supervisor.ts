/**
 * Keeps the proxy processes running: starts them apart from control, so that they outlive it, takes over those that an
 * earlier control plane started, replaces those that died, and those that run another version of the program.
 */
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { backoffMs } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'

import { isRunning } from '../base/process-identity.ts'
import { signalProxy, spawnProxy } from './supervisor/proxy-process.ts'
import type { ProxyProcess } from './supervisor/proxy-process.ts'
import { readProcesses, writeProcesses } from './supervisor/state-file.ts'

const WATCH_INTERVAL_MS = 200
const RESTART_BACKOFF = { initialMs: 100, maxMs: 10_000 }
/** A proxy that lived so long had no trouble starting. */
const HEALTHY_AFTER_MS = 10_000
/** Proxies drain for at most 4 s. */
const STOP_TIMEOUT_MS = 4_500
const STOP_POLL_MS = 20
/** A replacement that does not take over in this time cannot do so beside the old proxy, which is then ended first. */
const TAKE_OVER_TIMEOUT_MS = 10_000
/** The log is renamed to `.1` above this when its proxy is started. */
const LOG_BYTES_MAX = 8 * 1024 * 1024

export interface ProxySupervisorOptions {
  /** Executable and arguments; `--name <id>` is added. */
  readonly command: readonly string[]
  /** Absolute. Logs and the state file live under `<dataDir>/proxy`. */
  readonly dataDir: string
  readonly count: number
  /** Of this program: proxies that run another one are replaced. */
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends the watching; the proxies live on. */
  readonly signal: AbortSignal
}

export interface ProxySupervisor {
  /** The processes that there are now. */
  readonly processes: readonly ProxyProcess[]
  /** Ends the proxies, gracefully at first; resolves when none is left. */
  stopAll(): Promise<void>
}

/** The proxies that an earlier control plane left running. */
export function livingProxies(dataDir: string): readonly ProxyProcess[] {
  return readProcesses(stateFileOf(dataDir)).filter(isRunning)
}

/** Resolves when every proxy was adopted or started (they connect to the control link by themselves). */
export async function startProxySupervisor(options: ProxySupervisorOptions): Promise<ProxySupervisor> {
  const supervisor = new Supervisor(options)
  await supervisor.start()
  return supervisor
}

class Supervisor implements ProxySupervisor {
  readonly #options: ProxySupervisorOptions
  readonly #folder: string
  readonly #stateFile: string
  readonly #processes = new Map<string, ProxyProcess>()
  /** Still serving, until the one started in its place takes over. */
  readonly #leaving = new Set<ProxyProcess>()
  readonly #startedMs = new Map<string, number>()
  readonly #failures = new Map<string, number>()
  readonly #retryAtMs = new Map<string, number>()
  #watch: Timer | null = null
  #isStopping = false
  #replacing: Promise<void> = Promise.resolve()

  constructor(options: ProxySupervisorOptions) {
    this.#options = options
    this.#folder = join(options.dataDir, 'proxy')
    this.#stateFile = stateFileOf(options.dataDir)
  }

  get processes(): readonly ProxyProcess[] {
    return [...this.#processes.values()]
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const wanted = Array.from({ length: this.#options.count }, (_, index) => `proxy-${index}`)
    const living = readProcesses(this.#stateFile).filter(isRunning)
    for (const proxy of living.filter(({ id }) => wanted.includes(id))) {
      // Control ended while a proxy was being replaced: the newer one stands later in the file.
      const older = this.#processes.get(proxy.id)
      if (older !== undefined) this.#leaving.add(older)
      this.#processes.set(proxy.id, proxy)
      this.#options.log.info('adopted proxy', { proxy: proxy.id, pid: proxy.pid })
    }
    for (const id of wanted.filter((each) => !this.#processes.has(each))) this.#spawn(id)
    await this.#stop(living.filter(({ id }) => !wanted.includes(id)))
    this.#options.signal.addEventListener('abort', () => this.#watch?.cancel(), { once: true })
    this.#scheduleWatch()
    this.#replacing = this.#replaceOutdated()
  }

  async stopAll(): Promise<void> {
    this.#isStopping = true
    this.#watch?.cancel()
    await this.#stop([...this.#processes.values(), ...this.#leaving])
    await this.#replacing
    this.#processes.clear()
    this.#leaving.clear()
    this.#save()
  }

  #scheduleWatch(): void {
    if (this.#isEnding()) return
    this.#watch = this.#options.clock.after(WATCH_INTERVAL_MS, () => this.#replaceDead(), { unref: true })
  }

  /** One after the other, so that the others carry the traffic if a new one has trouble. */
  async #replaceOutdated(): Promise<void> {
    for (const older of this.#leaving) await this.#untilLeft(older)
    const outdated = this.processes.filter(({ version }) => version !== this.#options.version)
    for (const proxy of outdated) {
      if (this.#isEnding() || this.#processes.get(proxy.id) !== proxy) continue
      this.#options.log.info('replacing proxy of another version', { proxy: proxy.id, version: proxy.version })
      this.#leaving.add(proxy)
      this.#respawn(proxy.id)
      if (this.#processes.get(proxy.id) === proxy) this.#leaving.delete(proxy)
      else await this.#untilLeft(proxy)
    }
  }

  /** The link tells the old process to end once the new one has taken over; this is for when that does not happen. */
  async #untilLeft(proxy: ProxyProcess): Promise<void> {
    const { clock } = this.#options
    while (isRunning(proxy) && !this.#isEnding() && !this.#isStuck(proxy.id)) await sleep(clock, STOP_POLL_MS)
    if (this.#isEnding()) return
    await this.#stop([proxy])
    this.#leaving.delete(proxy)
    this.#save()
  }

  /** The newest process of the name runs well and has not taken over for long. */
  #isStuck(id: string): boolean {
    const newer = this.#processes.get(id)
    const startedMs = this.#startedMs.get(id) ?? this.#options.clock.now()
    return newer !== undefined && isRunning(newer) && this.#options.clock.now() - startedMs >= TAKE_OVER_TIMEOUT_MS
  }

  #isEnding(): boolean {
    return this.#isStopping || this.#options.signal.aborted
  }

  #onExit(): void {
    if (this.#isEnding()) return
    this.#watch?.cancel()
    this.#replaceDead()
  }

  #replaceDead(): void {
    const nowMs = this.#options.clock.now()
    for (const [id, proxy] of this.#processes) {
      if (isRunning(proxy)) continue
      const wait = this.#retryAtMs.get(id) ?? this.#noteDeath(proxy, nowMs)
      if (nowMs >= wait) this.#respawn(id)
    }
    this.#scheduleWatch()
  }

  /** When to start it again: at once, unless it keeps dying. */
  #noteDeath({ id, pid }: ProxyProcess, nowMs: number): number {
    const { log, random } = this.#options
    const wasHealthy = nowMs - (this.#startedMs.get(id) ?? 0) >= HEALTHY_AFTER_MS
    const failures = wasHealthy ? 0 : (this.#failures.get(id) ?? 0)
    this.#failures.set(id, failures + 1)
    const retryAtMs = nowMs + (failures === 0 ? 0 : backoffMs(RESTART_BACKOFF, failures - 1, random))
    this.#retryAtMs.set(id, retryAtMs)
    log.error('proxy died', { proxy: id, pid, logs: this.#logPath(id) })
    return retryAtMs
  }

  #respawn(id: string): void {
    try {
      this.#spawn(id)
    } catch (error) {
      this.#options.log.error('cannot start proxy', { proxy: id, error: messageOf(error) })
      this.#retryAtMs.set(id, this.#options.clock.now() + RESTART_BACKOFF.maxMs)
    }
  }

  #spawn(id: string): void {
    const { command, clock, log, version } = this.#options
    const logFile = this.#openLog(id)
    try {
      const named = [...command, '--name', id]
      const proxy = spawnProxy({ id, version, command: named, logFile, onExit: () => this.#onExit() })
      this.#processes.set(id, proxy)
      this.#startedMs.set(id, clock.now())
      this.#retryAtMs.delete(id)
      this.#save()
      log.info('started proxy', { proxy: id, pid: proxy.pid })
    } finally {
      closeSync(logFile)
    }
  }

  #openLog(id: string): number {
    const path = this.#logPath(id)
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX) renameSync(path, `${path}.1`)
    return openSync(path, 'a', 0o600)
  }

  #logPath(id: string): string {
    return join(this.#folder, `${id}.log`)
  }

  #save(): void {
    // The order matters to `start`.
    writeProcesses(this.#stateFile, [...this.#leaving, ...this.processes])
  }

  async #stop(proxies: readonly ProxyProcess[]): Promise<void> {
    const { clock } = this.#options
    const untilMs = clock.now() + STOP_TIMEOUT_MS
    for (const proxy of proxies) signalProxy(proxy, 'SIGTERM')
    while (proxies.some(isRunning) && clock.now() < untilMs) await sleep(clock, STOP_POLL_MS)
    for (const proxy of proxies) signalProxy(proxy, 'SIGKILL')
    while (proxies.some(isRunning)) await sleep(clock, STOP_POLL_MS)
  }
}

function stateFileOf(dataDir: string): string {
  return join(dataDir, 'proxy', 'processes.json')
}

/**
 * Sees to it that the keeper of the proxies runs: starts it apart from control, so that it outlives it, takes over the one
 * that an earlier control plane started, tells it what to run, and starts another when it dies.
 */
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { backoffMs } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { isRunning } from '../base/process-identity.ts'
import type { Random } from '../base/random.ts'

import { signalProxy, spawnProxy } from './supervisor/proxy-process.ts'
import type { ProxyProcess } from './supervisor/proxy-process.ts'
import { readProcesses, stateFiles, writeOrder, writeProcesses } from './supervisor/state-file.ts'
import type { Order, StateFiles } from './supervisor/state-file.ts'

const WATCH_INTERVAL_MS = 200
const RESTART_BACKOFF = { initialMs: 100, maxMs: 1_000 }
/** A keeper that lived so long had no trouble starting. */
const HEALTHY_AFTER_MS = 10_000
/** Proxies drain for at most 4 s. */
const STOP_TIMEOUT_MS = 4_500
const STOP_POLL_MS = 20

export interface ProxySupervisorOptions {
  /** Executable and arguments of the keeper; `--dir <folder>` is added. */
  readonly keeperCommand: readonly string[]
  /** Executable and arguments of a proxy; `--name <id>` is added. */
  readonly command: readonly string[]
  /** Absolute. Logs and state live under `<dataDir>/proxy`. */
  readonly dataDir: string
  readonly count: number
  /** Of this program: proxies that run another one are replaced. */
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends the watching; keeper and proxies live on. */
  readonly signal: AbortSignal
}

export interface ProxySupervisor {
  /** The proxies that there are now, leaving ones included. */
  readonly processes: readonly ProxyProcess[]
  readonly keeper: ProxyProcess
  /** Ends the proxies, gracefully at first; resolves when none is left. */
  stopAll(): Promise<void>
}

/** The proxies that an earlier control plane left running. */
export function livingProxies(dataDir: string): readonly ProxyProcess[] {
  return readProcesses(stateFiles(join(dataDir, 'proxy')).proxies).filter(isRunning)
}

/** Ends the keeper and the proxies of a control plane that has gone without them; says which. The data directory must be locked. */
export async function endProxiesLeftBehind(dataDir: string, clock: Clock): Promise<readonly string[]> {
  const { keeper } = stateFiles(join(dataDir, 'proxy'))
  const living = (): readonly ProxyProcess[] => [...readProcesses(keeper).filter(isRunning), ...livingProxies(dataDir)]
  const names = living().map(({ id, pid }) => `${id} (process ${pid})`)
  await endAll(living, clock)
  return names
}

/** The keeper comes first: it would replace proxies that end by themselves. */
async function endAll(living: () => readonly ProxyProcess[], clock: Clock): Promise<void> {
  const untilMs = clock.now() + STOP_TIMEOUT_MS
  for (const each of living()) signalProxy(each, 'SIGTERM')
  while (living().length > 0 && clock.now() < untilMs) await sleep(clock, STOP_POLL_MS)
  for (const each of living()) signalProxy(each, 'SIGKILL')
  while (living().length > 0) await sleep(clock, STOP_POLL_MS)
}

/** A keeper runs when it returns; the proxies connect to the control link by themselves. */
export function startProxySupervisor(options: ProxySupervisorOptions): ProxySupervisor {
  return new Supervisor(options)
}

class Supervisor implements ProxySupervisor {
  readonly #options: ProxySupervisorOptions
  readonly #folder: string
  readonly #files: StateFiles
  #keeper: ProxyProcess
  #startedMs: number
  /** Whether the next control plane will find the keeper. */
  #isKnown = true
  #failures = 0
  #retryAtMs: number | undefined
  #watch: Timer | null = null
  #isStopping = false

  constructor(options: ProxySupervisorOptions) {
    this.#options = options
    this.#folder = join(options.dataDir, 'proxy')
    this.#files = stateFiles(this.#folder)
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    this.#startedMs = options.clock.now()
    this.#keeper = this.#adopt() ?? this.#spawn()
    options.signal.addEventListener('abort', () => this.#watch?.cancel(), { once: true })
    this.#scheduleWatch()
  }

  get processes(): readonly ProxyProcess[] {
    return livingProxies(this.#options.dataDir)
  }

  get keeper(): ProxyProcess {
    return this.#keeper
  }

  async stopAll(): Promise<void> {
    this.#isStopping = true
    this.#watch?.cancel()
    await endAll(() => this.#all(), this.#options.clock)
    this.#write(this.#files.proxies, [])
    rmSync(this.#files.keeper, { force: true })
  }

  #all(): readonly ProxyProcess[] {
    return [this.#keeper, ...this.processes].filter(isRunning)
  }

  /** One that runs something else is told what to run instead. */
  #adopt(): ProxyProcess | undefined {
    const { command, count, version, log } = this.#options
    const order: Order = { version, command, count }
    const isNew = writeOrder(this.#files, order)
    const keeper = readProcesses(this.#files.keeper).find(isRunning)
    if (keeper === undefined) return undefined
    log.info('adopted the keeper of the proxies', { pid: keeper.pid })
    // Of one name the newest comes last; older ones only finish what they have begun.
    const newest = new Map(this.processes.map((proxy) => [proxy.id, proxy]))
    const isOutdated = [...newest.values()].some((proxy) => proxy.version !== version)
    if (isNew || isOutdated) signalProxy(keeper, 'SIGHUP')
    return keeper
  }

  #spawn(): ProxyProcess {
    const { keeperCommand, version, clock, log } = this.#options
    const logFile = openSync(join(this.#folder, 'keeper.log'), 'a', 0o600)
    try {
      const command = [...keeperCommand, '--dir', this.#folder]
      const keeper = spawnProxy({ id: 'keeper', version, command, logFile, onExit: () => this.#onExit() })
      this.#isKnown = this.#write(this.#files.keeper, [keeper])
      this.#startedMs = clock.now()
      this.#retryAtMs = undefined
      log.info('started the keeper of the proxies', { pid: keeper.pid })
      return keeper
    } finally {
      closeSync(logFile)
    }
  }

  /** Says whether it could: what runs is not given up because the disk is full. */
  #write(path: string, processes: readonly ProxyProcess[]): boolean {
    try {
      writeProcesses(path, processes)
      return true
    } catch (error) {
      if (this.#isKnown) this.#options.log.error('cannot write down which proxies there are', { path, error })
      return false
    }
  }

  #scheduleWatch(): void {
    if (this.#isEnding()) return
    this.#watch = this.#options.clock.after(WATCH_INTERVAL_MS, () => this.#replaceDead(), { unref: true })
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
    if (!isRunning(this.#keeper)) {
      const nowMs = this.#options.clock.now()
      this.#retryAtMs ??= this.#noteDeath(nowMs)
      if (nowMs >= this.#retryAtMs) this.#respawn(nowMs)
    } else if (!this.#isKnown) {
      this.#isKnown = this.#write(this.#files.keeper, [this.#keeper])
    }
    this.#scheduleWatch()
  }

  /** When to start it again: at once, unless it keeps dying. */
  #noteDeath(nowMs: number): number {
    const { log, random } = this.#options
    if (nowMs - this.#startedMs >= HEALTHY_AFTER_MS) this.#failures = 0
    const delayMs = this.#failures === 0 ? 0 : backoffMs(RESTART_BACKOFF, this.#failures - 1, random)
    this.#failures++
    log.error('the keeper of the proxies died', { pid: this.#keeper.pid, logs: join(this.#folder, 'keeper.log') })
    return nowMs + delayMs
  }

  #respawn(nowMs: number): void {
    try {
      this.#keeper = this.#spawn()
    } catch (error) {
      this.#options.log.error('cannot start the keeper of the proxies', { error: messageOf(error) })
      this.#retryAtMs = nowMs + RESTART_BACKOFF.maxMs
    }
  }
}

/**
 * The main part of the process that keeps the proxies of `sluice up`: it starts them, replaces them, and holds their
 * listening sockets. It outlives control, so that neither control's end nor an update of Sluice closes a port. What to run
 * is written in a file by control.
 */
import { closeSync, openSync, renameSync, statSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { identityOf, isRunning } from '../base/process-identity.ts'
import type { Random } from '../base/random.ts'

import { signalProxy } from './supervisor/proxy-process.ts'
import type { ProxyProcess } from './supervisor/proxy-process.ts'
import { readOrder, readProcesses, stateFiles, writeProcesses } from './supervisor/state-file.ts'
import type { Order, StateFiles } from './supervisor/state-file.ts'
import { WorkerGroup } from './worker-group.ts'

/** What a proxy itself waits for requests in flight. */
const DRAIN_TIMEOUT_MS = 4_000
/** The log is renamed to `.1` above this when its proxy is started. */
const LOG_BYTES_MAX = 8 * 1024 * 1024
/** From a list that could not be written to the next attempt. */
const SAVE_RETRY_MS = 1_000

export interface KeeperOptions {
  /** Where order, state and logs are. */
  readonly folder: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends the proxies, then the promise resolves. */
  readonly signal: AbortSignal
  /** Calls back when the order has changed. */
  readonly onHangup: (listener: () => void) => void
}

/** Starts what the order in its folder says, and what it says after each hangup; resolves when the signal has ended all proxies. */
export async function runKeeper(options: KeeperOptions): Promise<void> {
  const keeper = new Keeper(options)
  options.onHangup(() => keeper.obey())
  await aborted(options.signal)
  await keeper.stop()
}

class Keeper {
  readonly #options: KeeperOptions
  readonly #files: StateFiles
  /** By pid, of our own. */
  readonly #known = new Map<number, ProxyProcess>()
  /** Proxies of a keeper that died: they serve until those that are started here take over. */
  readonly #orphans: readonly ProxyProcess[]
  #order: Order
  readonly #group: WorkerGroup
  #saving: Timer | undefined

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#files = stateFiles(options.folder)
    this.#order = readOrder(this.#files)
    const wanted = new Set(Array.from({ length: this.#order.count }, (_, place) => nameOf(place)))
    this.#orphans = readProcesses(this.#files.proxies).filter(isRunning)
    for (const orphan of this.#orphans.filter(({ id }) => !wanted.has(id))) signalProxy(orphan, 'SIGTERM')
    this.#group = new WorkerGroup({
      ...options,
      ...this.#order,
      nameOf,
      openOutput: (name) => this.#openOutput(join(options.folder, `${name}.log`)),
      drainTimeoutMs: DRAIN_TIMEOUT_MS,
      onChange: () => queueMicrotask(() => this.#save()),
    })
  }

  /** Reads the order again and replaces the proxies by what it says. */
  obey(): void {
    const order = this.#readOrder()
    if (order === undefined) return
    this.#options.log.info('proxies are replaced', { version: order.version, was: this.#order.version })
    this.#order = order
    this.#group.run(order)
  }

  async stop(): Promise<void> {
    for (const orphan of this.#orphans) signalProxy(orphan, 'SIGTERM')
    await this.#group.stop()
    this.#saving?.cancel()
    this.#save()
    this.#saving?.cancel()
  }

  #readOrder(): Order | undefined {
    try {
      return readOrder(this.#files)
    } catch (error) {
      this.#options.log.error('cannot obey', { error: messageOf(error) })
      return undefined
    }
  }

  /** No proxy is worth less than its log. */
  #openOutput(path: string): { readonly fd: number; close(): void } {
    try {
      return openLog(path)
    } catch (error) {
      this.#options.log.error('cannot open the log of a proxy', { path, error: messageOf(error) })
      return openLog(devNull)
    }
  }

  #save(): void {
    this.#saving?.cancel()
    try {
      this.#write()
    } catch (error) {
      this.#options.log.error('cannot write down which proxies there are', { error: messageOf(error) })
      this.#saving = this.#options.clock.after(SAVE_RETRY_MS, () => this.#save(), { unref: true })
    }
  }

  #write(): void {
    const proxies = this.#group.processes.flatMap(({ name: id, pid }) => this.#identify(id, pid) ?? [])
    writeProcesses(this.#files.proxies, [...this.#orphans.filter(isRunning), ...proxies])
  }

  /** The version is that of the order under which it was first seen. */
  #identify(id: string, pid: number): ProxyProcess | undefined {
    const known = this.#known.get(pid)
    if (known !== undefined) return known
    const identity = identityOf(pid)
    if (identity === undefined) return undefined
    const proxy = { id, ...identity, version: this.#order.version }
    this.#known.set(pid, proxy)
    this.#options.log.info('started proxy', { proxy: id, pid })
    return proxy
  }
}

function nameOf(place: number): string {
  return `proxy-${place}`
}

function openLog(path: string): { readonly fd: number; close(): void } {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX) renameSync(path, `${path}.1`)
  const fd = openSync(path, 'a', 0o600)
  return { fd, close: () => closeSync(fd) }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/**
 * The processes of one data plane: each has a place, is replaced at once when it dies, and all are ended together. Their
 * listening sockets are held here, so no client notices that a process was replaced.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

import { backoffMs } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'

import type { ToHolder } from './listening/holder-protocol.ts'
import { canHoldSockets, SocketHolder } from './listening/socket-holder.ts'
import { canSharePorts } from './shared-port.ts'

/** Short, whatever ended it: clients wait meanwhile. */
const RESTART_BACKOFF = { initialMs: 100, maxMs: 1_000 }
/** A worker that lived so long had no trouble starting. */
const HEALTHY_AFTER_MS = 10_000
/** How often a worker must have said that its event loop turns; so many times in a row it may not. */
const ALIVE_CHECK_MS = 1_000
const SILENT_CHECKS_MAX = 10
/** What a worker may take beyond its drain to end. */
const STOP_GRACE_MS = 1_000

/** What the places are filled with. */
export interface Workload {
  /** Executable and arguments; those of the place are added. */
  readonly command: readonly string[]
  readonly count: number
}

export interface WorkerGroupOptions extends Workload {
  readonly nameOf: (place: number) => string
  /** Where the worker's output goes: a file descriptor of its own, closed after the start, or this process's stderr. */
  readonly openOutput?: (name: string) => { readonly fd: number; close(): void }
  /** Workers that have not ended so long after they were told to are killed. */
  readonly drainTimeoutMs: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** A worker was started or is gone. */
  readonly onChange?: () => void
}

/** How a worker is told that its sockets are held for it, and what it does where they cannot be. */
export function socketFlags(platform: NodeJS.Platform): readonly string[] {
  return [...(canHoldSockets() ? ['--lent-sockets'] : []), ...(canSharePorts(platform) ? ['--reuse-port'] : [])]
}

interface Place {
  readonly index: number
  child: ChildProcess | undefined
  startedMs: number
  failures: number
  restart: Timer | undefined
}

/** Its workers start with it; they end by `stop` only. */
export class WorkerGroup {
  readonly #options: WorkerGroupOptions
  readonly #holder: SocketHolder
  #command: readonly string[] = []
  #places: Place[] = []
  /** All that have not ended, by name the newest last. */
  readonly #living = new Map<ChildProcess, string>()
  /** Of those that have ever said that they live: how many checks ago. */
  readonly #silent = new Map<ChildProcess, number>()
  #checking: Timer
  #isStopping = false

  constructor(options: WorkerGroupOptions) {
    this.#options = options
    this.#holder = new SocketHolder(options.count, {
      sharesPorts: canSharePorts(process.platform),
      onLeaving: (child) => this.#onLeaving(child),
    })
    this.run(options)
    this.#checking = this.#scheduleCheck()
  }

  /** Those that still end included. */
  get processes(): readonly { readonly name: string; readonly pid: number }[] {
    return [...this.#living].flatMap(([{ pid }, name]) => (pid === undefined ? [] : [{ name, pid }]))
  }

  /**
   * Starts workers of another command or number. Those that were there serve on beside them; whoever publishes to them
   * ends them once the new ones have taken over. Surplus ones are ended here.
   */
  run({ command, count }: Workload): void {
    if (this.#isStopping) return
    this.#command = command
    this.#holder.places = count
    const before = this.#places
    for (const { restart } of before) restart?.cancel()
    for (const { child } of before.slice(count)) child?.kill('SIGTERM')
    this.#places = Array.from({ length: count }, (_, index) => newPlace(index))
    for (const place of this.#places) this.#start(place)
  }

  /** Lets the workers drain; resolves when none is left. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#checking.cancel()
    // From now on clients are refused, and find another data plane at once.
    this.#holder.close()
    const children = [...this.#living.keys()]
    for (const { restart } of this.#places) restart?.cancel()
    const ended = Promise.all(children.map(untilEnded))
    for (const child of children) child.kill('SIGTERM')
    const late = this.#options.clock.after(this.#options.drainTimeoutMs + STOP_GRACE_MS, () => {
      for (const child of children) child.kill('SIGKILL')
    })
    await ended
    late.cancel()
  }

  /** In a session of its own: signals from the terminal are for the group, which passes on what concerns the workers. */
  #start(place: Place): void {
    const { clock, nameOf, openOutput } = this.#options
    const [executable = '', ...args] = this.#command
    const name = nameOf(place.index)
    const output = openOutput?.(name)
    const child = spawn(executable, [...args, '--name', name], {
      detached: true,
      stdio: ['ignore', output?.fd ?? 'inherit', output?.fd ?? 'inherit', 'ipc'],
    })
    output?.close()
    this.#living.set(child, name)
    place.child = child
    place.startedMs = clock.now()
    place.restart = undefined
    this.#holder.serve(child, place.index)
    child.on('message', (message) => this.#onMessage(child, message as ToHolder))
    // A process that could not be started emits no 'exit'.
    child.once('error', (error) => this.#onEnded(place, child, { error }))
    child.once('exit', (code, signal) => this.#onEnded(place, child, { code, signal }))
    this.#options.onChange?.()
  }

  #onMessage(child: ChildProcess, { kind }: ToHolder): void {
    if (kind === 'alive') this.#silent.set(child, 0)
  }

  #scheduleCheck(): Timer {
    return this.#options.clock.after(ALIVE_CHECK_MS, () => this.#check(), { unref: true })
  }

  /** By checks, not by time: a machine that slept has not been served badly by its workers. */
  #check(): void {
    for (const [child, checks] of this.#silent) {
      this.#silent.set(child, checks + 1)
      if (checks < SILENT_CHECKS_MAX) continue
      const silentMs = checks * ALIVE_CHECK_MS
      this.#options.log.error('worker hangs', { worker: this.#living.get(child), pid: child.pid, silentMs })
      child.kill('SIGKILL')
    }
    this.#checking = this.#scheduleCheck()
  }

  /** It drains; its successor need not wait for that. */
  #onLeaving(child: ChildProcess): void {
    const place = this.#places.find((each) => each.child === child)
    if (place === undefined || this.#isStopping) return
    this.#options.log.info('worker leaves', { worker: this.#living.get(child), pid: child.pid })
    this.#start(place)
  }

  #onEnded(place: Place, child: ChildProcess, how: Readonly<Record<string, unknown>>): void {
    const { clock, random, log, nameOf } = this.#options
    this.#living.delete(child)
    this.#silent.delete(child)
    this.#options.onChange?.()
    // It had been replaced, or its place is gone.
    if (this.#isStopping || place.child !== child || !this.#places.includes(place)) return
    place.child = undefined
    place.failures = clock.now() - place.startedMs >= HEALTHY_AFTER_MS ? 0 : place.failures + 1
    const delayMs = place.failures <= 1 ? 0 : backoffMs(RESTART_BACKOFF, place.failures - 2, random)
    log.error('worker died', { worker: nameOf(place.index), pid: child.pid, ...how })
    place.restart = clock.after(delayMs, () => this.#start(place))
  }
}

function newPlace(index: number): Place {
  return { index, child: undefined, startedMs: 0, failures: 0, restart: undefined }
}

function untilEnded(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
}

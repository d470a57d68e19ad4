/** The processes of a data plane that runs alone: N of them, each replaced at once when it dies, all ended together. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

import { backoffMs } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'

const RESTART_BACKOFF = { initialMs: 100, maxMs: 10_000 }
/** A worker that lived so long had no trouble starting. */
const HEALTHY_AFTER_MS = 10_000
/** What a worker may take beyond its drain to end. */
const STOP_GRACE_MS = 1_000

export interface WorkerGroupOptions {
  /** Executable and arguments; `--name worker-<n>` is added. */
  readonly command: readonly string[]
  readonly count: number
  /** Workers that have not ended so long after they were told to are killed. */
  readonly drainTimeoutMs: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

interface Place {
  readonly name: string
  child: ChildProcess | undefined
  startedMs: number
  failures: number
  restart: Timer | undefined
}

export class WorkerGroup {
  readonly #options: WorkerGroupOptions
  readonly #places: readonly Place[]
  #isStopping = false

  constructor(options: WorkerGroupOptions) {
    this.#options = options
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      name: `worker-${index}`,
      child: undefined,
      startedMs: 0,
      failures: 0,
      restart: undefined,
    }))
    for (const place of this.#places) this.#start(place)
  }

  /** Lets the workers drain; resolves when none is left. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const children = this.#places.flatMap(({ child }) => child ?? [])
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
    const { command, clock } = this.#options
    const [executable = '', ...args] = command
    const child = spawn(executable, [...args, '--name', place.name], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    place.child = child
    place.startedMs = clock.now()
    place.restart = undefined
    // A process that could not be started emits no 'exit'.
    child.once('error', (error) => this.#onEnded(place, { error }))
    child.once('exit', (code, signal) => this.#onEnded(place, { code, signal }))
  }

  #onEnded(place: Place, how: Readonly<Record<string, unknown>>): void {
    const { clock, random, log } = this.#options
    const pid = place.child?.pid
    place.child = undefined
    if (this.#isStopping || place.restart !== undefined) return
    place.failures = clock.now() - place.startedMs >= HEALTHY_AFTER_MS ? 0 : place.failures + 1
    const delayMs = place.failures <= 1 ? 0 : backoffMs(RESTART_BACKOFF, place.failures - 2, random)
    log.error('worker died', { worker: place.name, pid, ...how })
    place.restart = clock.after(delayMs, () => this.#start(place))
  }
}

function untilEnded(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
}

/**
 * Looks after the logs of running containers: notes when they are written, and moves a log that became too long out
 * of the way. The programs append to the files themselves and know nothing of it, so that they need nobody to read a pipe.
 */
import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import type { Clock, Timer } from '../../base/clock.ts'
import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { LogLayout, rotatedFile } from './log-layout.ts'
import { LogWatch } from './log-watch.ts'

/** A log is rotated beyond this size; with the rotated file a container keeps up to twice as much (kubelet: 10Mi). */
const LOG_BYTES_MAX = 10 * 1024 * 1024
/** So do its times: a program that writes a byte at a time has more of them than of the log. */
const TIMES_BYTES_MAX = 4 * 1024 * 1024
/** Between looks for logs that are too long; what was observed is written then too. */
const LOOK_EVERY_MS = 1000
const COPY_BYTES = 64 * 1024

interface LogLimits {
  readonly logBytesMax: number
  readonly timesBytesMax: number
}

interface KeptLog {
  readonly layout: LogLayout
  readonly watch: LogWatch
}

export class LogKeeper {
  readonly #clock: Clock
  readonly #log: Log
  readonly #limits: LogLimits
  readonly #kept = new Map<string, KeptLog>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(clock: Clock, log: Log, limits: Partial<LogLimits> = {}) {
    this.#clock = clock
    this.#log = log
    this.#limits = { logBytesMax: LOG_BYTES_MAX, timesBytesMax: TIMES_BYTES_MAX, ...limits }
  }

  /** `files` tells the logs of the containers that run now. */
  start(files: () => readonly string[], signal: AbortSignal): void {
    const look = (): void => {
      if (this.#isStopped || signal.aborted) return
      void this.look(files()).finally(() => {
        this.#timer = this.#clock.after(LOOK_EVERY_MS, look, { unref: true })
      })
    }
    signal.addEventListener('abort', () => this.stop(), { once: true })
    look()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const { layout, watch } of this.#kept.values()) {
      watch.close()
      layout.observe(this.#clock.now())
      this.#flush(layout)
    }
  }

  /** The layout of a log; those of ended containers are read from disk. */
  layout(file: string): LogLayout {
    return this.#kept.get(file)?.layout ?? new LogLayout(file)
  }

  /** A container begins to write this log, or was found to do so. */
  track(file: string): void {
    if (this.#isStopped || this.#kept.has(file)) return
    const layout = new LogLayout(file)
    const observe = (): boolean => layout.observe(this.#clock.now())
    const watch = new LogWatch({ file, clock: this.#clock, observe, quiet: () => this.#flush(layout) })
    this.#kept.set(file, { layout, watch })
  }

  /** One round over the logs of running containers. */
  async look(files: readonly string[]): Promise<void> {
    const running = new Set(files)
    for (const file of running) this.track(file)
    for (const [file, { layout, watch }] of this.#kept) {
      layout.observe(this.#clock.now())
      this.#flush(layout)
      if (running.has(file)) {
        await this.#rotateIfLong(layout)
        continue
      }
      // Those were the last words of a container that has ended.
      watch.close()
      this.#kept.delete(file)
    }
  }

  /** What a disk that is full does not take waits for the next round. */
  #flush(layout: LogLayout): void {
    try {
      layout.flush()
    } catch (error) {
      // Without its folder the pod was deleted with its files.
      if (codeOf(error) !== 'ENOENT') this.#log.debug('times of a log not written', { file: layout.file, error })
    }
  }

  async #rotateIfLong(layout: LogLayout): Promise<void> {
    const { file, timesBytes } = layout
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    if (size <= this.#limits.logBytesMax && timesBytes <= this.#limits.timesBytesMax) return
    try {
      await copyFile(file, rotatedFile(file))
      layout.rotated(finishCopy(file))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#log.warn('log not rotated', { file, error })
    }
  }
}

/**
 * Copies what was written meanwhile, and empties the log at once after: only what a program writes between these two
 * system calls is lost. Programs append (O_APPEND), so they go on at the new beginning.
 */
function finishCopy(file: string): number {
  const from = openSync(file, 'r+')
  const to = openSync(rotatedFile(file), 'r+')
  try {
    let position = statSync(rotatedFile(file)).size
    const buffer = Buffer.allocUnsafe(COPY_BYTES)
    for (let length = 1; length > 0;) {
      length = readSync(from, buffer, 0, COPY_BYTES, position)
      if (length > 0) position += writeSync(to, buffer, 0, length, position)
    }
    ftruncateSync(from, 0)
    return position
  } finally {
    closeSync(from)
    closeSync(to)
  }
}

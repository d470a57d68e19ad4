/**
 * Looks after the logs of running containers: notes when they grow, and moves a log that became too long out of the
 * way. The programs append to the files themselves and know nothing of it, so that they need nobody to read a pipe.
 */
import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import type { Clock, Timer } from '../../base/clock.ts'
import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { LogLayout, rotatedFile } from './log-layout.ts'

/** A log is rotated beyond this size; with the rotated file a container keeps up to twice as much (kubelet: 10Mi). */
const LOG_BYTES_MAX = 10 * 1024 * 1024
/** The resolution of `--timestamps` and `--since`. */
const LOOK_EVERY_MS = 1000
const COPY_BYTES = 64 * 1024

export class LogKeeper {
  readonly #clock: Clock
  readonly #log: Log
  readonly #bytesMax: number
  readonly #layouts = new Map<string, LogLayout>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(clock: Clock, log: Log, bytesMax = LOG_BYTES_MAX) {
    this.#clock = clock
    this.#log = log
    this.#bytesMax = bytesMax
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
  }

  /** The layout of a log; forgotten ones are read from disk. */
  layout(file: string): LogLayout {
    return this.#layouts.get(file) ?? new LogLayout(file)
  }

  /** One round over the logs of running containers. */
  async look(files: readonly string[]): Promise<void> {
    const running = new Set(files)
    for (const file of running) if (!this.#layouts.has(file)) this.#layouts.set(file, new LogLayout(file))
    for (const [file, layout] of this.#layouts) {
      this.#observe(file, layout)
      if (running.has(file)) await this.#rotateIfLong(file)
      // Those were the last words of a container that has ended.
      else this.#layouts.delete(file)
    }
  }

  #observe(file: string, layout: LogLayout): void {
    try {
      layout.observe(this.#clock.now())
    } catch (error) {
      // The pod was deleted with its files.
      if (codeOf(error) !== 'ENOENT') this.#log.warn('log not observed', { file, error })
    }
  }

  async #rotateIfLong(file: string): Promise<void> {
    const layout = this.#layouts.get(file)
    if (layout === undefined || (statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= this.#bytesMax) return
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

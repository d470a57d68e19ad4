/** When a file on disk has become another one: written to, replaced, linked elsewhere, deleted, there again. */
import { watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../base/clock.ts'
import { codeOf } from '../base/errors.ts'

/** Writers write in several steps: the file has changed when it has been as it is for so long. */
const QUIET_MS = 50
/** From what the system tells of the folder to a look at the file; the folder may be a busy one. */
const WAKE_MS = 20
/** What the system does not tell of (a link to elsewhere, a folder in the place of the watched one) is seen within this. */
const LOOK_INTERVAL_MS = 1_000

export interface FileWatchOptions {
  /** Absolute path. */
  readonly file: string
  readonly clock: Clock
  /** The stamp of the file as it was read last. */
  readonly known: () => string
  /** Whether reading it again could help though it is the same: asked at every interval. */
  readonly isDue: () => boolean
  readonly onChange: () => void
  readonly signal: AbortSignal
}

/** Calls `onChange` when the file is another one than the known, until the signal aborts. */
export function watchFile(options: FileWatchOptions): void {
  new FileWatch(options).start()
}

/** Another text, another stamp; of a file that cannot be looked at, why. */
export async function stampOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(file)
    return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch (error) {
    return codeOf(error) ?? 'unknown'
  }
}

class FileWatch {
  readonly #options: FileWatchOptions
  #timer: Timer | undefined
  #isWaiting = false
  /** Of the last look, where it was not the known one. */
  #next: string | undefined

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  start(): void {
    const { file, signal } = this.#options
    signal.addEventListener('abort', () => this.#timer?.cancel(), { once: true })
    try {
      // The folder: a new file comes in the old one's place, and Kubernetes swaps a link beside it.
      const watcher = watch(dirname(file), { signal }, () => this.#wake())
      watcher.on('error', () => watcher.close())
    } catch {
      // The system watches no more folders for us: the interval does.
    }
    this.#lookAfter(0, false)
  }

  #wake(): void {
    if (!this.#isWaiting) return
    this.#timer?.cancel()
    this.#lookAfter(WAKE_MS, false)
  }

  /** `isTick`: the interval is over. */
  #lookAfter(delayMs: number, isTick: boolean): void {
    const { clock, signal } = this.#options
    if (signal.aborted) return
    this.#isWaiting = isTick
    this.#timer = clock.after(delayMs, () => {
      this.#isWaiting = false
      void this.#look(isTick)
    })
  }

  async #look(isTick: boolean): Promise<void> {
    const { file, known, isDue, onChange, signal } = this.#options
    const stamp = await stampOf(file)
    if (signal.aborted) return
    const isKnown = stamp === known()
    const isQuiet = stamp === this.#next
    this.#next = isKnown || isQuiet ? undefined : stamp
    if (isKnown ? isTick && isDue() : isQuiet) onChange()
    if (this.#next === undefined) this.#lookAfter(LOOK_INTERVAL_MS, true)
    else this.#lookAfter(QUIET_MS, false)
  }
}

/**
 * Notices when a log grows. The kernel tells of the first write (inotify); after it the log is looked at at short
 * intervals until it is quiet again, so that a program that writes a lot costs no more than those looks.
 */
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import type { Clock, Timer } from '../../base/clock.ts'

/** A line's time is at most this much later than its own, while control has time to look. */
const LOOK_EVERY_MS = 20
/** So many looks in a row without a new byte, and the kernel is asked again. */
const QUIET_LOOKS = 5

export interface LogWatchOptions {
  readonly file: string
  readonly clock: Clock
  /** Looks at the log. True if it has grown. Must not throw. */
  readonly observe: () => boolean
  /** The log has stopped growing for now. Must not throw. */
  readonly quiet: () => void
}

export class LogWatch {
  readonly #options: LogWatchOptions
  #watcher: FSWatcher | undefined
  #timer: Timer | undefined
  #quietLooks = 0
  #isClosed = false

  constructor(options: LogWatchOptions) {
    this.#options = options
    this.#look()
  }

  close(): void {
    this.#isClosed = true
    this.#watcher?.close()
    this.#timer?.cancel()
  }

  #look(): void {
    if (this.#isClosed) return
    this.#watcher?.close()
    this.#watcher = undefined
    this.#quietLooks = this.#options.observe() ? 0 : this.#quietLooks + 1
    if (this.#quietLooks >= QUIET_LOOKS) this.#rest()
    else this.#timer = this.#options.clock.after(LOOK_EVERY_MS, () => this.#look(), { unref: true })
  }

  #rest(): void {
    this.#options.quiet()
    try {
      this.#watcher = watch(this.#options.file, { persistent: false }, () => this.#wake())
      this.#watcher.once('error', () => this.close())
    } catch {
      // The file is gone, or the machine's watches are used up: what looks once a second is enough then.
      return
    }
    // What was written before the watch began tells nobody.
    if (this.#options.observe()) this.#wake()
  }

  #wake(): void {
    this.#quietLooks = 0
    this.#look()
  }
}

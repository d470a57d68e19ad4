/** Who reads logs now: the files of a pod that was deleted stay until its readers have had the last lines. */
import type { Clock, Timer } from '../../base/clock.ts'

/** A reader that takes longer (a client that does not read on) gets no more. */
const LAST_READ_MS_MAX = 10_000

interface Removal {
  readonly remove: () => void
  readonly timer: Timer
}

export class LogReaders {
  readonly #clock: Clock
  /** Readers by the pod's folder. */
  readonly #counts = new Map<string, number>()
  readonly #removals = new Map<string, Removal>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Passes the chunks on; they come from this folder. */
  async *read(folder: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#counts.set(folder, (this.#counts.get(folder) ?? 0) + 1)
    try {
      yield* chunks
    } finally {
      this.#leave(folder)
    }
  }

  /** Runs `remove` once nobody reads from the folder: at once if nobody does. */
  whenUnread(folder: string, remove: () => void): void {
    if (!this.#counts.has(folder)) {
      remove()
      return
    }
    const timer = this.#clock.after(LAST_READ_MS_MAX, () => this.#remove(folder), { unref: true })
    this.#removals.set(folder, { remove, timer })
  }

  #leave(folder: string): void {
    const count = (this.#counts.get(folder) ?? 1) - 1
    if (count > 0) this.#counts.set(folder, count)
    else {
      this.#counts.delete(folder)
      this.#remove(folder)
    }
  }

  #remove(folder: string): void {
    const removal = this.#removals.get(folder)
    this.#removals.delete(folder)
    removal?.timer.cancel()
    removal?.remove()
  }
}

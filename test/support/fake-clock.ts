/** A clock that moves only when told: due callbacks run in order of their time, then of their creation. */
import type { Clock, Timer } from '../../src/base/clock.ts'

interface Entry {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

export class FakeClock implements Clock {
  #nowMs: number
  #order = 0
  readonly #entries = new Set<Entry>()

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const entry: Entry = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback }
    this.#entries.add(entry)
    return { cancel: () => this.#entries.delete(entry) }
  }

  /** Moves the time on, running what falls due on the way. Lets promise continuations run after each callback. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#entries.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.callback()
      await settle()
    }
    this.#nowMs = endMs
    await settle()
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#entries.size
  }

  #next(endMs: number): Entry | undefined {
    return [...this.#entries]
      .filter((entry) => entry.dueMs <= endMs)
      .toSorted((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0]
  }
}

/** One turn of the event loop: all promise continuations that are due have run. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

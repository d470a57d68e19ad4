/**
 * The controllers' queue of keys, after client-go's: a key waits at most once, is never worked on twice at the same
 * time, and is queued again when it was added while being worked on. Failures come back with exponential back-off.
 */
import { backoffMs } from './backoff.ts'
import type { BackoffOptions } from './backoff.ts'
import type { Clock, Timer } from './clock.ts'
import type { Random } from './random.ts'

export interface WorkQueueOptions {
  readonly clock: Clock
  readonly random: Random
  readonly backoff?: BackoffOptions
}

const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 5, maxMs: 30_000 }

export class WorkQueue<K extends string> {
  readonly #clock: Clock
  readonly #random: Random
  readonly #backoff: BackoffOptions
  readonly #ready: K[] = []
  readonly #dirty = new Set<K>()
  readonly #active = new Set<K>()
  readonly #delayed = new Map<K, { readonly dueMs: number; readonly timer: Timer }>()
  readonly #failures = new Map<K, number>()
  readonly #takers: ((key: K | undefined) => void)[] = []
  #closed = false

  constructor({ clock, random, backoff = DEFAULT_BACKOFF }: WorkQueueOptions) {
    this.#clock = clock
    this.#random = random
    this.#backoff = backoff
  }

  add(key: K): void {
    if (this.#closed || this.#dirty.has(key)) return
    this.#dirty.add(key)
    if (this.#active.has(key)) return
    this.#push(key)
  }

  /** Adds the key after a delay; of several delays for one key the earliest wins. */
  addAfter(key: K, delayMs: number): void {
    if (this.#closed) return
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const dueMs = this.#clock.now() + delayMs
    const waiting = this.#delayed.get(key)
    if (waiting !== undefined && waiting.dueMs <= dueMs) return
    waiting?.timer.cancel()
    const timer = this.#clock.after(delayMs, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { dueMs, timer })
  }

  /** Adds the key again after a failure, later each time. */
  retry(key: K): void {
    const attempt = this.#failures.get(key) ?? 0
    this.#failures.set(key, attempt + 1)
    this.addAfter(key, backoffMs(this.#backoff, attempt, this.#random))
  }

  /** How often the key failed since it last succeeded. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0
  }

  /** The key succeeded: its back-off starts over. */
  forget(key: K): void {
    this.#failures.delete(key)
  }

  /** The next key, when there is one; `undefined` once the queue is closed. Pair with `done`. */
  take(): Promise<K | undefined> {
    if (this.#closed) return Promise.resolve(undefined)
    const key = this.#ready.shift()
    if (key !== undefined) return Promise.resolve(this.#start(key))
    return new Promise((resolve) => {
      this.#takers.push((next) => resolve(next === undefined ? undefined : this.#start(next)))
    })
  }

  done(key: K): void {
    this.#active.delete(key)
    if (this.#dirty.has(key) && !this.#closed) this.#push(key)
  }

  close(): void {
    this.#closed = true
    for (const { timer } of this.#delayed.values()) timer.cancel()
    this.#delayed.clear()
    this.#ready.length = 0
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }

  #push(key: K): void {
    const taker = this.#takers.shift()
    if (taker === undefined) this.#ready.push(key)
    else taker(key)
  }

  #start(key: K): K {
    this.#dirty.delete(key)
    this.#active.add(key)
    return key
  }
}

/** A value that can be watched: consumers always see the latest, never a queue of history. */

export interface Watched<T> {
  readonly value: T
  /** Calls `listener` at every change (not for the current value). Returns the unsubscribe function. */
  subscribe(listener: (value: T) => void): () => void
}

export class WatchedValue<T> implements Watched<T> {
  #value: T
  readonly #listeners = new Set<(value: T) => void>()

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    const listeners = [...this.#listeners] // who subscribes during the round waits for the next change
    for (const listener of listeners) listener(value)
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** The first value, current or coming, for which `predicate` holds; rejects when `signal` aborts. */
export function untilWatched<T>(
  watched: Watched<T>,
  predicate: (value: T) => boolean,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (predicate(watched.value)) {
      resolve(watched.value)
      return
    }
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return
    }
    const stop = (): void => {
      unsubscribe()
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      stop()
      reject(signal?.reason as Error)
    }
    const unsubscribe = watched.subscribe((value) => {
      if (!predicate(value)) return
      stop()
      resolve(value)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

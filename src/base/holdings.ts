/** Values that are kept as long as somebody holds them: what goes on from one version of a configuration to the next. */

/** Gives up one hold under the key. */
interface Releasable {
  release(key: string): void
}

/** What one part of a configuration holds, to be given up together. */
export class Holdings {
  #held: (readonly [from: Releasable, key: string])[] = []

  add(from: Releasable, key: string): void {
    this.#held.push([from, key])
  }

  /** Does nothing the second time. */
  release(): void {
    const held = this.#held
    this.#held = []
    for (const [from, key] of held) from.release(key)
  }
}

/** By key, values that somebody holds. */
export class Kept<Value> implements Releasable {
  readonly #entries = new Map<string, { readonly value: Value; holders: number }>()
  readonly #onGone: (value: Value) => void

  /** `onGone`: nobody holds the value any more, and it is forgotten. */
  constructor(onGone: (value: Value) => void = () => {}) {
    this.#onGone = onGone
  }

  /** The value that is kept under the key, or a new one. */
  hold(key: string, create: () => Value, holdings: Holdings): Value {
    const entry = this.#entries.get(key) ?? { value: create(), holders: 0 }
    entry.holders++
    this.#entries.set(key, entry)
    holdings.add(this, key)
    return entry.value
  }

  release(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined || --entry.holders > 0) return
    this.#entries.delete(key)
    this.#onGone(entry.value)
  }

  *[Symbol.iterator](): IterableIterator<readonly [key: string, value: Value]> {
    for (const [key, { value }] of this.#entries) yield [key, value]
  }

  *values(): IterableIterator<Value> {
    for (const { value } of this.#entries.values()) yield value
  }
}

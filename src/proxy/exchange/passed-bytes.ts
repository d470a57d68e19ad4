/**
 * Has the buffers of bodies collected soon after they were passed on. V8 by itself waits until 64 MiB of them have come
 * together, and then goes through the whole heap; what we drop is young, and finding it costs a fraction of that.
 */

/** Of a small heap V8 thinks it full from 8 MiB more on, by the end of each collection: then it would go through all of it. */
const COLLECT_EVERY_BYTES = 6 * 1024 * 1024

export class PassedBytes {
  readonly #collect: () => void
  #bytes = 0

  constructor(collect: () => void) {
    this.#collect = collect
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < COLLECT_EVERY_BYTES) return
    this.#bytes = 0
    this.#collect()
  }
}

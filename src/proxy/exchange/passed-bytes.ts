/**
 * Has the buffers of bodies collected soon after they were passed on. V8 by itself waits until 64 MiB of them have come
 * together, and then goes through the whole heap; what we drop is young, and finding it costs a fraction of that.
 */
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024

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

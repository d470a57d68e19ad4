/** Waiting that has an end. */
import type { Clock, Timer } from '../../base/clock.ts'

/** The result of `work`, or undefined when the signal aborts first. A late failure of `work` is nobody's concern. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>()
  const stop = (): void => aborted.resolve(undefined)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await Promise.race([aborted.promise, work])
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    work.catch(() => {})
  }
}

/** A signal that aborts at a time which may still be brought forward. */
export class Deadline {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #clock: Clock
  #timer: Timer | undefined
  #endMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.signal = this.#controller.signal
  }

  /** Aborts after `delayMs` at the latest. */
  within(delayMs: number): this {
    const endMs = this.#clock.now() + delayMs
    if (endMs >= this.#endMs) return this
    this.#endMs = endMs
    this.#timer?.cancel()
    if (delayMs <= 0) this.#controller.abort()
    else this.#timer = this.#clock.after(delayMs, () => this.#controller.abort())
    return this
  }

  /** Nobody waits any more. */
  cancel(): void {
    this.#timer?.cancel()
  }
}

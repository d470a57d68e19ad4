/** The `date` field of responses (RFC 9110 §6.6.1). Its text is made once a second, for all connections of the process. */
import type { Clock } from '../../base/clock.ts'

export class DateLine {
  readonly #clock: Pick<Clock, 'now'>
  #second = -1
  #text = ''

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** The whole field of now, with its line end. */
  get text(): string {
    const second = Math.floor(this.#clock.now() / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#text = `date: ${new Date(second * 1_000).toUTCString()}\r\n`
    }
    return this.#text
  }
}

/** When the lines of one log were written, for somebody who reads it with `--timestamps` or `--since`. */
import type { Clock } from '../../base/clock.ts'
import { readMarks, rotatedFile } from './log-layout.ts'
import type { LogLayout, Mark } from './log-layout.ts'

export class LogTimes {
  readonly #layout: () => LogLayout
  readonly #clock: Clock
  #marks: Mark[] = []
  #base = -1
  #bytesRead = 0

  constructor(layout: () => LogLayout, clock: Clock) {
    this.#layout = layout
    this.#clock = clock
    this.refresh()
  }

  /** Takes in what was written until now. */
  refresh(): void {
    const layout = this.#layout()
    layout.observe(this.#clock.now())
    flush(layout)
    if (layout.base !== this.#base) {
      this.#marks = [...readMarks(rotatedFile(layout.file))]
      this.#base = layout.base
      this.#bytesRead = 0
    }
    for (const mark of readMarks(layout.file, this.#bytesRead)) this.#marks.push(mark)
    this.#bytesRead = layout.timesBytes
  }

  /** When the byte at `position` was there for sure. */
  timeAt(position: number): number {
    const { last } = this.#layout()
    const mark = this.#marks[this.#firstAfter((one) => one.position > position)] ?? last
    return mark.position > position ? mark.timeMs : this.#clock.now()
  }

  /** Everything before this position was written before `timeMs`. */
  positionAt(timeMs: number): number {
    const index = this.#firstAfter((mark) => mark.timeMs >= timeMs)
    return this.#marks[index - 1]?.position ?? 0
  }

  /** Binary search: both fields grow. */
  #firstAfter(isAfter: (mark: Mark) => boolean): number {
    let [low, high] = [0, this.#marks.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const mark = this.#marks[middle]
      if (mark !== undefined && isAfter(mark)) high = middle
      else low = middle + 1
    }
    return low
  }
}

function flush(layout: LogLayout): void {
  try {
    layout.flush()
  } catch {
    // A disk that is full: the times stay in memory, and the reader gets those that are written, and the last one.
  }
}

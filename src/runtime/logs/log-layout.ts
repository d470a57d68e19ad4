/**
 * Where the bytes of one log are, and when they were written. Positions count from the first byte ever written, across
 * rotation. Times are observed, not written into the log by the program: `times` files hold `<ms> <position>` lines,
 * meaning that everything before the position was there at that time, and `rotated <from> <base>` lines.
 */
import { appendFileSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { codeOf } from '../../base/errors.ts'

interface Observation {
  readonly timeMs: number
  readonly position: number
}

/** A stretch of the log in one file: `[start, end)`. */
export interface Segment {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** Observations kept; beyond it the resolution of old ones is halved. */
const OBSERVATIONS_MAX = 4096

export class LogLayout {
  readonly #file: string
  #observations: Observation[] = []
  /** Position of the first byte of the rotated file and of the live one; equal while nothing was rotated. */
  #rotatedFrom = 0
  #base = 0

  constructor(file: string) {
    this.#file = file
    this.#load()
  }

  /** What can be read now, oldest first. */
  segments(): readonly Segment[] {
    const live = { file: this.#file, start: this.#base, end: this.#base + sizeOf(this.#file) }
    if (this.#rotatedFrom === this.#base) return [live]
    return [{ file: rotatedFile(this.#file), start: this.#rotatedFrom, end: this.#base }, live]
  }

  /** Notes how far the log is now. */
  observe(timeMs: number): void {
    const position = this.#base + sizeOf(this.#file)
    if (position <= (this.#observations.at(-1)?.position ?? 0)) return
    this.#observations.push({ timeMs, position })
    if (this.#observations.length > OBSERVATIONS_MAX) this.#thin()
    else appendFileSync(timesFile(this.#file), `${timeMs} ${position}\n`, { mode: 0o600 })
  }

  /** The live file's content has moved to the rotated file. */
  rotated(bytes: number): void {
    this.#rotatedFrom = this.#base
    this.#base += bytes
    this.#observations = this.#observations.filter(({ position }) => position > this.#rotatedFrom)
    this.#write()
  }

  /** When the byte at `position` was there for sure. Not yet observed: `nowMs`. */
  timeAt(position: number, nowMs: number): number {
    return this.#observations[this.#firstAfter((seen) => seen.position > position)]?.timeMs ?? nowMs
  }

  /** Everything before this position was written before `timeMs`. */
  positionAt(timeMs: number): number {
    const index = this.#firstAfter((seen) => seen.timeMs >= timeMs)
    return this.#observations[index - 1]?.position ?? 0
  }

  /** Binary search: both fields grow. */
  #firstAfter(isAfter: (seen: Observation) => boolean): number {
    let [low, high] = [0, this.#observations.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const seen = this.#observations[middle]
      if (seen !== undefined && isAfter(seen)) high = middle
      else low = middle + 1
    }
    return low
  }

  #thin(): void {
    const half = this.#observations.length / 2
    this.#observations = this.#observations.filter((_, index) => index >= half || index % 2 === 1)
    this.#write()
  }

  #load(): void {
    for (const line of readText(timesFile(this.#file)).split('\n')) {
      const [first = '', second = '', third] = line.split(' ')
      if (first === 'rotated') {
        this.#rotatedFrom = Number(second)
        this.#base = Number(third)
      } else if (second !== '') this.#observations.push({ timeMs: Number(first), position: Number(second) })
    }
  }

  #write(): void {
    const file = timesFile(this.#file)
    const lines = this.#observations.map(({ timeMs, position }) => `${timeMs} ${position}\n`)
    writeFileSync(`${file}.new`, `rotated ${this.#rotatedFrom} ${this.#base}\n${lines.join('')}`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
}

export function rotatedFile(file: string): string {
  return `${file}.1`
}

function timesFile(file: string): string {
  return `${file}.times`
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
}

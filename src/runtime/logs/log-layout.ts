/**
 * Where the bytes of one log are, and when they were written. Positions count from the first byte ever written, across
 * rotation. Times are observed, not written by the program: beside each file of the log lies a `.times` file, whose
 * lines `<ms> <position>` mean that everything before the position was written by that time. The first line has the
 * position where the file begins.
 */
import { appendFileSync, closeSync, fstatSync, openSync, readSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { codeOf } from '../../base/errors.ts'

export interface Mark {
  readonly timeMs: number
  readonly position: number
}

/** A stretch of the log in one file: `[start, end)`. */
export interface Segment {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** Marks that wait for a disk that takes nothing; beyond it the oldest are given up. */
const WAITING_MAX = 4096

export class LogLayout {
  readonly file: string
  #waiting: string[] = []
  #timesBytes = 0
  /** Position of the first byte of the rotated file and of the live one; equal while nothing was rotated. */
  #rotatedFrom = 0
  #base = 0
  #last: Mark = { timeMs: 0, position: 0 }

  constructor(file: string) {
    this.file = file
    this.#load()
  }

  /** Position of the first byte of the live file: changes with each rotation. */
  get base(): number {
    return this.#base
  }

  /** How far the log was when it was last observed. */
  get last(): Mark {
    return this.#last
  }

  /** The size of the live file's times, on disk. */
  get timesBytes(): number {
    return this.#timesBytes
  }

  /** What can be read now, oldest first. */
  segments(): readonly Segment[] {
    const live = { file: this.file, start: this.#base, end: this.#base + sizeOf(this.file) }
    if (this.#rotatedFrom === this.#base) return [live]
    return [{ file: rotatedFile(this.file), start: this.#rotatedFrom, end: this.#base }, live]
  }

  /**
   * Notes how far the log is and when it was last written. The file system keeps that time, so that it is right
   * however late we look; only what was written before, since the last look, gets a later time than its own.
   * True if the log has grown.
   */
  observe(nowMs: number): boolean {
    const stat = statSync(this.file, { throwIfNoEntry: false })
    const position = this.#base + (stat?.size ?? 0)
    if (stat === undefined || position <= this.#last.position) return false
    const timeMs = Math.max(this.#last.timeMs, Math.min(nowMs, Math.ceil(stat.mtimeMs)))
    this.#last = { timeMs, position }
    this.#waiting.push(lineOf(this.#last))
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift()
    return true
  }

  /** Writes what was observed. */
  flush(): void {
    if (this.#waiting.length === 0) return
    const head = this.#timesBytes === 0 ? lineOf({ timeMs: 0, position: this.#base }) : ''
    const text = head + this.#waiting.join('')
    appendFileSync(timesFile(this.file), text, { mode: 0o600 })
    this.#waiting = []
    this.#timesBytes += text.length
  }

  /** The live file's content has moved to the rotated file. */
  rotated(bytes: number): void {
    this.flush()
    this.#rotatedFrom = this.#base
    this.#base += bytes
    if (this.#timesBytes > 0) renameSync(timesFile(this.file), timesFile(rotatedFile(this.file)))
    this.#last = { timeMs: this.#last.timeMs, position: this.#base }
    const text = lineOf(this.#last)
    writeFileSync(timesFile(this.file), text, { mode: 0o600 })
    this.#timesBytes = text.length
  }

  #load(): void {
    const rotated = rotatedFile(this.file)
    const marks = readMarks(this.file)
    const [oldest] = readMarks(rotated)
    // Without times the live file begins where the rotated one ends: a rotation was cut short at its last step.
    this.#base = marks[0]?.position ?? (oldest?.position ?? 0) + sizeOf(rotated)
    this.#rotatedFrom = oldest?.position ?? this.#base
    this.#timesBytes = sizeOf(timesFile(this.file))
    this.#last = marks.at(-1) ?? { timeMs: 0, position: this.#base }
    this.#finishRotation()
  }

  /** The control before was killed while it rotated the log. */
  #finishRotation(): void {
    const size = statSync(this.file, { throwIfNoEntry: false })?.size
    const copied = sizeOf(rotatedFile(this.file))
    // Emptied, and not yet noted.
    if (size !== undefined && this.#last.position > this.#base + size) this.rotated(copied)
    // Copied at least in part, and not yet emptied: everything is in the live file still.
    else if (this.#base - this.#rotatedFrom !== copied) this.#rotatedFrom = this.#base
  }
}

export function rotatedFile(file: string): string {
  return `${file}.1`
}

function timesFile(file: string): string {
  return `${file}.times`
}

/** The marks of one file of the log, oldest first; those from this byte of its times on. */
export function readMarks(file: string, fromByte = 0): readonly Mark[] {
  return parseMarks(readText(timesFile(file), fromByte))
}

function parseMarks(text: string): readonly Mark[] {
  return text.split('\n').flatMap((line) => {
    const [timeMs = Number.NaN, position = Number.NaN] = line.split(' ').map(Number)
    // The last line is whole, unless the machine stopped while it was written.
    return Number.isNaN(position) ? [] : [{ timeMs, position }]
  })
}

function lineOf({ timeMs, position }: Mark): string {
  return `${timeMs} ${position}\n`
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function readText(file: string, fromByte: number): string {
  try {
    const from = openSync(file, 'r')
    try {
      const buffer = Buffer.alloc(Math.max(0, fstatSync(from).size - fromByte))
      return buffer.toString('latin1', 0, readSync(from, buffer, 0, buffer.length, fromByte))
    } finally {
      closeSync(from)
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
}

/**
 * A log of lines that never holds up whoever writes it: lines are collected, appended in large pieces beside the traffic, and
 * dropped and counted where the disk does not keep up. Several processes may append to one file: each write is whole lines.
 *
 * A file that was moved away is made anew at its path within `MOVED_CHECK_MS`: rotating is `mv`, no signal needed.
 */
import { sleep } from '../../base/clock.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { codeOf, messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'

import { LineBytes } from './line-bytes.ts'
import { appendTo, closeLog, isMoved, openLog } from './open-log.ts'
import type { OpenLog } from './open-log.ts'

/** From here on a chunk is full; its last line ends behind that. */
const CHUNK_BYTES = 64 * 1024
/** For most last lines. */
const RESERVED_BYTES = CHUNK_BYTES + 4 * 1024
/** Of lines that wait for the disk; new ones are dropped beyond. */
export const LOG_WAITING_CHUNKS_MAX = 64
/** How long a line waits for others. */
export const LOG_FLUSH_INTERVAL_MS = 250
/** How often it is looked whether the file was moved away. */
export const MOVED_CHECK_MS = 1_000
/** From an error to the next try. */
const RETRY_DELAY_MS = 1_000
/** From a stream that takes no more now to the next try. */
const BUSY_DELAY_MS = 10
/** How often a stream that takes no more is asked again at the end. */
const CLOSE_TRIES_MAX = 50

export interface LogFileOptions {
  readonly path: string
  readonly clock: Clock
  readonly log: Log
  /** So many lines are lost. */
  readonly onDropped: (count: number) => void
}

interface Chunk {
  readonly lines: LineBytes
  /** Up to here lines are whole. */
  whole: number
  count: number
}

export class LogFile {
  readonly #options: LogFileOptions
  #open: OpenLog | null = null
  #filling: Chunk = emptyChunk()
  /** Full, oldest first. */
  readonly #waiting: Chunk[] = []
  #spare: Chunk | null = null
  #timer: Timer | null = null
  #writing: Promise<void> | null = null
  #movedCheckMs = 0
  /** Said once, until a write succeeds again. */
  #isFailing = false
  #isDropping = false
  #isClosing = false

  constructor(options: LogFileOptions) {
    this.#options = options
    // Opened at once, so that a path that cannot be opened is known before it is needed.
    this.#flush()
  }

  /** Where the next line goes, with its line feed; `endLine` makes it count. Null: nowhere, it is lost. */
  beginLine(): LineBytes | null {
    if (this.#filling.whole >= CHUNK_BYTES && !this.#makeRoom()) return null
    const { lines, whole } = this.#filling
    lines.used = whole
    return lines
  }

  endLine(): void {
    const chunk = this.#filling
    chunk.whole = chunk.lines.used
    chunk.count++
    if (this.#timer === null && this.#writing === null) this.#flushLater(LOG_FLUSH_INTERVAL_MS)
  }

  /** Everything written so far reaches the file, or is lost if that fails now. Write nothing after it. */
  async close(): Promise<void> {
    this.#isClosing = true
    await this.#writing
    for (let tries = 0; this.#hasLines() && !this.#isFailing && tries < CLOSE_TRIES_MAX; tries++) {
      if (tries > 0) await sleep(this.#options.clock, BUSY_DELAY_MS)
      this.#flush()
      await this.#writing
    }
    this.#timer?.cancel()
    this.#giveUp()
    const open = this.#open
    this.#open = null
    if (open !== null) await closeLog(this.#options.path, open).catch((error: unknown) => this.#fail(error))
  }

  #hasLines(): boolean {
    return this.#waiting.length > 0 || this.#filling.count > 0
  }

  /** False: there is none, and the line is lost. */
  #makeRoom(): boolean {
    if (this.#waiting.length >= LOG_WAITING_CHUNKS_MAX || this.#isClosing) {
      this.#drop(1)
      return false
    }
    this.#endChunk()
    this.#flush()
    return true
  }

  #endChunk(): void {
    if (this.#filling.count === 0) return
    this.#waiting.push(this.#filling)
    this.#filling = this.#spare ?? emptyChunk()
    this.#spare = null
  }

  #flushLater(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(
      delayMs,
      () => {
        this.#timer = null
        this.#flush()
      },
      { unref: true },
    )
  }

  #flush(): void {
    if (this.#writing !== null || (this.#isFailing && this.#timer !== null && !this.#isClosing)) return
    this.#timer?.cancel()
    this.#timer = null
    this.#writing = this.#writeAll().then((nextMs) => this.#onFlushed(nextMs))
  }

  #onFlushed(nextMs: number): void {
    this.#writing = null
    if (nextMs > 0) this.#flushLater(nextMs)
    else if (this.#hasLines()) this.#flushLater(LOG_FLUSH_INTERVAL_MS)
  }

  /** In how many ms to go on; 0: when there is more. */
  async #writeAll(): Promise<number> {
    try {
      const open = await this.#opened()
      // Where full ones wait, lines that came a moment ago have time: two chunks, in turns, are enough then.
      if (this.#waiting.length === 0 || this.#isClosing) this.#endChunk()
      for (let chunk = this.#waiting[0]; chunk !== undefined; chunk = this.#waiting[0]) {
        await this.#writeChunk(open, chunk)
        this.#waiting.shift()
        this.#reuse(chunk)
      }
      this.#isFailing = this.#isDropping = false
      return 0
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') return BUSY_DELAY_MS
      this.#fail(error)
      return RETRY_DELAY_MS
    }
  }

  /** What was written of a chunk whose end fails is not written again. */
  async #writeChunk(open: OpenLog, chunk: Chunk): Promise<void> {
    const bytes = chunk.lines.first(chunk.whole)
    let from = 0
    try {
      while (from < bytes.length) from = await appendTo(open, bytes, from)
    } catch (error) {
      chunk.lines.drop(from)
      chunk.whole -= from
      throw error
    }
  }

  #reuse(chunk: Chunk): void {
    if (chunk.lines.reserved !== RESERVED_BYTES) return
    chunk.whole = 0
    chunk.count = 0
    this.#spare = chunk
  }

  async #opened(): Promise<OpenLog> {
    const { path, clock } = this.#options
    const open = this.#open
    if (open !== null && clock.now() - this.#movedCheckMs < MOVED_CHECK_MS) return open
    this.#movedCheckMs = clock.now()
    if (open !== null && !(await isMoved(path, open))) return open
    this.#open = await openLog(path)
    if (open !== null) await closeLog(path, open)
    return this.#open
  }

  #fail(error: unknown): void {
    const { log, path } = this.#options
    if (!this.#isFailing) log.warn('cannot write the access log', { path, why: messageOf(error) })
    this.#isFailing = true
  }

  #giveUp(): void {
    if (!this.#hasLines()) return
    this.#endChunk()
    this.#drop(this.#waiting.splice(0).reduce((sum, { count }) => sum + count, 0))
  }

  #drop(count: number): void {
    const { log, path, onDropped } = this.#options
    if (!this.#isDropping) log.warn('the access log does not keep up, dropping entries', { path })
    this.#isDropping = true
    onDropped(count)
  }
}

function emptyChunk(): Chunk {
  return { lines: new LineBytes(RESERVED_BYTES), whole: 0, count: 0 }
}

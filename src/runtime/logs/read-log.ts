/** Reads one log from a position on, across rotation, and follows it while its container runs. */
import { open } from 'node:fs/promises'
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { codeOf } from '../../base/errors.ts'
import type { LogLayout, Segment } from './log-layout.ts'

const CHUNK_BYTES = 64 * 1024
const FOLLOW_POLL_MS = 100
const NEWLINE = 10

export interface Chunk {
  readonly position: number
  readonly bytes: Buffer
}

export interface FollowOptions {
  readonly layout: () => LogLayout
  /** True once nothing more will be written. */
  readonly isOver: () => boolean
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Everything from `start` to the end as it is now. */
export async function* readAvailable(layout: LogLayout, start: number): AsyncGenerator<Chunk> {
  for (const segment of layout.segments()) {
    const from = Math.max(start, segment.start)
    for (let position = from; position < segment.end;) {
      const bytes = await readBytes(segment, position, Math.min(CHUNK_BYTES, segment.end - position))
      if (bytes.length === 0) break
      yield { position, bytes }
      position += bytes.length
    }
  }
}

/** As `readAvailable`, then what comes, until the container is over or the signal aborts. */
export async function* follow(start: number, { layout, isOver, clock, signal }: FollowOptions): AsyncGenerator<Chunk> {
  let next = start
  while (!signal.aborted) {
    // Asked before reading: what was written before the end is still read.
    const isLast = isOver()
    for await (const chunk of readAvailable(layout(), next)) {
      yield chunk
      next = chunk.position + chunk.bytes.length
    }
    if (isLast) return
    await sleep(clock, FOLLOW_POLL_MS, signal).catch(() => {})
  }
}

/** The position where the last `count` lines begin. */
export async function tailPosition(layout: LogLayout, count: number): Promise<number> {
  const segments = layout.segments()
  const end = segments.at(-1)?.end ?? 0
  if (count === 0) return end
  // The newline that ends the last line is not one that begins another.
  let missing = count
  for (const segment of segments.toReversed()) {
    for (let stop = segment.end; stop > segment.start;) {
      const from = Math.max(segment.start, stop - CHUNK_BYTES)
      const bytes = await readBytes(segment, from, stop - from)
      for (let index = bytes.length - 1; index >= 0; index--) {
        if (bytes[index] !== NEWLINE || from + index === end - 1) continue
        missing -= 1
        if (missing === 0) return from + index + 1
      }
      stop = from
    }
  }
  return segments[0]?.start ?? 0
}

async function readBytes({ file, start }: Segment, position: number, length: number): Promise<Buffer> {
  try {
    await using handle = await open(file, 'r')
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, position - start)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    // Removed with its pod: there is no more.
    if (codeOf(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

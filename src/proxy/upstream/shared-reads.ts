/**
 * Reads of many sockets into few buffers. By itself Node takes 64 KiB from the system for each read, cuts what was not needed
 * off again and leaves the rest to the garbage collector: for small messages that costs more than all that is done with them,
 * and large ones drive everything else out of the processor's cache.
 */
import type { OnReadOpts } from 'node:net'

const READ_BYTES = 64 * 1024
/** Node's pool is for what is small: its slabs grow old with the last of their parts, and cost a collection of everything. */
const POOLED_BYTES_MAX = 1024
/** Buffers that wait for the next long message. */
const FREE_MAX = 16

/** Holds nothing from one read to the next. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)
const free: Buffer[] = []

/**
 * For sockets that are made. What fits the shared buffer is copied out of it. Where more is there than one read takes, the next
 * ones go into a buffer of the socket's own, and `onData` gets that: lent, to be written to again, unless it returns true.
 */
export function sharedReads(onData: (chunk: Buffer, isLent: boolean) => boolean): OnReadOpts {
  let own: Buffer | null = null
  return {
    buffer: () => own ?? shared,
    callback(count) {
      const isFull = count === READ_BYTES
      if (own === null) {
        onData(copied(count), false)
        if (isFull) own = newBuffer()
        return true
      }
      const isKept = onData(own.subarray(0, count), true)
      if (!isKept && !isFull && free.length < FREE_MAX) free.push(own)
      if (!isFull) own = null
      else if (isKept) own = newBuffer()
      return true
    },
  }
}

function newBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES)
}

function copied(count: number): Buffer {
  const chunk = count > POOLED_BYTES_MAX ? Buffer.allocUnsafeSlow(count) : Buffer.allocUnsafe(count)
  shared.copy(chunk, 0, 0, count)
  return chunk
}

/**
 * Reads of many sockets into one buffer. By itself Node takes 64 KiB from the system for each read, cuts what was not needed
 * off again and leaves the rest to the garbage collector: for small messages that costs more than all that is done with them.
 */
import type { OnReadOpts } from 'node:net'

const READ_BYTES = 64 * 1024
/** Node's pool is for what is small: its slabs grow old with the last of their parts, and cost a collection of everything. */
const POOLED_BYTES_MAX = 1024

/** Holds nothing from one read to the next. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

/** For `net.connect`. `onData` owns what it gets. */
export function sharedReads(onData: (chunk: Buffer) => void): OnReadOpts {
  let givesAway = false
  return {
    buffer: () => (givesAway ? Buffer.allocUnsafeSlow(READ_BYTES) : shared),
    callback(count, bytes) {
      const isShared = bytes === shared
      // More is there than one read takes: what comes is given away in the buffer that it is read into, not copied.
      givesAway = count === READ_BYTES
      onData(isShared ? copied(count) : Buffer.from(bytes.buffer, bytes.byteOffset, count))
      return true
    },
  }
}

function copied(count: number): Buffer {
  const chunk = count > POOLED_BYTES_MAX ? Buffer.allocUnsafeSlow(count) : Buffer.allocUnsafe(count)
  shared.copy(chunk, 0, 0, count)
  return chunk
}

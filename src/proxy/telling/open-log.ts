/** Where the lines of a log go: a file that is appended to, or a stream of this process. */
import { close, constants, fstat, open, stat, write } from 'node:fs'
import { promisify } from 'node:util'

import { codeOf } from '../../base/errors.ts'

const openFile = promisify(open)
const closeFile = promisify(close)
const statOf = promisify(stat)
const statOfOpen = promisify(fstat)
const writeTo = promisify(write)

/** Opened by number: by their path they cannot be where they are sockets. */
const STREAMS: ReadonlyMap<string, number> = new Map([
  ['/dev/stdout', 1],
  ['/dev/stderr', 2],
])
/** Several processes may write to one pipe: up to here a write is not mixed with another's (POSIX, Linux' size). */
const PIPE_BUF_BYTES = 4_096
const LINE_FEED = 0x0a
/** A named pipe is not waited for until somebody reads it: that would hold up other files, and names of hosts. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
/** Logs are for their owner and group. */
const MODE = 0o640

export interface OpenLog {
  readonly fd: number
  /** How much goes into one write. */
  readonly writeBytesMax: number
  /** Undefined: it cannot be moved away. */
  readonly identity: string | undefined
}

export async function openLog(path: string): Promise<OpenLog> {
  const stream = STREAMS.get(path)
  const fd = stream ?? (await openFile(path, APPEND, MODE))
  const stats = await statOfOpen(fd)
  const identity = stream === undefined && stats.isFile() ? `${stats.dev} ${stats.ino}` : undefined
  return { fd, writeBytesMax: stats.isFile() ? Infinity : PIPE_BUF_BYTES, identity }
}

export async function closeLog(path: string, { fd }: OpenLog): Promise<void> {
  if (!STREAMS.has(path)) await closeFile(fd)
}

/** Whether the file that is open is no longer the one at its path. */
export async function isMoved(path: string, { identity }: OpenLog): Promise<boolean> {
  if (identity === undefined) return false
  try {
    const { dev, ino } = await statOf(path)
    return identity !== `${dev} ${ino}`
  } catch (error) {
    return codeOf(error) === 'ENOENT'
  }
}

/** Appends from `from` on; says how far it came: whole lines, where not all of it goes at once. */
export async function appendTo(log: OpenLog, bytes: Buffer, from: number): Promise<number> {
  const to = bytes.length - from <= log.writeBytesMax ? bytes.length : endOfLines(bytes, from, log.writeBytesMax)
  const { bytesWritten } = await writeTo(log.fd, bytes, from, to - from)
  return from + bytesWritten
}

/** A line that is longer goes in one piece all the same. */
function endOfLines(bytes: Buffer, from: number, bytesMax: number): number {
  const last = bytes.lastIndexOf(LINE_FEED, from + bytesMax - 1)
  const end = last >= from ? last : bytes.indexOf(LINE_FEED, from)
  return end === -1 ? bytes.length : end + 1
}

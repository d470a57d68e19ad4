/**
 * One Sluice per data directory. The lock is SQLite's own lock on a small file: the kernel gives it back when the
 * process ends in whatever way, so there is no stale lock to clean up after `kill -9`.
 */
import { chmodSync, closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf } from '../base/errors.ts'
import { identityOf } from '../base/process-identity.ts'
import type { ProcessIdentity } from '../base/process-identity.ts'

export interface DataDirLock {
  /** Idempotent. */
  release(): void
}

/** Keeps the locks open: a database that nobody refers to would be collected, and its lock with it. */
const held = new Set<DatabaseSync>()

/**
 * Creates the directory if needed and locks it until `release` or the end of the process.
 * Throws when another process (named by its pid) uses it.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'lock')
  // Made by us: SQLite would let others read it, and with a lock of theirs keep us out.
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
  const database = new DatabaseSync(path)
  const pidFile = join(dataDir, 'pid')
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw inUse(dataDir, pidFile, cause)
  }
  try {
    writePid(pidFile)
  } catch (cause) {
    database.close()
    throw new Error(`Cannot write "${pidFile}": ${messageOf(cause)}`, { cause })
  }
  held.add(database)
  return {
    release: () => {
      if (held.delete(database)) database.close()
    },
  }
}

/** The process that has the lock; undefined: none has. */
export function holderOf(dataDir: string): ProcessIdentity | undefined {
  try {
    lockDataDir(dataDir).release()
    return undefined
  } catch (error) {
    if (((error as Error).cause as { errcode?: number } | undefined)?.errcode !== SQLITE_BUSY) throw error
    return identityOf(Number(readPid(join(dataDir, 'pid'))))
  }
}

function inUse(dataDir: string, pidFile: string, cause: unknown): Error {
  if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) {
    return new Error(`Cannot lock the data directory "${dataDir}": ${(cause as Error).message}`, { cause })
  }
  return new Error(
    `Cannot use the data directory "${dataDir}": process ${readPid(pidFile)} is using it. Stop that process, or choose another directory.`,
    { cause },
  )
}

const SQLITE_BUSY = 5
/** Linux: at most 2^22. */
const PID_DIGITS_MAX = 7

/** Over the pid before, which always has the same length: so a restart on a full disk needs no room. */
function writePid(pidFile: string): void {
  const file = openSync(pidFile, constants.O_WRONLY | constants.O_CREAT, 0o600)
  try {
    writeSync(file, `${String(process.pid).padEnd(PID_DIGITS_MAX)}\n`, 0)
  } finally {
    closeSync(file)
  }
}

function readPid(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8').trim()
  } catch {
    // The other process holds the lock but has not written its pid yet.
    return '(starting)'
  }
}

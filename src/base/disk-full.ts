/** Whether a write failed because there is no room: the one failure of a disk that passes by itself. */
import { codeOf } from './errors.ts'

/** SQLite's result codes: SQLITE_FULL, and the extended ones for files beside the database that could not grow. */
const SQLITE_FULL = 13
const SQLITE_IOERR_SHMSIZE = 4874

export function isDiskFull(error: unknown): boolean {
  const code = codeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return true
  const errcode = (error as { readonly errcode?: unknown } | null)?.errcode
  return errcode === SQLITE_FULL || errcode === SQLITE_IOERR_SHMSIZE
}

/** The data directory, made and tried before anything starts, so that what is wrong with it is one clear message. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../base/errors.ts'

/** Throws when `path` is no directory that this process can write to. */
export function prepareDataDir(path: string): void {
  try {
    makeDirectory(path)
    accessSync(path, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new Error(
      `Cannot use the data directory "${path}": ${messageOf(cause)}. Choose another one with --data-dir, or correct its rights.`,
      { cause },
    )
  }
}

/**
 * One directory after the other: with `recursive: true` Node never returns where the kernel refuses with ENOENT
 * (below /proc), and names the wrong reason on a read-only file system.
 */
function makeDirectory(path: string): void {
  if (existsSync(path)) {
    if (!statSync(path).isDirectory()) throw new Error('it is not a directory')
    return
  }
  makeDirectory(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

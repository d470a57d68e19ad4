/** Files that what runs depends on: after a power cut they hold the old content or the new one, whole. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isDiskFull } from './disk-full.ts'
import { codeOf } from './errors.ts'

/** For the owner alone. */
const MODE = 0o600

/**
 * Written beside its place, synced, and renamed into it; then the folder is synced, so that the name lasts, too. Where the file has
 * this content already nothing is written: a restart on a full disk needs no room. Without room the old content stays.
 */
export function writeDurably(path: string, text: string): void {
  if (holds(path, text)) return
  try {
    writeSynced(`${path}.new`, text)
    renameSync(`${path}.new`, path)
    syncFolder(dirname(path))
  } catch (cause) {
    rmSync(`${path}.new`, { force: true })
    if (!isDiskFull(cause)) throw cause
    throw new Error(`Cannot write "${path}": the disk is full. Make room`, { cause })
  }
}

function holds(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') === text
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, 'w', MODE)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Files that what runs depends on: after a power cut they hold the old content or the new one, whole. */
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** For the owner alone. */
const MODE = 0o600

/** Written beside its place, synced, and renamed into it; then the folder is synced, so that the name lasts, too. */
export function writeDurably(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', MODE)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(`${path}.new`, path)
  syncFolder(dirname(path))
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

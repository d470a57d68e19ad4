/**
 * Which folder exactly: a path can be given to another folder, and a copy has the same content under another path. Records of
 * processes name the folder that they were written in: in a copy they are about somebody else's processes.
 */
import { realpathSync, statSync } from 'node:fs'

export interface FolderIdentity {
  /** For people; a folder that was moved is still the same one. */
  readonly path: string
  readonly device: number
  readonly inode: number
}

/** The folder must be there. */
export function folderIdentity(path: string): FolderIdentity {
  const { dev, ino } = statSync(path)
  return { path: realpathSync(path), device: dev, inode: ino }
}

export function isSameFolder(a: FolderIdentity, b: FolderIdentity): boolean {
  return a.device === b.device && a.inode === b.inode
}

/** Why a file could not be read, in words; its name is the caller's to say. */
import { codeOf, messageOf } from './errors.ts'

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is a file, not a directory',
  ELOOP: 'its symbolic links lead back to themselves',
}

export function fileProblem(error: unknown): string {
  return PROBLEMS[codeOf(error) ?? ''] ?? messageOf(error)
}

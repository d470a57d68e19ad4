/** Finds a program as execvp does, before anything is started, so that a wrong name is an error and not an exit code. */
import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'

/** The absolute path of `name`; a name with a slash is taken from `workingDir`. `undefined`: no such program. */
export function findProgram(name: string, path: string, workingDir: string): string | undefined {
  if (name.includes('/')) {
    const file = isAbsolute(name) ? name : resolve(workingDir, name)
    return isProgram(file) ? file : undefined
  }
  return path
    .split(':')
    .filter((folder) => folder !== '')
    .map((folder) => join(resolve(workingDir, folder), name))
    .find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    // Absent or not ours to run: no program.
    return false
  }
}

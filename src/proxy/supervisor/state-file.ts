/** Which proxy processes there are, on disk: what the next control plane adopts. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

import { codeOf } from '../../base/errors.ts'

import type { ProxyProcess } from './proxy-process.ts'

/** None when there is no file, or none that can be read: proxies that live unknown are told to end by the control link. */
export function readProcesses(path: string): readonly ProxyProcess[] {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(value) ? value.map(withVersion).filter(isProcess) : []
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Written whole or not at all. */
export function writeProcesses(path: string, processes: readonly ProxyProcess[]): void {
  writeFileSync(`${path}.new`, JSON.stringify(processes), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** The first releases did not write it. */
function withVersion(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? { version: '', ...value } : value
}

function isProcess(value: unknown): value is ProxyProcess {
  if (typeof value !== 'object' || value === null) return false
  const { id, pid, startTicks, bootId, version } = value as Record<keyof ProxyProcess, unknown>
  return (
    typeof id === 'string' &&
    typeof pid === 'number' &&
    typeof startTicks === 'number' &&
    typeof bootId === 'string' &&
    typeof version === 'string'
  )
}

/** What control and the keeper of its proxies tell each other on disk: what is to run, and what does. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { writeDurably } from '../../base/durable-file.ts'
import { codeOf } from '../../base/errors.ts'
import { folderIdentity, isSameFolder } from '../../base/folder-identity.ts'
import type { FolderIdentity } from '../../base/folder-identity.ts'

import type { ProxyProcess } from './proxy-process.ts'

/** What the keeper is to run. */
export interface Order {
  /** Of the program. */
  readonly version: string
  readonly command: readonly string[]
  readonly count: number
}

export interface StateFiles {
  /** Written by control. */
  readonly order: string
  readonly keeper: string
  /** Written by the keeper. */
  readonly proxies: string
}

export function stateFiles(folder: string): StateFiles {
  return {
    order: join(folder, 'order.json'),
    keeper: join(folder, 'keeper.json'),
    proxies: join(folder, 'processes.json'),
  }
}

/**
 * None when there is no file, or none that can be read: proxies that live unknown are told to end by the control link. None either
 * in a copy of the folder: they belong to the original.
 */
export function readProcesses(path: string): readonly ProxyProcess[] {
  const value = readJson(path)
  // The first releases wrote the list alone.
  if (Array.isArray(value)) return value.map(withVersion).filter(isProcess)
  const { home, processes } = (value ?? {}) as { readonly home?: FolderIdentity; readonly processes?: unknown }
  if (!Array.isArray(processes) || home === undefined) return []
  return isSameFolder(home, folderIdentity(dirname(path))) ? processes.filter(isProcess) : []
}

export function writeProcesses(path: string, processes: readonly ProxyProcess[]): void {
  writeDurably(path, JSON.stringify({ home: folderIdentity(dirname(path)), processes }))
}

export function readOrder({ order: path }: StateFiles): Order {
  const { version, command, count } = (readJson(path) ?? {}) as Partial<Order>
  if (version === undefined || command === undefined || count === undefined) {
    throw new Error(`Cannot read the order "${path}": it does not say what to run; "sluice up" writes it anew`)
  }
  return { version, command, count }
}

/** Says whether it is another one than before. */
export function writeOrder({ order: path }: StateFiles, order: Order): boolean {
  if (JSON.stringify(readJson(path)) === JSON.stringify(order)) return false
  writeDurably(path, JSON.stringify(order))
  return true
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return undefined
    throw error
  }
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

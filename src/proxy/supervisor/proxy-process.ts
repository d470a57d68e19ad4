/** One proxy process as the supervisor knows it: it may be a child, or one that an earlier control plane started. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { codeOf } from '../../base/errors.ts'

/** A pid alone is given to another process some day; with the start time, within one boot, it is not. */
export interface ProxyProcess {
  readonly id: string
  readonly pid: number
  /** Field 22 of /proc/<pid>/stat, ticks since boot. */
  readonly startTicks: number
  readonly bootId: string
  /** Of the program that it runs. */
  readonly version: string
}

export interface SpawnOptions {
  readonly id: string
  readonly version: string
  readonly command: readonly string[]
  /** File descriptor for what it prints. */
  readonly logFile: number
  readonly onExit: () => void
}

/** Starts the process in a session of its own, so that it outlives control and its terminal. */
export function spawnProxy({ id, version, command, logFile, onExit }: SpawnOptions): ProxyProcess {
  const [executable = '', ...args] = command
  const child = spawn(executable, args, { detached: true, stdio: ['ignore', logFile, logFile] })
  // Reported by way of the pid: a process that could not be started has none.
  child.on('error', () => {})
  child.on('exit', onExit)
  child.unref()
  const stat = child.pid === undefined ? undefined : statOf(child.pid)
  if (child.pid === undefined || stat === undefined) {
    throw new Error(`Cannot start proxy "${id}": "${executable}" did not run`)
  }
  return { id, pid: child.pid, startTicks: stat.startTicks, bootId: bootId(), version }
}

export function isAlive({ pid, startTicks, bootId: boot }: ProxyProcess): boolean {
  const stat = boot === bootId() ? statOf(pid) : undefined
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X'
}

export function signalProxy(proxy: ProxyProcess, signal: NodeJS.Signals): void {
  if (!isAlive(proxy)) return
  try {
    process.kill(proxy.pid, signal)
  } catch (error) {
    // It ended just now.
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

function statOf(pid: number): { readonly state: string; readonly startTicks: number } | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command name stands in parentheses and may contain anything.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', startTicks: Number(fields[19]) }
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined
    throw error
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** One proxy process as the supervisor knows it: it may be a child, or one that an earlier control plane started. */
import { spawn } from 'node:child_process'
import { codeOf } from '../../base/errors.ts'
import { identityOf, isRunning } from '../../base/process-identity.ts'
import type { ProcessIdentity } from '../../base/process-identity.ts'

export interface ProxyProcess extends ProcessIdentity {
  readonly id: string
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
  const identity = child.pid === undefined ? undefined : identityOf(child.pid)
  if (identity === undefined) throw new Error(`Cannot start proxy "${id}": "${executable}" did not run`)
  return { id, ...identity, version }
}

export function signalProxy(proxy: ProxyProcess, signal: NodeJS.Signals): void {
  if (!isRunning(proxy)) return
  try {
    process.kill(proxy.pid, signal)
  } catch (error) {
    // It ended just now.
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

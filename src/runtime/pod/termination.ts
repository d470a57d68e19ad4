/** How a container's process is told to end and how it ended, in Kubernetes' words. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import type { Exit } from '../process/launch.ts'
import type { Termination } from './record.ts'

/** Kubernetes' exit code where a program cannot be started. */
const START_ERROR_CODE = 128
/** Kubernetes' stand-in for an exit code that nobody saw. */
const UNKNOWN_EXIT_CODE = 137

export const UNKNOWN_EXIT: Exit = { kind: 'unknown' }

export function terminationOf(exit: Exit): Pick<Termination, 'exitCode' | 'signal' | 'reason' | 'message'> {
  if (exit.kind === 'unknown') {
    const message = 'The process ended while nobody watched it: it was started by an earlier run of Sluice'
    return { exitCode: UNKNOWN_EXIT_CODE, reason: 'ContainerStatusUnknown', message }
  }
  const { code, signal } = exit
  return { exitCode: code, reason: code === 0 ? 'Completed' : 'Error', ...(signal === undefined ? {} : { signal }) }
}

export function startError(message: string, startedAtMs: number, finishedAtMs: number): Termination {
  return { exitCode: START_ERROR_CODE, reason: 'StartError', message, startedAtMs, finishedAtMs, containerId: '' }
}

/** Kubernetes keeps the last 2048 bytes or 80 lines, whichever is less. */
const LAST_BYTES_MAX = 2048
const LAST_LINES_MAX = 80

/** The end of a log. */
export function lastLines(file: string): string {
  const log = openSync(file, 'r')
  try {
    const { size } = fstatSync(log)
    const buffer = Buffer.alloc(Math.min(size, LAST_BYTES_MAX))
    readSync(log, buffer, 0, buffer.length, size - buffer.length)
    const lines = buffer.toString('utf8').trimEnd().split('\n')
    return lines.slice(-LAST_LINES_MAX).join('\n')
  } finally {
    closeSync(log)
  }
}

/** The signal of the container's own choice, where the machine knows it. */
export function stopSignal(name: string | undefined): NodeJS.Signals {
  return name !== undefined && Object.hasOwn(constants.signals, name) ? (name as NodeJS.Signals) : 'SIGTERM'
}

/** Names one process of one boot of this machine. */
export function containerIdOf({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): string {
  return `process://${pid}-${startTicks}`
}

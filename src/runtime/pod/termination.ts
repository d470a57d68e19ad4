/** How a container's process ended, in Kubernetes' words. Pure. */
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

/** Names one process of one boot of this machine. */
export function containerIdOf({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): string {
  return `process://${pid}-${startTicks}`
}

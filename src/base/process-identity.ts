/**
 * Which process exactly: a pid alone is reused by the kernel, a pid with its start time is not (within one boot).
 * Linux: /proc.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { codeOf } from './errors.ts'

export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/<pid>/stat: clock ticks since boot. */
  readonly startTicks: number
  readonly bootId: string
}

export interface ProcessStat {
  readonly pid: number
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly startTicks: number
}

let cachedBootId: string | undefined

/** Changes at every boot of the machine, so that identities of an earlier boot match nothing. */
export function bootId(): string {
  cachedBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return cachedBootId
}

/** The process that has this pid now, dead ones that wait for their parent included. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid)
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks, bootId: bootId() }
}

export function isRunning({ pid, startTicks, bootId: boot }: ProcessIdentity): boolean {
  if (boot !== bootId()) return false
  const stat = statOf(pid)
  return stat !== undefined && stat.startTicks === startTicks && !isDead(stat)
}

/** Signals the process, unless its pid belongs to another one by now. */
export function signalProcess({ pid, startTicks, bootId: boot }: ProcessIdentity, signal: NodeJS.Signals): void {
  if (boot !== bootId() || statOf(pid)?.startTicks !== startTicks) return
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It has ended meanwhile, or runs as another user by now (setuid) and is not ours to signal.
    if (!['ESRCH', 'EPERM'].includes(codeOf(error) ?? '')) throw error
  }
}

/** Every process of this machine. The dead that wait for their parent are left out. */
export function runningProcesses(): readonly ProcessStat[] {
  return readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    return stat === undefined || isDead(stat) ? [] : [stat]
  })
}

function isDead({ state }: ProcessStat): boolean {
  return state === 'Z' || state === 'X'
}

/** Parses a line of /proc/<pid>/stat. The command name stands in parentheses and may contain anything. */
export function parseStat(line: string): ProcessStat | undefined {
  const nameEnd = line.lastIndexOf(')')
  if (nameEnd < 0) return undefined
  const pid = Number.parseInt(line, 10)
  const fields = line.slice(nameEnd + 2).split(' ')
  const startTicks = Number(fields[19])
  const [state, parent, group, session] = [fields[0], Number(fields[1]), Number(fields[2]), Number(fields[3])]
  const areNumbers = [pid, startTicks, parent, group, session].every(Number.isInteger)
  return areNumbers && state !== undefined ? { pid, state, parent, group, session, startTicks } : undefined
}

function statOf(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined
    throw error
  }
}

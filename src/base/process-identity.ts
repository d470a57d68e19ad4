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

interface ProcessStat {
  readonly pid: number
  readonly state: string
  readonly group: number
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

/**
 * Signals the process and everything it started, unless its pid belongs to somebody else by now. A group outlives
 * its leader, and the kernel reuses no pid that still names a group: so a pid that names no process, or still this
 * one, is safe to address as a group.
 */
export function signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (identity.bootId !== bootId()) return
  const stat = statOf(identity.pid)
  if (stat !== undefined && stat.startTicks !== identity.startTicks) return
  try {
    process.kill(-identity.pid, signal)
  } catch (error) {
    // Nobody left to signal.
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

/** True while somebody of the process's group is alive. The dead that nobody has buried yet do not count. */
export function hasGroup(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false
  const stat = statOf(identity.pid)
  if (stat !== undefined && stat.startTicks !== identity.startTicks) return false
  try {
    process.kill(-identity.pid, 0)
    return hasLivingMember(identity.pid)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
    throw error
  }
}

function hasLivingMember(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    const member = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    return member !== undefined && member.group === group && !isDead(member)
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
  const group = Number(fields[2])
  const state = fields[0]
  const areNumbers = Number.isInteger(pid) && Number.isInteger(startTicks) && Number.isInteger(group)
  return areNumbers && state !== undefined ? { pid, state, group, startTicks } : undefined
}

function statOf(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined
    throw error
  }
}

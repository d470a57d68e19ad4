/**
 * Which processes belong to a container, until pods have process namespaces of their own. Its first process leads a
 * session, and what it starts stays there unless it asks for a session of its own (setsid, a daemon). Such a process
 * is known by its parent, by the mark in the environment that it inherited, or by the container's log as its output.
 * One that has given up all four is not found.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { sleep, systemClock } from '../../base/clock.ts'
import { codeOf } from '../../base/errors.ts'
import { bootId, runningProcesses, signalProcess } from '../../base/process-identity.ts'
import type { ProcessIdentity, ProcessStat } from '../../base/process-identity.ts'

/** A started container. */
export interface ContainerIdentity {
  /** Its first process, the leader of its session. */
  readonly first: ProcessIdentity
  /** The file that this attempt alone has claimed. */
  readonly pidFile: string
  readonly logFile: string
}

/** The variable that marks a container's processes; its value is the attempt's pid file. */
export const CONTAINER_MARK = 'SLUICE_CONTAINER'
/** A killed process is gone within microseconds, unless the kernel holds it in a system call. */
const KILL_MS_MAX = 1000
const KILL_POLL_MS = 5

/** The container's living processes among `processes`. */
export function processesOf(
  container: ContainerIdentity,
  processes: readonly ProcessStat[] = runningProcesses(),
): readonly ProcessStat[] {
  const young = processes.filter(({ startTicks }) => startTicks >= container.first.startTicks)
  const isRecycled = hasRecycledPid(container, processes)
  return withChildren(new Set(young.filter((process) => isMember(process, container, isRecycled))), young)
}

function withChildren(found: Set<ProcessStat>, processes: readonly ProcessStat[]): readonly ProcessStat[] {
  const pids = new Set([...found].map(({ pid }) => pid))
  for (let size = -1; size !== found.size;) {
    size = found.size
    for (const process of processes) {
      if (found.has(process) || !pids.has(process.parent)) continue
      found.add(process)
      pids.add(process.pid)
    }
  }
  return [...found]
}

/** The container that the process belongs to: the same answer as `processesOf` of each, for less work. */
export function containerOf<T extends ContainerIdentity>(
  pid: number,
  containers: readonly T[],
  processes: readonly ProcessStat[],
): T | undefined {
  const byPid = new Map(processes.map((process) => [process.pid, process]))
  const recycled = new Set(containers.filter((container) => hasRecycledPid(container, processes)))
  for (let process = byPid.get(pid); process !== undefined; process = byPid.get(process.parent)) {
    const member = process
    const found = containers.find((container) => isMember(member, container, recycled.has(container)))
    if (found !== undefined) return found
  }
  return undefined
}

/** Belongs to the container by itself, not by its parent. */
function isMember(process: ProcessStat, container: ContainerIdentity, isRecycled: boolean): boolean {
  const { first } = container
  if (first.bootId !== bootId() || process.startTicks < first.startTicks) return false
  if (!isRecycled && (process.session === first.pid || process.group === first.pid)) return true
  return isMarked(process, container)
}

/** The kernel gives out no pid that still names a session: a pid of another start time means that ours is gone. */
function hasRecycledPid({ first }: ContainerIdentity, processes: readonly ProcessStat[]): boolean {
  return processes.some(({ pid, startTicks }) => pid === first.pid && startTicks !== first.startTicks)
}

function isMarked({ pid }: ProcessStat, { pidFile, logFile }: ContainerIdentity): boolean {
  const mark = `${CONTAINER_MARK}=${pidFile}`
  return environmentOf(pid).includes(mark) || [1, 2].some((fd) => targetOf(pid, fd) === logFile)
}

/**
 * Kills what runs of the container, and resolves once nothing does (or the kernel does not let go of it). The first
 * process must have ended, or be meant to be killed too. The kernel's work takes real time, whatever clock others have.
 */
export async function killContainer(container: ContainerIdentity): Promise<void> {
  const endMs = systemClock.now() + KILL_MS_MAX
  for (;;) {
    const left = processesOf(container)
    if (left.length === 0 || systemClock.now() >= endMs) return
    for (const { pid, startTicks } of left) signalProcess({ pid, startTicks, bootId: bootId() }, 'SIGKILL')
    await sleep(systemClock, KILL_POLL_MS)
  }
}

/** The same for all containers whose pid files are below the folder: where nothing else is known of them. */
export async function killMarkedBelow(folder: string): Promise<void> {
  const mark = `${CONTAINER_MARK}=${folder}/`
  const endMs = systemClock.now() + KILL_MS_MAX
  for (;;) {
    const left = runningProcesses().filter(({ pid }) => environmentOf(pid).some((each) => each.startsWith(mark)))
    if (left.length === 0 || systemClock.now() >= endMs) return
    for (const { pid, startTicks } of left) signalProcess({ pid, startTicks, bootId: bootId() }, 'SIGKILL')
    await sleep(systemClock, KILL_POLL_MS)
  }
}

function environmentOf(pid: number): readonly string[] {
  return readProcess(() => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')) ?? []
}

/** Whether the process has the socket open. False for a process of another user. */
export function holdsSocket(pid: number, inode: number): boolean {
  const descriptors = readProcess(() => readdirSync(`/proc/${pid}/fd`)) ?? []
  return descriptors.some((fd) => targetOf(pid, fd) === `socket:[${inode}]`)
}

/** The name of the program, as far as the kernel keeps it. */
export function programOf(pid: number): string {
  return readProcess(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()) ?? 'unknown'
}

/** What the descriptor is open on: a path, or `socket:[inode]`. */
function targetOf(pid: number, fd: number | string): string | undefined {
  return readProcess(() => readlinkSync(`/proc/${pid}/fd/${fd}`))
}

/** Undefined for a process that has ended or belongs to another user, and for a descriptor that is closed. */
function readProcess<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}

/** A pod of an earlier run that nobody wants any more: its processes are ended, then its files. */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { isRunning, signalProcess } from '../../base/process-identity.ts'
import type { ProcessIdentity } from '../../base/process-identity.ts'
import { killContainer, processesOf } from '../process/container-processes.ts'
import type { ContainerIdentity } from '../process/container-processes.ts'
import { resolveAttempt } from '../process/launch.ts'
import { containerFiles, removeDirectory } from '../pod/record.ts'
import type { ContainerRecord, StoredPod } from '../pod/record.ts'

const POLL_MS = 20

export async function endOrphan(stored: StoredPod, clock: Clock, graceMs: number): Promise<void> {
  await endProcesses(stored, clock, graceMs)
  removeDirectory(stored.directory)
}

/** Of all its containers; gracefully at first. Resolves with how many containers still ran. */
export async function endProcesses({ directory, record }: StoredPod, clock: Clock, graceMs: number): Promise<number> {
  const found = await Promise.all(record.containers.map((container) => containerOf(directory, container, clock)))
  const containers = found
    .filter((container) => container !== undefined)
    .filter((container) => processesOf(container).length > 0)
  for (const { first } of containers) signalProcess(first, 'SIGTERM')
  const endMs = clock.now() + graceMs
  while (containers.some(({ first }) => isRunning(first)) && clock.now() < endMs) await sleep(clock, POLL_MS)
  await Promise.all(containers.map((container) => killContainer(container)))
  return containers.length
}

async function containerOf(
  directory: string,
  record: ContainerRecord,
  clock: Clock,
): Promise<ContainerIdentity | undefined> {
  const first = await processOf(directory, record, clock)
  const { log, pid } = containerFiles(directory, record.name, record.attempt)
  return first === undefined ? undefined : { first, pidFile: pid, logFile: log }
}

async function processOf(
  directory: string,
  { name, attempt, phase }: ContainerRecord,
  clock: Clock,
): Promise<ProcessIdentity | undefined> {
  if (phase.kind === 'running') return phase.identity
  if (phase.kind !== 'starting') return undefined
  return resolveAttempt(containerFiles(directory, name, attempt).pid, phase.bootId, clock)
}

/** A pod of an earlier run that nobody wants any more: its processes are ended, then its files. */
import { sleep } from '../../base/clock.ts'
import type { Clock } from '../../base/clock.ts'
import { hasGroup, signalGroup } from '../../base/process-identity.ts'
import type { ProcessIdentity } from '../../base/process-identity.ts'
import { resolveAttempt } from '../process/launch.ts'
import { containerFiles, removeDirectory } from '../pod/record.ts'
import type { ContainerRecord, StoredPod } from '../pod/record.ts'

const POLL_MS = 20

export async function endOrphan({ directory, record }: StoredPod, clock: Clock, graceMs: number): Promise<void> {
  const found = await Promise.all(record.containers.map((container) => processOf(directory, container, clock)))
  const identities = found.filter((identity) => identity !== undefined)
  for (const identity of identities) signalGroup(identity, 'SIGTERM')
  const endMs = clock.now() + graceMs
  while (identities.some(hasGroup) && clock.now() < endMs) await sleep(clock, POLL_MS)
  for (const identity of identities) signalGroup(identity, 'SIGKILL')
  removeDirectory(directory)
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

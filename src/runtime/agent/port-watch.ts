/**
 * Looks once a second whether connections to the pods' ports still reach the pods: sockets come and go without a word.
 * As long as the sockets are the same, all pods together cost one look at the kernel's tables.
 */
import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/clock.ts'
import type { ContainerRuntime } from '../pod/container-runtime.ts'

const LOOK_EVERY_MS = 1000

export interface PortWatchOptions {
  readonly containers: () => readonly ContainerRuntime[]
  readonly clock: Clock
  readonly failed: (error: unknown) => void
  readonly signal: AbortSignal
}

/** Runs until the signal aborts. Never rejects. */
export async function watchPorts({ containers, clock, failed, signal }: PortWatchOptions): Promise<void> {
  while (!signal.aborted) {
    for (const container of containers()) await container.lookAtPorts().catch(failed)
    await sleep(clock, LOOK_EVERY_MS, signal).catch(() => {})
  }
}

/** The pods of a data directory whose control has gone without ending them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { endProcesses } from './agent/orphan.ts'
import { loadRecords } from './pod/record.ts'

/**
 * Ends their processes, gracefully at first; names the pods that had some. What is known of them stays, so that the next control
 * starts them again. The data directory must be locked.
 */
export async function endPodsLeftBehind(dataDir: string, clock: Clock, graceMs: number): Promise<readonly string[]> {
  const podsDir = join(dataDir, 'pods')
  if (!existsSync(podsDir)) return []
  const ended = await Promise.all(
    loadRecords(podsDir).pods.map(async (stored) => {
      const count = await endProcesses(stored, clock, graceMs)
      return count === 0 ? [] : [`pod ${stored.record.namespace}/${stored.record.name}`]
    }),
  )
  return ended.flat()
}

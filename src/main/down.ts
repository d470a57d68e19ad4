/**
 * `sluice down`: ends what runs of a data directory. Where control runs, it is asked to end and takes the rest along; where it was
 * killed, the proxies and pods that outlived it are ended here. The state stays.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from '../base/clock.ts'
import { isRunning, signalProcess } from '../base/process-identity.ts'
import type { DownOptions } from '../cli/deps.ts'
import { holderOf, lockDataDir } from '../api-server/data-dir-lock.ts'
import type { DataDirLock } from '../api-server/data-dir-lock.ts'
import { endProxiesLeftBehind } from '../proxy/supervisor.ts'
import { endPodsLeftBehind } from '../runtime/left-behind.ts'
import type { Surroundings } from './surroundings.ts'

const POLL_MS = 50
/** `sluice up` itself is gone 5 s after a signal. */
const CONTROL_TIMEOUT_MS = 10_000
/** From SIGTERM to SIGKILL, for pods that control left behind. */
const POD_GRACE_MS = 3_000

/** Resolves with the exit code once nothing runs any more. */
export async function down({ dataDir }: DownOptions, { clock, signal, stdout }: Surroundings): Promise<number> {
  if (!existsSync(join(dataDir, 'lock'))) {
    stdout.write(`Nothing runs in "${dataDir}": there is no Sluice in it. Name another directory with --data-dir.\n`)
    return 0
  }
  const untilMs = clock.now() + CONTROL_TIMEOUT_MS
  const ended: string[] = []
  const asked = holderOf(dataDir)
  if (asked !== undefined) {
    signalProcess(asked, 'SIGTERM')
    ended.push(`sluice up (process ${asked.pid})`)
  }
  const lock = await untilLocked()
  try {
    ended.push(
      ...(await endProxiesLeftBehind(dataDir, clock)),
      ...(await endPodsLeftBehind(dataDir, clock, POD_GRACE_MS)),
    )
  } finally {
    lock.release()
  }
  const said = ended.length === 0 ? 'nothing was running' : `ended ${ended.join(', ')}`
  stdout.write(`Sluice in "${dataDir}" is down: ${said}. Its state stays; "sluice up" goes on from there.\n`)
  return 0

  async function untilLocked(): Promise<DataDirLock> {
    for (;;) {
      try {
        const lock = lockDataDir(dataDir)
        // It gives the lock back a moment before it is gone.
        while (asked !== undefined && isRunning(asked) && clock.now() < untilMs) await sleep(clock, POLL_MS, signal)
        return lock
      } catch (error) {
        if (asked === undefined || clock.now() >= untilMs) throw error
        await sleep(clock, POLL_MS, signal)
      }
    }
  }
}

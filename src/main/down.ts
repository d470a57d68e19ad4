/**
 * `sluice down`: ends what runs of a data directory. Where control runs, it is asked to end and takes the rest along; where it was
 * killed, the proxies and pods that outlived it are ended here. The state stays.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from '../base/clock.ts'
import { isRunning, signalProcess } from '../base/process-identity.ts'
import type { ProcessIdentity } from '../base/process-identity.ts'
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
export async function down({ dataDir }: DownOptions, surroundings: Surroundings): Promise<number> {
  const { clock, stdout } = surroundings
  if (!existsSync(join(dataDir, 'lock'))) {
    stdout.write(`Nothing runs in "${dataDir}": there is no Sluice in it. Name another directory with --data-dir.\n`)
    return 0
  }
  const control = holderOf(dataDir)
  if (control !== undefined) signalProcess(control, 'SIGTERM')
  const lock = await lockAfter(control, dataDir, surroundings)
  const ended = control === undefined ? [] : [`sluice up (process ${control.pid})`]
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
}

/** Once control, where there is one, has ended. */
async function lockAfter(
  control: ProcessIdentity | undefined,
  dataDir: string,
  { clock, signal }: Surroundings,
): Promise<DataDirLock> {
  const untilMs = clock.now() + CONTROL_TIMEOUT_MS
  while (control !== undefined && isRunning(control) && clock.now() < untilMs) await sleep(clock, POLL_MS, signal)
  return lockDataDir(dataDir)
}

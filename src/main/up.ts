/** `sluice up`: the control plane of one machine, in the foreground, until it is told to end or cannot go on. */
import { existsSync } from 'node:fs'
import { createLog } from '../base/log.ts'
import type { Log } from '../base/log.ts'
import type { ReadyReport, UpOptions } from '../cli/deps.ts'
import { prepareDataDir } from './data-dir.ts'
import { startStandalone } from './standalone.ts'
import type { Standalone } from './standalone.ts'
import type { Surroundings } from './surroundings.ts'

/** All of it must be gone within 5 s of a signal; a part that hangs does not hold the process longer than this. */
const STOP_TIMEOUT_MS = 5_000

/** Resolves with the exit code: 0 after a signal, 1 when a part failed that nothing works without. */
export async function up(options: UpOptions, surroundings: Surroundings): Promise<number> {
  const { clock, signal, stdout, stderr } = surroundings
  const log = createLog({
    clock,
    level: options.logLevel,
    format: options.logFormat,
    write: (line) => stderr.write(line),
  })
  const { imagesFile } = options
  // The one in the data directory may come later; one that was asked for by name is there, or its name is wrong.
  if (imagesFile !== undefined && !existsSync(imagesFile)) {
    throw new Error(
      `Cannot read the images file "${imagesFile}": there is no such file. Correct --images or leave it out.`,
    )
  }
  prepareDataDir(options.dataDir)
  const standalone = await startStandalone(options, surroundings, log)
  let code = 0
  try {
    stdout.write(readyLine(options, standalone))
    await Promise.race([aborted(signal), standalone.failed])
  } catch (error) {
    log.error('control plane failed', { error })
    code = 1
  }
  log.info('stopping', { reason: code === 0 ? (signal.reason as Error).message : 'failure' })
  return (await stopInTime(standalone, surroundings, log)) ? code : 1
}

function readyLine(options: UpOptions, { api, gateway, kubeconfig }: Standalone): string {
  if (options.output === 'text') {
    return `Sluice is ready: API ${api}, gateway ${gateway}, kubeconfig ${kubeconfig}\n`
  }
  const report: ReadyReport = {
    ready: true,
    api,
    gateway,
    kubeconfig,
    dataDir: options.dataDir,
    pid: process.pid,
  }
  return `${JSON.stringify(report)}\n`
}

async function stopInTime(standalone: Standalone, { clock }: Surroundings, log: Log): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = clock.after(STOP_TIMEOUT_MS, () => {
    log.error('did not stop in time', { timeoutMs: STOP_TIMEOUT_MS })
    late.resolve(false)
  })
  try {
    return await Promise.race([standalone.stop().then(() => true), late.promise])
  } finally {
    timer.cancel()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

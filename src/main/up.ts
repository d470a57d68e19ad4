/** `sluice up`: the control plane of one machine, in the foreground, until it is told to end or cannot go on. */
import { existsSync } from 'node:fs'
import { createLog } from '../base/log.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { ReadyReport, UpOptions } from '../cli/deps.ts'
import { checkImageCatalogue } from '../runtime/images.ts'
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
  if (imagesFile !== undefined) checkImageCatalogue(imagesFile)
  prepareDataDir(options.dataDir)
  const standalone = await startUnlessTold(options, surroundings, log)
  if (standalone === undefined) return 0
  let code = 0
  try {
    stdout.write(readyText(options, standalone))
    await Promise.race([aborted(signal), standalone.failed])
  } catch (error) {
    log.error('control plane failed; proxies and pods go on, and the next start takes them over', { error })
    standalone.leaveWorkloads()
    code = 1
  }
  log.info('stopping', { reason: code === 0 ? (signal.reason as Error).message : 'failure' })
  return (await stopInTime(standalone, surroundings, log)) ? code : 1
}

/** Undefined: it was told to end before it was ready, and has. */
async function startUnlessTold(
  options: UpOptions,
  surroundings: Surroundings,
  log: Log,
): Promise<Standalone | undefined> {
  try {
    return await startStandalone(options, surroundings, log)
  } catch (error) {
    if (!surroundings.signal.aborted) throw error
    log.info('stopped before it was ready', { reason: messageOf(surroundings.signal.reason) })
    return undefined
  }
}

function readyText(options: UpOptions, { api, gateway, kubeconfig }: Standalone): string {
  if (options.output === 'text') {
    return `Sluice is ready: API ${api}, gateway ${gateway}, kubeconfig ${kubeconfig}
In another terminal:
  export KUBECONFIG=${kubeconfig}    # kubectl and sluice now work with this Sluice
  sluice apply -f <your manifests>   # or kubectl apply; sluice demo shows what can be done
  curl ${gateway}/                   # through the gateway
  sluice status                      # is everything well?
Ctrl-C, or sluice down, ends it; what is stored stays.
`
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

/** `sluice up` as a child process of the demo: started, watched, and stopped with everything it has started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { sleep } from '../../base/clock.ts'
import type { CliDeps, ReadyReport } from '../deps.ts'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 8_000
const LOG_LINES_KEPT = 200
const LOG_LINES_SHOWN = 20

export interface UpProcess {
  readonly ready: ReadyReport
  /** Rejects, with the tail of the log, when it ends without having been asked to. Never resolves. */
  readonly crashed: Promise<never>
  /** Ends it and whatever it has started. */
  stop(): Promise<void>
}

/** Starts `sluice up` on free ports and resolves once it is ready. */
export async function startUp(dataDir: string, deps: CliDeps): Promise<UpProcess> {
  const up = spawnUp(dataDir, deps)
  try {
    return { ready: await untilReady(up, deps), crashed: up.crashed, stop: () => stopAll(up, dataDir, deps) }
  } catch (error) {
    await stopAll(up, dataDir, deps)
    throw error
  }
}

interface Spawned {
  readonly child: ChildProcess
  readonly crashed: Promise<never>
  readonly exited: Promise<unknown>
  /** Before a stop on purpose. */
  readonly expectExit: () => void
  readonly hasCrashed: () => boolean
  readonly tail: () => string
}

function spawnUp(dataDir: string, deps: CliDeps): Spawned {
  const [program = '', ...args] = deps.selfCommand
  const options = ['up', '--data-dir', dataDir, '--api-port', '0', '--gateway-port', '0', '-o', 'json']
  // In a session of its own: Ctrl-C comes to the demo alone, which then stops everything in order.
  const child = spawn(program, [...args, ...options], {
    cwd: deps.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const log: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line)
    if (log.length > LOG_LINES_KEPT) log.shift()
  })
  const tail = (): string => log.slice(-LOG_LINES_SHOWN).join('\n')
  let isExpected = false
  let hasCrashed = false
  const exited = once(child, 'close')
  const crashed = exited.then(([code, signal]: readonly unknown[]) => {
    if (isExpected) return new Promise<never>(() => {})
    hasCrashed = true
    const how = typeof signal === 'string' ? `by ${signal}` : `with exit code ${String(code)}`
    throw new Error(`Cannot go on: sluice up ended ${how}. The end of its log:\n${tail()}`)
  })
  // Whoever waits for something races against it; where nobody does, it must not end the process by itself.
  crashed.catch(() => {})
  const expectExit = (): void => {
    isExpected = true
  }
  return { child, crashed, exited, expectExit, hasCrashed: () => hasCrashed, tail }
}

async function untilReady(up: Spawned, deps: CliDeps): Promise<ReadyReport> {
  const limit = new AbortController()
  const signal = AbortSignal.any([deps.signal, limit.signal])
  const late = sleep(deps.clock, READY_WITHIN_MS, signal).then(() => {
    throw new Error(`Cannot go on: sluice up was not ready after ${READY_WITHIN_MS / 1_000} s. Its log:\n${up.tail()}`)
  })
  try {
    return await Promise.race([readyLine(up.child), up.crashed, late])
  } finally {
    limit.abort()
    late.catch(() => {})
  }
}

async function readyLine(child: ChildProcess): Promise<ReadyReport> {
  if (child.stdout === null) throw new Error('Cannot read what sluice up prints')
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) return JSON.parse(line) as ReadyReport
  }
  // The stream ends with the process: its exit is what is reported then.
  return new Promise<never>(() => {})
}

async function stopAll(up: Spawned, dataDir: string, deps: CliDeps): Promise<void> {
  if (up.hasCrashed()) await sweep(dataDir, deps)
  else await stop(up, deps)
}

async function stop(up: Spawned, { clock }: CliDeps): Promise<void> {
  up.expectExit()
  if (up.child.exitCode === null && up.child.signalCode === null) up.child.kill('SIGTERM')
  const timer = clock.after(STOP_WITHIN_MS, () => up.child.kill('SIGKILL'))
  await up.exited
  timer.cancel()
}

/** What a crashed control plane has left running is adopted by a new one, and ends with it. */
async function sweep(dataDir: string, deps: CliDeps): Promise<void> {
  const again = spawnUp(join(dataDir), deps)
  again.expectExit()
  try {
    await Promise.race([untilReady(again, { ...deps, signal: new AbortController().signal }), again.exited])
  } catch {
    // It crashes every time: there is nothing more that can be done, and the first crash is reported.
  }
  await stop(again, deps)
}

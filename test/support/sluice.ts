/** A real `sluice up` as a child process on free ports and a throw-away data directory, for end-to-end tests. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 15_000

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface ReadyLine {
  readonly ready: true
  readonly api: string
  readonly gateway: string
  readonly kubeconfig: string
  readonly dataDir: string
  readonly pid: number
}

export interface RunningSluice {
  readonly dataDir: string
  readonly ready: ReadyLine
  readonly child: ChildProcess
  /** What it logged so far. */
  log(): string
  /** SIGTERM, and wait until it is gone. */
  stop(): Promise<number | null>
  /** SIGKILL of the control process only: proxy and pods live on. */
  kill(): Promise<void>
}

export interface StartOptions {
  /** A throw-away one when absent. */
  readonly dataDir?: string
  /** How to call sluice; from the sources when absent. */
  readonly command?: readonly string[]
  /** More options of `sluice up`. */
  readonly flags?: readonly string[]
}

/** Starts `sluice up` and waits for its ready line. At the end of the test it is stopped. */
export async function startSluice(t: TestContext, options: StartOptions = {}): Promise<RunningSluice> {
  const { dataDir = temporaryDataDir(), command: [file = '', ...args] = [process.execPath, MAIN], flags = [] } = options
  const child = spawn(
    file,
    [...args, 'up', '--data-dir', dataDir, '--api-port', '0', '--gateway-port', '0', '-o', 'json', ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let logged = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (logged += chunk))
  const exited = once(child, 'exit')
  const closed = once(child, 'close')
  const ready = await Promise.race([
    readyLine(child),
    closed.then(() => Promise.reject(new Error(`sluice up ended (${endOf(child)}) before it was ready:\n${logged}`))),
    rejectAfter(READY_WITHIN_MS, () => `sluice up was not ready in time:\n${logged}`),
  ])
  const running: RunningSluice = {
    dataDir,
    ready,
    child,
    log: () => logged,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await Promise.race([exited, rejectAfter(STOP_WITHIN_MS, () => `sluice up did not stop:\n${logged}`)])
      return child.exitCode
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
  t.after(() => running.stop())
  return running
}

/**
 * A data directory that is removed when the tests of this process are over: hooks of a test run in the order of their
 * registration, and one registered here would run while a Sluice that is started later still writes to it.
 */
export function temporaryDataDir(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

export interface RunOptions {
  readonly input?: string
  /** In addition to the environment of the test. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs `sluice ARGS…` (or another command) to its end. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [file = '', ...args] = command
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  child.stdin.end(options.input ?? '')
  await once(child, 'close')
  return { code: child.exitCode, stdout, stderr }
}

/** The product's own command line, pointed at a running Sluice. */
export function sluiceCommand(sluice: RunningSluice, ...args: readonly string[]): string[] {
  return [process.execPath, MAIN, '--kubeconfig', sluice.ready.kubeconfig, ...args]
}

/** Pids of all processes whose command line or environment names the directory. */
export function processesOf(directory: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && names(pid, directory))
}

function names(pid: string, text: string): boolean {
  try {
    return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(text))
  } catch {
    return false // gone meanwhile, or not ours to read
  }
}

/** The ready line; never settled when there is none: the caller knows better why the process ended. */
function readyLine(child: ChildProcess): Promise<ReadyLine> {
  const { promise, resolve: found, reject } = Promise.withResolvers<ReadyLine>()
  if (child.stdout === null) throw new Error('sluice up has no stdout')
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) return
    try {
      found(JSON.parse(line) as ReadyLine)
    } catch (error) {
      reject(error)
    }
  })
  return promise
}

function endOf(child: ChildProcess): string {
  return child.signalCode ?? `exit code ${child.exitCode}`
}

function rejectAfter(delayMs: number, message: () => string): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(message())), delayMs).unref()
  })
}

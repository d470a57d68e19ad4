/** Runs the command line in this process, with its surroundings given and its output caught. */
import { PassThrough, Readable } from 'node:stream'
import type { CliDeps, UpOptions } from '../../src/cli/deps.ts'
import { runProgram } from '../../src/cli/program.ts'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'

export interface CliRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** What `sluice up` was asked to do, where it was. */
  readonly up: UpOptions | undefined
}

export interface CliSurroundings {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly signal?: AbortSignal
  /** Standard output is a terminal of this size. */
  readonly terminal?: { readonly columns: number; readonly rows: number }
  /** Called with everything that is printed to standard output. */
  readonly onOutput?: (text: string) => void
}

export async function runCli(args: readonly string[], surroundings: CliSurroundings = {}): Promise<CliRun> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  if (surroundings.terminal !== undefined) Object.assign(stdout, { isTTY: true, ...surroundings.terminal })
  const caught = { stdout: '', stderr: '' }
  stdout.setEncoding('utf8').on('data', (text: string) => {
    caught.stdout += text
    surroundings.onOutput?.(text)
  })
  stderr.setEncoding('utf8').on('data', (text: string) => (caught.stderr += text))
  let up: UpOptions | undefined
  const deps: CliDeps = {
    version: '1.2.3',
    stdout,
    stderr,
    stdin: Readable.from([surroundings.stdin ?? '']),
    env: surroundings.env ?? {},
    cwd: surroundings.cwd ?? '/nowhere',
    clock: systemClock,
    random: seededRandom(1),
    signal: surroundings.signal ?? new AbortController().signal,
    up: (options) => {
      up = options
      return Promise.resolve(0)
    },
    down: () => Promise.resolve(0),
    keeper: () => Promise.resolve(0),
    proxy: () => Promise.resolve(0),
    proxyFile: () => Promise.resolve(0),
    selfCommand: [],
  }
  const code = await runProgram(deps, args)
  // What was written in the last turn arrives in the next one.
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  return { code, up, ...caught }
}

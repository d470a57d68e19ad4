/** The commands that the demo types: real processes of this same program. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { CliDeps } from '../deps.ts'

const OUTPUT_LINES_MAX = 20

export interface CommandSurroundings {
  readonly deps: CliDeps
  readonly kubeconfig: string
  /** Where Node keeps what it has compiled: the second command and all after it start faster. */
  readonly compileCache: string
  /** Aborts when the demo is to end, or cannot go on. */
  readonly signal: AbortSignal
}

/** Runs `sluice` with these arguments and gives back the lines it printed; rejects when it fails. */
export async function runCommand(
  args: readonly string[],
  { deps, kubeconfig, compileCache, signal }: CommandSurroundings,
): Promise<readonly string[]> {
  const [program = '', ...first] = deps.selfCommand
  const env = { NODE_COMPILE_CACHE: compileCache, ...deps.env, KUBECONFIG: kubeconfig }
  const child = spawn(program, [...first, ...args], { cwd: deps.cwd, env, stdio: ['ignore', 'pipe', 'pipe'], signal })
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk))
  }
  await once(child, 'close')
  const lines = chunks.join('').trimEnd().split('\n').slice(0, OUTPUT_LINES_MAX)
  if (child.exitCode === 0) return lines
  const what = `sluice ${args.join(' ')}`
  throw new Error(`Cannot go on: "${what}" ended with exit code ${child.exitCode}:\n${lines.join('\n')}`)
}

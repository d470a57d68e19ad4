#!/usr/bin/env node
/** The composition root: reads the surroundings once, hands them to the command line, and carries out its orders. */
import { readFileSync } from 'node:fs'
import { systemClock } from './base/clock.ts'
import { systemRandom } from './base/random.ts'
import { runProgram } from './cli/program.ts'
import { holderChannel } from './proxy/holder-channel.ts'
import type { Surroundings } from './main/surroundings.ts'

let isService = false
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The log's disk is full, or its reader is gone: no line is worth what is served. The next one is tried again.
    if (isService) return
    // `sluice get … | head`: whoever read our output has gone, so nothing is left to say.
    if (error.code !== 'EPIPE') throw error
    process.exit(process.exitCode ?? 0)
  })
}

const abort = new AbortController()
const endBy = (name: NodeJS.Signals): void => abort.abort(new Error(`Stopped by ${name}`))
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, endBy)
}

const surroundings: Surroundings = {
  version: packageVersion(),
  clock: systemClock,
  random: systemRandom,
  signal: abort.signal,
  onHangup(listener) {
    process.off('SIGHUP', endBy)
    process.on('SIGHUP', listener)
  },
  stdout: process.stdout,
  stderr: process.stderr,
  holder: holderChannel(process),
  selfCommand: [process.execPath, ...process.execArgv, import.meta.filename],
}

process.exitCode = await runProgram(
  {
    ...surroundings,
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    up: async (options) => serving((await import('./main/up.ts')).up, options),
    down: async (options) => (await import('./main/down.ts')).down(options, surroundings),
    proxyFile: async (options) => serving((await import('./main/proxy-file.ts')).proxyFile, options),
    keeper: async (options) => serving((await import('./main/keeper.ts')).keeper, options),
    proxy: async (options) => serving((await import('./main/proxy.ts')).proxy, options),
  },
  process.argv.slice(2),
)

function serving<Options>(
  run: (options: Options, surroundings: Surroundings) => Promise<number>,
  options: Options,
): Promise<number> {
  isService = true
  return run(options, surroundings)
}

function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}

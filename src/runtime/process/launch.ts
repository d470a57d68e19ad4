/**
 * Starts a container's process so that it outlives this one, and so that each attempt is started at most once even
 * if this process is killed at any point: a small shell stage claims the attempt's pid file (created exclusively,
 * holding its own /proc stat line, so pid and start time are recorded by the process itself) and then becomes the
 * program. Whoever finds an attempt without a pid file after a crash claims the file first, and a late stage gives up.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/clock.ts'
import { codeOf } from '../../base/errors.ts'
import { bootId, identityOf, isRunning, parseStat } from '../../base/process-identity.ts'
import type { ProcessIdentity } from '../../base/process-identity.ts'
import { CONTAINER_MARK } from './container-processes.ts'

export interface LaunchOptions {
  /** The program (an absolute path) and its arguments. */
  readonly command: readonly string[]
  /** The environment: nothing of ours is inherited. The container's mark is added to it. */
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
  /** stdout and stderr are appended here. */
  readonly logFile: string
  /** Must not exist: it is what makes an attempt start once. */
  readonly pidFile: string
}

export type Exit =
  | { readonly kind: 'exited'; readonly code: number; readonly signal?: number }
  /** An adopted process: only its parent learns how a process ended. */
  | { readonly kind: 'unknown' }

/** A running container. */
export interface ContainerProcess {
  readonly identity: ProcessIdentity
  /** Resolves once the process is gone; what it started may still run. Never rejects. */
  readonly exited: Promise<Exit>
}

export class LaunchError extends Error {
  override readonly name = 'LaunchError'
  readonly code = 'StartError'
}

const STAGE = [
  'read -r stat < /proc/$$/stat || exit 125',
  'set -C',
  '{ printf "%s\\n" "$stat" > "$0"; } 2>/dev/null || exit 125',
  'set +C',
  'exec "$@"',
].join('\n')
const ABANDONED = 'abandoned\n'
/** How often an adopted process, which is not our child, is looked at. */
const ADOPTED_POLL_MS = 200
/** A pid file that exists is filled within microseconds, unless the stage was killed between the two. */
const PID_FILE_FILL_MS = 20
const PID_FILE_FILL_ATTEMPTS = 50

export function launch(options: LaunchOptions): ContainerProcess {
  const log = openSync(options.logFile, 'a', 0o600)
  try {
    return watchChild(spawnStage(options, log))
  } finally {
    closeSync(log)
  }
}

function spawnStage({ command, env, workingDir, pidFile }: LaunchOptions, log: number): ChildProcess {
  const { shell, other } = splitEnv(env)
  const words = other.length === 0 ? command : ['/usr/bin/env', ...other, ...command]
  return spawn('/bin/sh', ['-c', STAGE, pidFile, ...words], {
    cwd: workingDir,
    env: { ...shell, [CONTAINER_MARK]: pidFile },
    detached: true,
    stdio: ['ignore', log, log],
  })
}

function watchChild(child: ChildProcess): ContainerProcess {
  if (child.pid === undefined) {
    child.once('error', () => {})
    throw new LaunchError(
      'Cannot start the container: the system has no room for another process or its folder is gone',
    )
  }
  const identity = identityOf(child.pid)
  if (identity === undefined) throw new LaunchError(`Cannot start the container: process ${child.pid} vanished`)
  child.unref()
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', () => resolve({ kind: 'unknown' }))
    child.once('exit', (code, signal) => resolve(exitOf(code, signal)))
  })
  return { identity, exited }
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): Exit {
  if (signal === null) return { kind: 'exited', code: code ?? 0 }
  const number = constants.signals[signal]
  return { kind: 'exited', code: 128 + number, signal: number }
}

/** Takes over a process that an earlier control started. `undefined` when it does not run any more. */
export function adopt(identity: ProcessIdentity, clock: Clock, signal: AbortSignal): ContainerProcess | undefined {
  return isRunning(identity) ? { identity, exited: untilGone(identity, clock, signal) } : undefined
}

async function untilGone(identity: ProcessIdentity, clock: Clock, signal: AbortSignal): Promise<Exit> {
  while (isRunning(identity)) {
    try {
      await sleep(clock, ADOPTED_POLL_MS, signal)
    } catch {
      // The agent ends and leaves the process to the next one: nobody listens any more.
      return new Promise(() => {})
    }
  }
  return { kind: 'unknown' }
}

/**
 * What became of an attempt that was about to start when the earlier control died: the process, or `undefined`
 * when it never began (and then never will).
 */
export async function resolveAttempt(
  pidFile: string,
  boot: string,
  clock: Clock,
): Promise<ProcessIdentity | undefined> {
  try {
    writeFileSync(pidFile, ABANDONED, { flag: 'wx', mode: 0o600 })
    return undefined
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  if (boot !== bootId()) return undefined
  for (let attempt = 0; attempt < PID_FILE_FILL_ATTEMPTS; attempt++) {
    const text = readFileSync(pidFile, 'utf8')
    if (text === ABANDONED) return undefined
    const stat = text.endsWith('\n') ? parseStat(text) : undefined
    if (stat !== undefined) return { pid: stat.pid, startTicks: stat.startTicks, bootId: boot }
    await sleep(clock, PID_FILE_FILL_MS)
  }
  return undefined
}

/** The shell passes on only names that are shell identifiers; the rest goes through env(1). */
function splitEnv(env: Readonly<Record<string, string>>): {
  readonly shell: Record<string, string>
  readonly other: readonly string[]
} {
  const entries = Object.entries(env)
  return {
    shell: Object.fromEntries(entries.filter(isShellName)),
    other: entries.filter((entry) => !isShellName(entry)).map(([name, value]) => `${name}=${value}`),
  }
}

function isShellName([name]: readonly [string, string]): boolean {
  return /^[A-Za-z_]\w*$/.test(name)
}

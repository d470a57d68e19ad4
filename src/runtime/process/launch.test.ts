import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { systemClock } from '../../base/clock.ts'
import { findProgram } from './find-program.ts'
import { bootId, identityOf, isRunning, parseStat, signalProcess } from '../../base/process-identity.ts'
import { adopt, launch, resolveAttempt } from './launch.ts'
import type { ContainerProcess } from './launch.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-launch-'))
after(() => rmSync(directory, { recursive: true }))

let attempts = 0
function files(): { readonly logFile: string; readonly pidFile: string } {
  attempts += 1
  return { logFile: join(directory, `${attempts}.log`), pidFile: join(directory, `${attempts}.pid`) }
}

function run(script: string, at = files()): ContainerProcess {
  const env = { PATH: '/usr/bin:/bin', 'a.b': 'dotted' }
  return launch({ command: ['/bin/sh', '-c', script], env, workingDir: directory, ...at })
}

test('output goes to the log, the exit code comes back', async () => {
  const at = files()
  const { exited } = run('echo out; echo err >&2; exit 7', at)
  assert.deepEqual(await exited, { kind: 'exited', code: 7 })
  assert.equal(readFileSync(at.logFile, 'utf8'), 'out\nerr\n')
})

test('a signal counts as 128 and its number', async () => {
  const { exited } = run('kill -TERM $$')
  assert.deepEqual(await exited, { kind: 'exited', code: 143, signal: 15 })
})

test('the process leads a group of its own and notes its pid by itself', async () => {
  const at = files()
  const { identity, exited } = run('sleep 60 & wait', at)
  while (!existsSync(at.pidFile)) await setImmediate()
  assert.deepEqual(await resolveAttempt(at.pidFile, bootId(), systemClock), identity)
  assert.equal(isRunning(identity), true)
  signalProcess(identity, 'SIGKILL')
  await exited
  assert.equal(isRunning(identity), false)
})

test('an attempt whose pid file is claimed first never begins', async () => {
  const at = files()
  assert.equal(await resolveAttempt(at.pidFile, bootId(), systemClock), undefined)
  const { exited } = run(`touch ${directory}/late`, at)
  assert.deepEqual(await exited, { kind: 'exited', code: 125 })
  assert.equal(existsSync(join(directory, 'late')), false)
  assert.equal(await resolveAttempt(at.pidFile, bootId(), systemClock), undefined)
})

test('an attempt of an earlier boot is none', async () => {
  const at = files()
  writeFileSync(at.pidFile, readFileSync('/proc/self/stat'))
  assert.equal(await resolveAttempt(at.pidFile, 'another boot', systemClock), undefined)
})

test('a recycled pid is neither taken over nor killed', async () => {
  const { identity, exited } = run('sleep 60')
  const stranger = { ...identity, startTicks: identity.startTicks - 1 }
  assert.equal(adopt(stranger, systemClock, new AbortController().signal), undefined)
  signalProcess(stranger, 'SIGKILL')
  signalProcess({ ...identity, bootId: 'another boot' }, 'SIGKILL')
  assert.equal(isRunning(identity), true)
  signalProcess(identity, 'SIGTERM')
  await exited
})

test('the end of an adopted process is noticed, its exit code is not known', async () => {
  const { identity } = run('sleep 60')
  const adopted = adopt(identity, systemClock, new AbortController().signal)
  signalProcess(identity, 'SIGTERM')
  assert.deepEqual(await adopted?.exited, { kind: 'unknown' })
})

test('a command name in parentheses with spaces does not confuse the reading of /proc', () => {
  const fields = ['S', '1', '42', '42', ...Array.from({ length: 15 }, () => '0'), '4711', '0']
  const stat = parseStat(`42 (a) b (c)) ${fields.join(' ')}\n`)
  assert.deepEqual(stat, { pid: 42, state: 'S', parent: 1, group: 42, session: 42, startTicks: 4711 })
  assert.equal(parseStat('nonsense'), undefined)
  assert.equal(identityOf(process.pid)?.pid, process.pid)
})

test('programs are found as the shell finds them', () => {
  writeFileSync(join(directory, 'tool'), '', { mode: 0o755 })
  writeFileSync(join(directory, 'text'), '', { mode: 0o644 })
  assert.equal(findProgram('tool', `/nowhere::${directory}`, '/'), join(directory, 'tool'))
  assert.equal(findProgram('./tool', '', directory), join(directory, 'tool'))
  assert.equal(findProgram('text', directory, '/'), undefined)
  assert.equal(findProgram('/no/such', directory, '/'), undefined)
})

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { identityOf, isRunning, signalProcess } from '../../base/process-identity.ts'
import { untilTrue } from '../../../test/support/node-agent-lab.ts'
import { killContainer, processesOf } from './container-processes.ts'
import type { ContainerIdentity } from './container-processes.ts'
import { launch } from './launch.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-processes-'))
after(() => rmSync(directory, { recursive: true }))

/** Starts a process that leaves the session and tells its pid in a file. */
const parentOf = (env: string, stdio: string, then: string): string => `
  const { spawn } = require('node:child_process')
  const child = spawn('/bin/sleep', ['60'], { detached: true, stdio: ${stdio}, ${env} })
  child.unref()
  require('node:fs').writeFileSync(process.argv[1], String(child.pid))
  ${then}`

let attempts = 0
async function run(
  code: string,
): Promise<{ readonly container: ContainerIdentity; readonly child: number; readonly exited: Promise<unknown> }> {
  const name = join(directory, String(attempts++))
  const files = { logFile: `${name}.log`, pidFile: `${name}.pid` }
  const command = [process.execPath, '-e', code, `${name}.child`]
  const { identity, exited } = launch({ command, env: {}, workingDir: directory, ...files })
  await untilTrue(() => existsSync(`${name}.child`) && readFileSync(`${name}.child`, 'utf8') !== '')
  return { container: { first: identity, ...files }, child: Number(readFileSync(`${name}.child`, 'utf8')), exited }
}

function pidsOf(container: ContainerIdentity): readonly number[] {
  return processesOf(container)
    .map(({ pid }) => pid)
    .toSorted((a, b) => a - b)
}

async function isKilled(container: ContainerIdentity, child: number): Promise<void> {
  const identity = identityOf(child)
  assert.ok(identity !== undefined && isRunning(identity))
  await killContainer(container)
  assert.equal(isRunning(identity), false)
  assert.deepEqual(pidsOf(container), [])
}

test('a process in a session of its own belongs to the container as a child, whatever its environment is', async () => {
  const { container, child, exited } = await run(parentOf('env: {}', `'ignore'`, 'setInterval(() => {}, 1000)'))
  assert.deepEqual(
    pidsOf(container),
    [container.first.pid, child].toSorted((a, b) => a - b),
  )
  const beside = await run(parentOf('env: {}', `'ignore'`, 'setInterval(() => {}, 1000)'))
  assert.equal(pidsOf(container).includes(beside.child), false)
  await isKilled(container, child)
  await exited
  await isKilled(beside.container, beside.child)
})

test('a daemon is known by the environment that it inherited', async () => {
  const { container, child, exited } = await run(parentOf('', `'ignore'`, ''))
  await exited
  assert.deepEqual(pidsOf(container), [child])
  await isKilled(container, child)
})

test('a daemon without an environment is known by the log that it writes to', async () => {
  const { container, child, exited } = await run(parentOf('env: {}', `'inherit'`, ''))
  await exited
  assert.deepEqual(pidsOf(container), [child])
  await isKilled(container, child)
})

test('what bears the pid of another start time is none of the container', async () => {
  const { container, child, exited } = await run(parentOf('env: {}', `'ignore'`, 'setInterval(() => {}, 1000)'))
  const first = { ...container.first, startTicks: container.first.startTicks - 1 }
  assert.deepEqual(pidsOf({ first, pidFile: '/none', logFile: '/none' }), [])
  assert.deepEqual(pidsOf({ ...container, first: { ...container.first, bootId: 'another boot' } }), [])
  signalProcess(container.first, 'SIGKILL')
  await exited
  process.kill(child, 'SIGKILL')
})

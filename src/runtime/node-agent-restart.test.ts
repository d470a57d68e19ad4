/** What outlives the agent, and what does not. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { startApiLab } from '../../test/support/api-lab.ts'
import type { ApiLab } from '../../test/support/api-lab.ts'
import {
  createPod,
  isAlive,
  isReady,
  pidOf,
  readAll,
  script,
  startAgent,
  untilTrue,
} from '../../test/support/node-agent-lab.ts'
import type { RunningAgent } from '../../test/support/node-agent-lab.ts'

const RUN_AGENT = fileURLToPath(new URL('../../test/support/run-agent.ts', import.meta.url))

let lab: ApiLab
let running: RunningAgent | undefined

beforeEach(async () => {
  lab = await startApiLab()
})

afterEach(async () => {
  await running?.close()
  running = undefined
  await lab.close()
})

function folders(): { readonly dataDir: string; readonly claimsDir: string } {
  return { dataDir: join(lab.directory, 'data'), claimsDir: join(lab.directory, 'claims') }
}

async function spawnAgent(): Promise<ChildProcess> {
  const settings = JSON.stringify({ connection: lab.connection, ...folders() })
  const child = spawn(process.execPath, [RUN_AGENT, settings], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

async function killed(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

function podFolders(): readonly string[] {
  return readdirSync(join(lab.directory, 'data', 'pods'))
}

test('after kill -9 a new agent takes the running processes over', async () => {
  const first = await spawnAgent()
  const key = await createPod(lab, 'survivor', script('echo first words; sleep 60'))
  const before = await lab.until(pods, key, isReady)
  await killed(first)
  assert.equal(isAlive(pidOf(before)), true)
  running = await startAgent({ ...lab, ...folders() })
  const beside = await createPod(lab, 'beside', script('sleep 60'))
  const other = await lab.until(pods, beside, isReady)
  const after = await lab.client.get(pods, key)
  assert.equal(pidOf(after), pidOf(before))
  assert.equal(after.status?.podIP, before?.status?.podIP)
  assert.notEqual(other?.status?.podIP, after.status?.podIP)
  assert.equal(after.status?.containerStatuses?.[0]?.restartCount, 0)
  assert.equal(isReady(after), true)
  const [ready] = after.status?.conditions?.filter(({ type }) => type === 'Ready') ?? []
  assert.equal(ready?.lastTransitionTime, transitionOf(before, 'Ready'))
  assert.equal(await readAll(running.agent.logs('default', 'survivor', {}, AbortSignal.timeout(5000))), 'first words\n')
  await lab.client.delete(pods, key)
  await lab.until(pods, key, (pod) => pod === undefined)
  assert.equal(isAlive(pidOf(before)), false)
})

test('lines have the time at which they were written, also those written while no agent ran', async () => {
  const first = await spawnAgent()
  const flag = join(lab.directory, 'speak')
  const text = `echo before; while [ ! -e ${flag} ]; do sleep 0.02; done; echo while away; rm ${flag}; sleep 60`
  const key = await createPod(lab, 'writer', script(text))
  const pod = await lab.until(pods, key, isReady)
  const folder = join(lab.directory, 'data', 'pods', `default_writer_${pod?.metadata.uid}`)
  await untilTrue(() => existsSync(join(folder, 'main', '0.log.times')))
  await killed(first)
  const killedAt = new Date()
  writeFileSync(flag, '')
  await untilTrue(() => !existsSync(flag))
  const startedAt = new Date()
  running = await startAgent({ ...lab, ...folders() })
  const { agent } = running
  const read = (options: Parameters<typeof agent.logs>[2]) =>
    readAll(agent.logs('default', 'writer', { timestamps: true, ...options }, AbortSignal.timeout(5000)))
  const lines = (await read({})).trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => line.replace(/^\S+ /, '')),
    ['before', 'while away'],
  )
  const [before, away] = lines.map((line) => line.split(' ')[0] ?? '')
  assert.ok(before !== undefined && before <= killedAt.toISOString(), `${before} is after ${killedAt.toISOString()}`)
  assert.ok(away !== undefined && away <= startedAt.toISOString(), `${away} is after ${startedAt.toISOString()}`)
  // The file system's clock may lag behind ours by a tick, so that its own times are compared.
  const sinceTime = new Date(Date.parse(before) + 1).toISOString()
  assert.equal(await read({ sinceTime }), `${lines[1]}\n`)
})

test('a process that died while no agent ran is started again', async () => {
  const first = await spawnAgent()
  const key = await createPod(lab, 'victim', script('sleep 60'))
  const before = await lab.until(pods, key, isReady)
  await killed(first)
  process.kill(pidOf(before), 'SIGKILL')
  running = await startAgent({ ...lab, ...folders() })
  const after = await lab.until(
    pods,
    key,
    (pod) => pod?.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(pod),
  )
  const last = after?.status?.containerStatuses?.[0]?.lastState?.terminated
  assert.deepEqual([last?.reason, last?.exitCode], ['ContainerStatusUnknown', 137])
  assert.notEqual(pidOf(after), pidOf(before))
})

test('an adopted process that ends is started again', async () => {
  const first = await spawnAgent()
  const key = await createPod(lab, 'adopted', script('sleep 60'))
  const before = await lab.until(pods, key, isReady)
  await killed(first)
  running = await startAgent({ ...lab, ...folders() })
  process.kill(pidOf(before), 'SIGTERM')
  await lab.until(pods, key, (pod) => pod?.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(pod))
})

test('processes whose pod was deleted while no agent ran are ended', async () => {
  const first = await spawnAgent()
  const key = await createPod(lab, 'orphan', script('sleep 60'))
  const before = await lab.until(pods, key, isReady)
  await killed(first)
  await lab.client.delete(pods, key, { gracePeriodSeconds: 0 })
  running = await startAgent({ ...lab, ...folders() })
  assert.equal(isAlive(pidOf(before)), false)
  assert.deepEqual(podFolders(), [])
})

test('a deletion that the agent did not live to see is carried out', async () => {
  const first = await spawnAgent()
  const key = await createPod(lab, 'leaving', script('sleep 60'))
  const before = await lab.until(pods, key, isReady)
  await killed(first)
  await lab.client.delete(pods, key)
  running = await startAgent({ ...lab, ...folders() })
  await lab.until(pods, key, (pod) => pod === undefined)
  assert.equal(isAlive(pidOf(before)), false)
  await untilTrue(() => podFolders().length === 0)
})

test('stopping everything ends every process and says so, and the next start brings the pods back', async () => {
  running = await startAgent({ ...lab, ...folders() })
  const keys = await Promise.all(['a', 'b'].map((name) => createPod(lab, name, script('sleep 60'))))
  const before = await Promise.all(keys.map((key) => lab.until(pods, key, isReady)))
  await running.close()
  assert.deepEqual(before.map(pidOf).filter(isAlive), [])
  const stopped = await Promise.all(keys.map((key) => lab.client.get(pods, key)))
  assert.deepEqual(stopped.map(isReady), [false, false])
  running = await startAgent({ ...lab, ...folders() })
  const after = await Promise.all(keys.map((key) => lab.until(pods, key, isReady)))
  assert.deepEqual(
    after.map((pod) => pod?.status?.podIP),
    before.map((pod) => pod?.status?.podIP),
  )
})

function transitionOf(pod: Pod | undefined, type: string): string | undefined {
  return pod?.status?.conditions?.find((condition) => condition.type === type)?.lastTransitionTime
}

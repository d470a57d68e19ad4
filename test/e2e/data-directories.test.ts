/** Data directories that were copied or moved, what is damaged in one, and the end of what runs in one. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { pods } from '../../src/kinds/pod.ts'
import type { Pod } from '../../src/kinds/pod.ts'
import { startLoad } from '../support/load.ts'
import { processesOf, run, startSluice, temporaryDataDir } from '../support/sluice.ts'
import type { RunningSluice } from '../support/sluice.ts'
import { sluiceTeller } from '../support/sluice-teller.ts'
import { storyFile } from '../support/story.ts'
import { clientOf, untilObject } from '../support/world.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

async function withEcho(sluice: RunningSluice): Promise<string> {
  const teller = await sluiceTeller(sluice)
  for (const file of ['echo', 'upstream', 'vs']) await teller.apply(storyFile(`1-setup/${file}.yaml`))
  await teller.untilAvailable('echo-v1')
  await teller.untilProgrammed()
  return teller.gateway
}

async function echoPods(sluice: RunningSluice): Promise<readonly Pod[]> {
  return (await (await clientOf(sluice)).list(pods, { namespace: 'echo' })).items
}

/** Until the echo pod of the other Sluice runs and is ready. */
async function untilReady(sluice: RunningSluice): Promise<void> {
  const client = await clientOf(sluice)
  const [pod] = await echoPods(sluice)
  assert.ok(pod !== undefined)
  const key = { type: pods, key: `echo/${pod.metadata.name}` as Parameters<typeof client.get>[1] }
  await untilObject(client, key, (object) =>
    (object?.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
  )
}

test('a copy of a data directory neither takes over nor ends what runs of the original', async (t) => {
  const original = await startSluice(t)
  const gateway = await withEcho(original)
  const before = processesOf(original.dataDir)
  const load = startLoad({ url: `${gateway}/`, connections: 2, pauseMs: 2 })
  t.after(() => load.stop())
  await load.until(50)

  const copyDir = join(dirname(temporaryDataDir()), 'copy')
  cpSync(original.dataDir, copyDir, { recursive: true, filter: (path) => !statSync(path).isSocket() })
  const copy = await startSluice(t, { dataDir: copyDir })
  await untilReady(copy)
  assert.notEqual(copy.ready.gateway, gateway)
  await load.until(load.answers.length + 100)
  assert.equal(await copy.stop(), 0)
  await load.until(load.answers.length + 100)
  await load.stop()
  assert.deepEqual(load.failures(), [])
  assert.deepEqual(processesOf(original.dataDir), before)
})

test('a data directory that was moved goes on with its state', async (t) => {
  const first = await startSluice(t)
  await withEcho(first)
  await first.stop()
  const moved = join(dirname(first.dataDir), 'moved')
  renameSync(first.dataDir, moved)
  const second = await startSluice(t, { dataDir: moved })
  await untilReady(second)
})

test('the state of one pod that cannot be read is set aside: the rest starts, and the pod starts anew', async (t) => {
  const first = await startSluice(t)
  await withEcho(first)
  await first.kill()
  const podsDir = join(first.dataDir, 'pods')
  const [folder = ''] = readdirSync(podsDir)
  writeFileSync(join(podsDir, folder, 'pod.json'), '{"version": 1, "names')
  const second = await startSluice(t, { dataDir: first.dataDir })
  await untilReady(second)
  assert.match(second.log(), new RegExp(`cannot be read.*${folder}/pod\\.json`))
  assert.deepEqual(readdirSync(join(first.dataDir, 'unreadable-pods')), [folder])
})

test('a store that is damaged is named with what to do', async (t) => {
  const first = await startSluice(t)
  await withEcho(first)
  await first.stop()
  const path = join(first.dataDir, 'state.db')
  const database = new DatabaseSync(path)
  database.exec(`UPDATE objects SET json = '{"kind": "Dep' WHERE key = 'echo/echo-v1' AND resource LIKE 'deployments%'`)
  database.close()
  const refused = await run([process.execPath, MAIN, 'up', '--data-dir', first.dataDir, '--api-port', '0'])
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /Cannot read deployments\S* "echo\/echo-v1" in the store ".*state\.db": .*DELETE FROM objects WHERE/,
  )
  writeFileSync(path, 'no database')
  const broken = await run([process.execPath, MAIN, 'up', '--data-dir', first.dataDir, '--api-port', '0'])
  assert.match(broken.stderr, /Cannot open the store ".*state\.db": .*Put a backup of it in its place/)
})

test('nobody else may read what is in a data directory', async (t) => {
  const { dataDir } = await startSluice(t)
  const open = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dataDir, name))
    .filter((path) => !path.endsWith('.crt') && statSync(path).isFile() && (statSync(path).mode & 0o077) !== 0)
  assert.deepEqual(open, [])
  assert.equal(statSync(dataDir).mode & 0o077, 0)
})

test('a lock that others could read is closed to them', async (t) => {
  const dataDir = temporaryDataDir()
  const first = await startSluice(t, { dataDir })
  await first.stop()
  chmodSync(join(dataDir, 'lock'), 0o644)
  await startSluice(t, { dataDir })
  assert.equal(statSync(join(dataDir, 'lock')).mode & 0o777, 0o600)
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} before it is ready ends it with exit code 0, and nothing stays behind`, async (t) => {
    const dataDir = temporaryDataDir()
    const flags = ['--data-dir', dataDir, '--api-port', '0', '--gateway-port', '0']
    const child = spawn(process.execPath, [MAIN, 'up', ...flags], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit')
    // Its own handlers are there once it has begun to work in the directory.
    while (!existsSync(join(dataDir, 'lock'))) await new Promise(setImmediate)
    child.kill(signal)
    assert.deepEqual(await ended, [0, null])
    assert.deepEqual(processesOf(dataDir), [])
  })
}

test('sluice down ends what runs, also what a killed control left behind, and says what', async (t) => {
  const dataDir = temporaryDataDir()
  const down = () => run([process.execPath, MAIN, 'down', '--data-dir', dataDir])
  assert.deepEqual([(await down()).code, (await down()).stdout.includes('there is no Sluice in it')], [0, true])

  const first = await startSluice(t, { dataDir })
  await withEcho(first)
  const asked = await down()
  assert.deepEqual([asked.code, asked.stderr], [0, ''])
  assert.match(asked.stdout, new RegExp(`ended sluice up \\(process ${first.ready.pid}\\)`))
  assert.deepEqual(processesOf(dataDir), [])

  const second = await startSluice(t, { dataDir })
  await untilReady(second)
  await second.kill()
  assert.notDeepEqual(processesOf(dataDir), [])
  const rest = await down()
  assert.match(rest.stdout, /ended keeper .*proxy-0 .*pod echo\/echo-v1-/)
  assert.deepEqual(processesOf(dataDir), [])
  assert.match((await down()).stdout, /nothing was running/)

  const third = await startSluice(t, { dataDir })
  await untilReady(third)
  assert.ok(readFileSync(third.ready.kubeconfig, 'utf8').includes('server:'))
})

test('a port that another program has is named with the option that changes it', async (t) => {
  const first = await startSluice(t)
  const { port } = new URL(first.ready.api)
  const flags = ['--data-dir', temporaryDataDir(), '--api-port', port, '--gateway-port', '0']
  const second = await run([process.execPath, MAIN, 'up', ...flags])
  assert.equal(second.code, 1)
  assert.match(second.stderr, /Choose another port with --api-port, 0 for any/)
})

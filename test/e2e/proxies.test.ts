/** Several proxies on the gateway's port, and their replacement when Sluice itself is updated. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../support/live-proxy.ts'
import { startLoad } from '../support/load.ts'
import { run, sluiceCommand, startSluice, temporaryDataDir } from '../support/sluice.ts'
import { sluiceTeller } from '../support/sluice-teller.ts'
import { storyFile } from '../support/story.ts'

interface Process {
  readonly id: string
  readonly pid: number
  readonly version: string
}

interface State {
  readonly home: unknown
  readonly processes: readonly Process[]
}

const stateOf = (dataDir: string): State => JSON.parse(readFileSync(stateFile(dataDir), 'utf8')) as State

const processes = (dataDir: string): readonly Process[] => stateOf(dataDir).processes

const stateFile = (dataDir: string): string => join(dataDir, 'proxy', 'processes.json')

test('an update of Sluice replaces two proxies on the same port, and no request on a kept connection fails', async (t) => {
  const dataDir = temporaryDataDir()
  const before = await startSluice(t, { dataDir, flags: ['--proxies', '2'] })
  const applied = await run(sluiceCommand(before, 'apply', '-f', storyFile('1-setup')))
  assert.equal(applied.code, 0, applied.stderr)
  const teller = await sluiceTeller(before)
  await teller.untilProgrammed()
  await teller.untilAvailable('echo-v1')
  const load = startLoad({ url: `${teller.gateway}/`, connections: 4, pauseMs: 2 })
  t.after(() => load.stop())
  await eventually(() => load.answers.at(-1)?.status === 200)
  const served = load.answers.length
  const older = processes(dataDir)
  assert.equal(older.length, 2)
  await before.kill()
  const outdated = older.map((each) => ({ ...each, version: '0.0.1' }))
  writeFileSync(stateFile(dataDir), JSON.stringify({ ...stateOf(dataDir), processes: outdated }))

  const after = await startSluice(t, { dataDir, flags: ['--proxies', '2'] })
  assert.equal(after.ready.gateway, before.ready.gateway)
  const pids = new Set(older.map(({ pid }) => pid))
  await eventually(() => {
    const now = processes(dataDir)
    return now.length === 2 && now.every(({ pid, version }) => !pids.has(pid) && version !== '0.0.1')
  })
  await load.until(load.answers.length + 200)
  await load.stop()
  assert.deepEqual(
    load.answers.slice(served).filter(({ status }) => status !== 200),
    [],
  )
})

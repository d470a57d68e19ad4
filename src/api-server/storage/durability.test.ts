import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { objectKey } from '../../kube/object.ts'
import { lockDataDir } from '../data-dir-lock.ts'
import { makeDataDir } from '../testing/test-server.ts'
import { LogDatabase } from './log-database.ts'
import { Store } from './store.ts'

const ACKNOWLEDGED_BEFORE_KILL = 300

test('kill -9 loses no acknowledged write, and frees the data directory', async (t) => {
  const dataDir = makeDataDir(t)
  const script = fileURLToPath(new URL('../testing/write-until-killed.ts', import.meta.url))
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')

  const acknowledged = new Map<string, number>()
  for await (const line of createInterface({ input: child.stdout })) {
    const [name = '', version = ''] = line.split(' ')
    // The last line may be cut short by the kill.
    if (version !== '' && line.length > 0) acknowledged.set(name, Number(version))
    if (acknowledged.size > 0 && Number(version) >= ACKNOWLEDGED_BEFORE_KILL && !child.killed) {
      assert.throws(() => lockDataDir(dataDir), new RegExp(`process ${child.pid} is using it`))
      child.kill('SIGKILL')
    }
  }
  await ended

  const lock = lockDataDir(dataDir)
  t.after(() => lock.release())
  const store = new Store({
    database: new LogDatabase(join(dataDir, 'state.db')),
    clock: new FakeClock(),
    onFatal: assert.fail,
  })
  t.after(() => store.close())
  for (const [name, version] of acknowledged) {
    const found = store.get('notes', objectKey('default', name))
    assert.ok(found !== undefined && found.version >= version, `${name} at ${version}, found ${found?.version}`)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lockDataDir } from './data-dir-lock.ts'
import { makeDataDir } from './testing/test-server.ts'

test('a data directory in use is refused, naming the process', (t) => {
  const dataDir = makeDataDir(t)
  const lock = lockDataDir(dataDir)
  assert.throws(() => lockDataDir(dataDir), new RegExp(`Cannot use .*${dataDir}.*process ${process.pid} is using it`))
  lock.release()
  lock.release()
  lockDataDir(dataDir).release()
})

import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

test('the pid is written over the one before, so that a restart on a full disk needs no room', (t) => {
  const dataDir = makeDataDir(t)
  lockDataDir(dataDir).release()
  const path = join(dataDir, 'pid')
  const { ino, size } = statSync(path)
  writeFileSync(path, '4194303\n', { flag: 'r+' })
  const lock = lockDataDir(dataDir)
  t.after(() => lock.release())
  assert.deepEqual([statSync(path).ino, statSync(path).size], [ino, size])
  assert.equal(Number(readFileSync(path, 'utf8')), process.pid)
})

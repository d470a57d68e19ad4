import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { prepareDataDir } from './data-dir.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-dir-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('a data directory is made with all above it, for its owner alone, and taken as it is where it exists', (t) => {
  const path = join(folder(t), 'a/b')
  prepareDataDir(path)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  chmodSync(path, 0o755)
  prepareDataDir(path)
  assert.equal(statSync(path).mode & 0o777, 0o755)
})

test('a file, and what is below a file, is refused by name', (t) => {
  const file = join(folder(t), 'file')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'below')]) {
    assert.throws(() => prepareDataDir(path), /^Error: Cannot use the data directory ".*file.*": it is not a directory/)
  }
})

test(
  'where the kernel makes no directories the answer comes at once',
  { skip: process.platform !== 'linux' && 'needs /proc' },
  () => {
    assert.throws(() => prepareDataDir('/proc/sys/sluice'), /Cannot use the data directory "\/proc\/sys\/sluice": /)
  },
)

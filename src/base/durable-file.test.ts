import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { writeDurably } from './durable-file.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-durable-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('a file is replaced whole, for its owner alone, and nothing else stays in the folder', (t) => {
  const path = join(folder(t), 'record.json')
  writeFileSync(path, 'the old content', { mode: 0o644 })
  writeDurably(path, 'new')
  assert.equal(readFileSync(path, 'utf8'), 'new')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(path, '..')), ['record.json'])
})

test('a file that has the content already is not written, so that a restart needs no room', (t) => {
  const path = join(folder(t), 'record.json')
  writeDurably(path, 'same')
  const { ino } = statSync(path)
  writeDurably(path, 'same')
  assert.equal(statSync(path).ino, ino)
})

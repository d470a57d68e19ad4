import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { eventually } from '../../../test/support/live-proxy.ts'
import { silentLog } from '../../base/log.ts'
import { LOG_FLUSH_INTERVAL_MS, LOG_WAITING_CHUNKS_MAX, LogFile, MOVED_CHECK_MS } from './log-file.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function openAt(path: string) {
  const clock = new FakeClock()
  const warnings: string[] = []
  const counts = { dropped: 0 }
  const file = new LogFile({
    path,
    clock,
    log: { ...silentLog, warn: (message) => warnings.push(message) },
    onDropped: (count) => (counts.dropped += count),
  })
  return { file, clock, warnings, counts }
}

function writeLine(file: LogFile, text: string): void {
  const line = file.beginLine()
  if (line === null) return
  line.put(text)
  file.endLine()
}

const linesOf = (path: string): string[] => readFileSync(path, 'latin1').split('\n').slice(0, -1)

test('lines are collected for a while and appended as they are', async (t) => {
  const path = join(folderOf(t), 'access.log')
  const { file, clock } = openAt(path)
  await eventually(() => existsSync(path))
  writeLine(file, 'first\n')
  writeLine(file, '\xc3\xa4 second\n')
  assert.deepEqual(linesOf(path), [])
  await clock.advance(LOG_FLUSH_INTERVAL_MS)
  await eventually(() => linesOf(path).length > 0)
  assert.equal(readFileSync(path, 'utf8'), 'first\nä second\n')
  await file.close()
})

test('what is there when it is closed is written, however long its lines are', async (t) => {
  const path = join(folderOf(t), 'access.log')
  const { file } = openAt(path)
  const lines = ['short', 'x'.repeat(200_000), 'y', 'z'.repeat(65_535), '']
  for (const line of lines) writeLine(file, `${line}\n`)
  await file.close()
  assert.deepEqual(linesOf(path), lines)
})

test('a named pipe that nobody reads holds nothing up, and gets its lines once somebody does', async (t) => {
  const path = join(folderOf(t), 'pipe')
  execFileSync('mkfifo', [path])
  const { file, clock, warnings } = openAt(path)
  await eventually(() => warnings.length === 1)
  writeLine(file, 'kept\n')
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  t.after(() => closeSync(reader))
  await clock.advance(1_000)
  const buffer = Buffer.alloc(64)
  const read = (): number => {
    try {
      return readSync(reader, buffer)
    } catch {
      return 0 // Nothing is in it yet.
    }
  }
  await eventually(() => read() > 0)
  assert.equal(buffer.toString('latin1', 0, 5), 'kept\n')
  await file.close()
})

const line = (writer: number, index: number): string => `${writer} ${index} ${'.'.repeat(index % 700)}`

test('two writers of one file tear no line', async (t) => {
  const path = join(folderOf(t), 'access.log')
  const writers = [openAt(path).file, openAt(path).file]
  for (let index = 0; index < 2_000; index++) {
    for (const [writer, file] of writers.entries()) writeLine(file, `${line(writer, index)}\n`)
  }
  await Promise.all(writers.map((file) => file.close()))
  const written = linesOf(path)
  for (const writer of [0, 1]) {
    const own = written.filter((text) => text.startsWith(`${writer} `))
    assert.deepEqual(
      own,
      Array.from({ length: 2_000 }, (_, index) => line(writer, index)),
    )
  }
})

test('a file that was moved away is made anew, and no line is lost', async (t) => {
  const folder = folderOf(t)
  const path = join(folder, 'access.log')
  const { file, clock } = openAt(path)
  const moved = [1, 2, 3].map((round) => join(folder, `access.log.${round}`))
  let next = 0
  const writeSome = async (): Promise<void> => {
    for (let count = 0; count < 1_000; count++) writeLine(file, `line ${next++}\n`)
    await clock.advance(MOVED_CHECK_MS)
  }
  for (const to of moved) {
    do await writeSome()
    while (!existsSync(path))
    renameSync(path, to)
  }
  do await writeSome()
  while (!existsSync(path))
  await file.close()
  const all = [...moved, path].flatMap(linesOf)
  assert.deepEqual(
    all,
    Array.from({ length: next }, (_, index) => `line ${index}`),
  )
})

test('a file that somebody else has put in the old one’s place is gone on with', async (t) => {
  const path = join(folderOf(t), 'access.log')
  const { file, clock } = openAt(path)
  writeLine(file, 'old\n')
  await clock.advance(LOG_FLUSH_INTERVAL_MS)
  await eventually(() => existsSync(path) && linesOf(path).length === 1)
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'made by logrotate\n')
  await clock.advance(MOVED_CHECK_MS)
  writeLine(file, 'new\n')
  await file.close()
  assert.deepEqual([linesOf(`${path}.1`), linesOf(path)], [['old'], ['made by logrotate', 'new']])
})

test('a file that cannot be opened is tried again; that is said once', async (t) => {
  const folder = join(folderOf(t), 'later')
  const path = join(folder, 'access.log')
  const { file, clock, warnings, counts } = openAt(path)
  writeLine(file, 'kept\n')
  await eventually(() => warnings.length > 0)
  for (let tries = 0; tries < 3; tries++) await clock.advance(1_000)
  mkdirSync(folder)
  while (!existsSync(path)) await clock.advance(1_000)
  await eventually(() => linesOf(path).length > 0)
  assert.deepEqual([linesOf(path), warnings, counts.dropped], [['kept'], ['cannot write the access log'], 0])
  await file.close()
})

test('what waits for a disk is bounded: lines beyond are dropped and counted', async (t) => {
  const path = join(folderOf(t), 'no-such-folder', 'access.log')
  const { file, warnings, counts } = openAt(path)
  const long = `${'x'.repeat(1_023)}\n`
  const kept = (LOG_WAITING_CHUNKS_MAX + 1) * 64
  for (let index = 0; index < kept; index++) writeLine(file, long)
  assert.equal(counts.dropped, 0)
  for (let index = 0; index < 10; index++) writeLine(file, long)
  assert.equal(counts.dropped, 10)
  await eventually(() => warnings.length === 2)
  assert.deepEqual(warnings.toSorted(), [
    'cannot write the access log',
    'the access log does not keep up, dropping entries',
  ])
  await file.close()
  assert.equal(counts.dropped, kept + 10)
})

test('a folder in the file’s place is not written to', async (t) => {
  const path = join(folderOf(t), 'access.log')
  mkdirSync(path)
  const { file, warnings, clock } = openAt(path)
  await eventually(() => warnings.length === 1)
  rmdirSync(path)
  while (!existsSync(path)) await clock.advance(1_000)
  await file.close()
})

test('standard output gets whole lines too, through a pipe that is read slowly', async () => {
  const code = `
    import { LogFile } from ${JSON.stringify(join(import.meta.dirname, 'log-file.ts'))}
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../base/clock.ts'))}
    import { silentLog } from ${JSON.stringify(join(import.meta.dirname, '../../base/log.ts'))}
    const file = new LogFile({ path: '/dev/stdout', clock: systemClock, log: silentLog, onDropped: () => {} })
    for (let index = 0; index < 5000; index++) {
      file.beginLine().put(index + ' ' + '.'.repeat(index % 90) + '\\n')
      file.endLine()
    }
    await file.close()`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const part of child.stdout) text += String(part)
  const expected = Array.from({ length: 5_000 }, (_, index) => `${index} ${'.'.repeat(index % 90)}`)
  assert.deepEqual(text.split('\n').slice(0, -1), expected)
})

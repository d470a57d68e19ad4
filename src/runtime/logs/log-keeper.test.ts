import assert from 'node:assert/strict'
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { untilTrue } from '../../../test/support/node-agent-lab.ts'
import { LogKeeper } from './log-keeper.ts'
import { LogLayout } from './log-layout.ts'
import { LogTimes } from './log-times.ts'
import { follow, readAvailable, tailPosition } from './read-log.ts'
import type { Chunk } from './read-log.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-logs-'))
after(() => rmSync(directory, { recursive: true }))

async function text(chunks: AsyncIterable<Chunk>): Promise<string> {
  const parts: Buffer[] = []
  for await (const { bytes } of chunks) parts.push(bytes)
  return Buffer.concat(parts).toString()
}

test('a log that became too long moves aside, and reading goes on across the seam', async () => {
  const file = join(directory, 'long.log')
  const program = openSync(file, 'a')
  const keeper = new LogKeeper(new FakeClock(), silentLog, { logBytesMax: 10 })
  writeSync(program, 'one\ntwo\nthree\n')
  await keeper.look([file])
  assert.equal(statSync(file).size, 0)
  writeSync(program, 'four\n')
  await keeper.look([file])
  assert.equal(await text(readAvailable(keeper.layout(file), 0)), 'one\ntwo\nthree\nfour\n')
  assert.equal(await tailPosition(keeper.layout(file), 2), 8)
  writeSync(program, 'five\nsix\n')
  await keeper.look([file])
  writeSync(program, 'seven\n')
  assert.equal(await text(readAvailable(keeper.layout(file), 0)), 'four\nfive\nsix\nseven\n')
  assert.equal(await text(readAvailable(new LogLayout(file), 0)), 'four\nfive\nsix\nseven\n')
  closeSync(program)
})

test('a follower loses nothing when the log moves aside under it', async () => {
  const file = join(directory, 'followed.log')
  const clock = new FakeClock()
  const keeper = new LogKeeper(clock, silentLog, { logBytesMax: 10 })
  let isOver = false
  const write = async (word: string): Promise<void> => {
    appendFileSync(file, word)
    await keeper.look([file])
  }
  await write('one\n')
  const { signal } = new AbortController()
  const chunks = follow(0, { layout: () => keeper.layout(file), isOver: () => isOver, clock, signal })
  const words = ['two\n', 'three-three\n', 'four\n', 'five-five-five\n', 'six\n']
  let read = ''
  const reading = (async () => {
    for await (const { bytes } of chunks) read += bytes.toString()
  })()
  let written = 'one\n'
  for (const word of words) {
    await write(word)
    written += word
    while (read !== written) await clock.advance(100)
  }
  isOver = true
  const end = reading.then(() => clock.advance(0))
  await clock.advance(100)
  await end
  assert.equal(read, written)
})

/** A program's write at this time: the file system notes it. */
function writeAt(file: string, words: string, timeMs: number): void {
  appendFileSync(file, words)
  utimesSync(file, timeMs / 1000, timeMs / 1000)
}

test('times are those at which the lines were written, however late somebody looks', async () => {
  const file = join(directory, 'timed.log')
  const clock = new FakeClock(1_000_000)
  const keeper = new LogKeeper(clock, silentLog)
  writeAt(file, 'early\n', 999_000)
  keeper.track(file)
  await clock.advance(60_000)
  writeAt(file, 'late\n', 1_055_000)
  await keeper.look([file])
  await keeper.look([])
  await clock.advance(60_000)
  const times = new LogTimes(() => keeper.layout(file), clock)
  assert.deepEqual(
    [0, 5, 6, 10].map((position) => times.timeAt(position)),
    [999_000, 999_000, 1_055_000, 1_055_000],
  )
  assert.deepEqual(
    [0, 999_001, 1_055_000, 1_055_001].map((ms) => times.positionAt(ms)),
    [0, 6, 6, 11],
  )
})

test('what was written while nobody looked has the time of the last write', async () => {
  const file = join(directory, 'alone.log')
  const clock = new FakeClock(1_000_000)
  writeAt(file, 'one\n', 990_000)
  writeAt(file, 'two\n', 995_000)
  const times = new LogTimes(() => new LogLayout(file), clock)
  assert.deepEqual([times.timeAt(0), times.timeAt(4)], [995_000, 995_000])
  await clock.advance(60_000)
  assert.equal(new LogTimes(() => new LogLayout(file), clock).timeAt(4), 995_000)
})

test('times outlive the rotation of their log, and a rotation that was cut short', async () => {
  const file = join(directory, 'turned.log')
  const clock = new FakeClock(1_000_000)
  const keeper = new LogKeeper(clock, silentLog, { logBytesMax: 10 })
  const positions = [0, 6, 12, 17]
  const timesOf = () => {
    const times = new LogTimes(() => new LogLayout(file), clock)
    return positions.map((position) => times.timeAt(position))
  }
  writeAt(file, 'first\n', 991_000)
  keeper.track(file)
  writeAt(file, 'other\n', 992_000)
  await keeper.look([file])
  writeAt(file, 'next\n', 993_000)
  await keeper.look([file])
  writeAt(file, 'last\n', 994_000)
  await keeper.look([file])
  const expected = [991_000, 992_000, 993_000, 994_000]
  assert.deepEqual(timesOf(), expected)
  const before = readFileSync(file, 'utf8')
  // Copied, not yet emptied.
  writeFileSync(`${file}.1`, before)
  assert.equal(await text(readAvailable(new LogLayout(file), 0)), 'next\nlast\n')
  assert.deepEqual(timesOf().slice(2), expected.slice(2))
  // Emptied, not yet noted.
  writeFileSync(file, '')
  assert.equal(await text(readAvailable(new LogLayout(file), 0)), 'next\nlast\n')
  assert.deepEqual(timesOf().slice(2), expected.slice(2))
})

test('a quiet log tells of its next line by itself, one that grows is looked at every 20 ms', async () => {
  const file = join(directory, 'live.log')
  writeFileSync(file, '')
  const clock = new FakeClock(1_000_000)
  const keeper = new LogKeeper(clock, silentLog)
  keeper.track(file)
  const seen = (): number => keeper.layout(file).last.position
  for (const position of [5, 10, 15]) {
    await clock.advance(100)
    appendFileSync(file, 'word\n')
    // No time passes here: the kernel tells.
    await untilTrue(() => seen() === position)
  }
  appendFileSync(file, 'word\n')
  assert.equal(seen(), 15)
  await clock.advance(20)
  assert.equal(seen(), 20)
  keeper.stop()
})

test('a log whose times are too long is rotated with them', async () => {
  const file = join(directory, 'bytewise.log')
  const clock = new FakeClock(1_000_000)
  const keeper = new LogKeeper(clock, silentLog, { logBytesMax: 1000, timesBytesMax: 100 })
  appendFileSync(file, '')
  keeper.track(file)
  for (let index = 0; index < 20; index++) {
    writeAt(file, '.', 900_000 + index)
    await keeper.look([file])
  }
  assert.ok(statSync(`${file}.times`).size <= 120)
  assert.ok(statSync(`${file}.1.times`).size <= 120)
  const times = new LogTimes(() => keeper.layout(file), clock)
  assert.deepEqual(
    [17, 18, 19].map((position) => times.timeAt(position)),
    [900_017, 900_018, 900_019],
  )
  keeper.stop()
})

import assert from 'node:assert/strict'
import { appendFileSync, closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { LogKeeper } from './log-keeper.ts'
import { LogLayout } from './log-layout.ts'
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
  const keeper = new LogKeeper(new FakeClock(), silentLog, 10)
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
  const keeper = new LogKeeper(clock, silentLog, 10)
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

test('times are those at which the lines were first seen, also for a later reader', async () => {
  const file = join(directory, 'timed.log')
  const clock = new FakeClock(1_000_000)
  const keeper = new LogKeeper(clock, silentLog)
  appendFileSync(file, 'early\n')
  await keeper.look([file])
  await keeper.look([file])
  await clock.advance(60_000)
  appendFileSync(file, 'late\n')
  await keeper.look([file])
  await keeper.look([])
  for (const layout of [keeper.layout(file), new LogLayout(file)]) {
    assert.equal(layout.timeAt(0, 9), 1_000_000)
    assert.equal(layout.timeAt(6, 9), 1_060_000)
    assert.equal(layout.timeAt(100, 9), 9)
    assert.equal(layout.positionAt(1_030_000), 6)
    assert.equal(layout.positionAt(0), 0)
  }
})

test('the record of times stays short', () => {
  const file = join(directory, 'chatty.log')
  const layout = new LogLayout(file)
  for (let second = 0; second < 9000; second++) {
    appendFileSync(file, '.')
    layout.observe(second * 1000)
  }
  assert.ok(statSync(`${file}.times`).size < 4096 * 24)
  assert.ok(Math.abs(layout.timeAt(4500, 0) - 4_500_000) <= 16_000)
})

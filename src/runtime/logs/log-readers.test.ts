import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { LogReaders } from './log-readers.ts'

async function* words(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('one\n')
  yield await Promise.resolve(Buffer.from('two\n'))
}

test('files are removed when the last reader has read everything', async () => {
  const readers = new LogReaders(new FakeClock())
  const [first, second] = [readers.read('pod', words()), readers.read('pod', words())]
  await first.next()
  await second.next()
  let isRemoved = false
  readers.whenUnread('pod', () => (isRemoved = true))
  for await (const _ of first);
  assert.equal(isRemoved, false)
  await second.return(undefined)
  assert.equal(isRemoved, true)
})

test('files that nobody reads are removed at once', () => {
  let isRemoved = false
  new LogReaders(new FakeClock()).whenUnread('pod', () => (isRemoved = true))
  assert.equal(isRemoved, true)
})

test('a reader that never ends keeps the files for ten seconds', async () => {
  const clock = new FakeClock()
  const readers = new LogReaders(clock)
  await readers.read('pod', words()).next()
  let removals = 0
  readers.whenUnread('pod', () => (removals += 1))
  await clock.advance(9999)
  assert.equal(removals, 0)
  await clock.advance(1)
  assert.equal(removals, 1)
})

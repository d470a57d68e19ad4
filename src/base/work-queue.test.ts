import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { seededRandom } from './random.ts'
import { WorkQueue } from './work-queue.ts'

function create(): { clock: FakeClock; queue: WorkQueue<string> } {
  const clock = new FakeClock()
  return { clock, queue: new WorkQueue({ clock, random: seededRandom(1), backoff: { initialMs: 10, maxMs: 100 } }) }
}

test('a key added twice is worked on once', async () => {
  const { queue } = create()
  queue.add('a')
  queue.add('a')
  queue.add('b')
  assert.equal(await queue.take(), 'a')
  assert.equal(await queue.take(), 'b')
})

test('a key added while it is worked on comes again only after done', async () => {
  const { queue } = create()
  queue.add('a')
  await queue.take()
  queue.add('a')
  const next = queue.take()
  let taken = false
  void next.then(() => (taken = true))
  await Promise.resolve()
  assert.equal(taken, false)
  queue.done('a')
  assert.equal(await next, 'a')
})

test('of several delays for a key the earliest wins', async () => {
  const { clock, queue } = create()
  queue.addAfter('a', 1000)
  queue.addAfter('a', 50)
  queue.addAfter('a', 500)
  const next = queue.take()
  await clock.advance(50)
  assert.equal(await next, 'a')
  assert.equal(clock.pending, 0)
})

test('failures come back later each time, up to the cap, until forgotten', async () => {
  const { clock, queue } = create()
  for (let attempt = 0; attempt < 10; attempt++) {
    queue.retry('a')
    await clock.advance(100)
    assert.equal(await queue.take(), 'a')
    queue.done('a')
  }
  assert.equal(queue.failures('a'), 10)
  queue.forget('a')
  assert.equal(queue.failures('a'), 0)
})

test('closing ends those who wait and drops what is queued', async () => {
  const { clock, queue } = create()
  const waiting = queue.take()
  queue.addAfter('b', 10)
  queue.close()
  assert.equal(await waiting, undefined)
  assert.equal(await queue.take(), undefined)
  assert.equal(clock.pending, 0)
})

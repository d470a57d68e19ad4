import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { createLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { failure } from '../kube/api-error.ts'
import { objectKey } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { TerminalError, runController } from './controller.ts'
import type { Requeue } from './controller.ts'

/** A source that a test speaks through. */
class Bell {
  readonly synced: Promise<void>
  readonly #listeners = new Set<(key: ObjectKey) => void>()

  constructor(synced: Promise<void> = Promise.resolve()) {
    this.synced = synced
  }

  ring(name: string): void {
    for (const listener of this.#listeners) listener(objectKey(undefined, name))
  }

  subscribe(enqueue: (key: ObjectKey) => void): () => void {
    this.#listeners.add(enqueue)
    return () => this.#listeners.delete(enqueue)
  }

  get listeners(): number {
    return this.#listeners.size
  }
}

interface SetUpOptions {
  readonly bell?: Bell
  readonly concurrency?: number
}

function setUp(
  t: TestContext,
  reconcile: (key: ObjectKey) => Promise<Requeue | void>,
  { bell = new Bell(), concurrency = 1 }: SetUpOptions = {},
) {
  const clock = new FakeClock()
  const stop = new AbortController()
  const records: string[] = []
  const log = createLog({ clock, level: 'warn', format: 'text', write: (text) => records.push(text) })
  const deps = { clock, random: seededRandom(1), log, signal: stop.signal }
  const stopped = runController({ name: 'test', reconcile, sources: [bell], concurrency, ...deps })
  t.after(() => stop.abort())
  return { bell, clock, stop, stopped, records }
}

test('nothing is reconciled before every source is synced', async (t) => {
  const synced = Promise.withResolvers<void>()
  const calls: ObjectKey[] = []
  const bell = new Bell(synced.promise)
  const { clock } = setUp(t, async (key) => void calls.push(key), { bell })
  await clock.advance(1000)
  assert.equal(bell.listeners, 0)
  synced.resolve()
  await clock.advance(0)
  bell.ring('a')
  await clock.advance(0)
  assert.deepEqual(calls, ['a'])
})

test('a failed key comes back, later each time, until it succeeds', async (t) => {
  let calls = 0
  const { bell, clock, records } = setUp(t, async () => {
    calls += 1
    if (calls < 4) throw new Error('not yet')
  })
  await clock.advance(0)
  bell.ring('a')
  await clock.advance(0)
  await clock.advance(60_000)
  assert.equal(calls, 4)
  assert.equal(records.length, 3)
  assert.match(records[2] ?? '', /reconcile failed controller=test key=a failures=3 error="not yet"/)
})

test('a conflict is tried again without a word', async (t) => {
  let calls = 0
  const { bell, clock, records } = setUp(t, async () => {
    calls += 1
    if (calls === 1) throw failure({ code: 409, reason: 'Conflict', message: 'modified' })
  })
  await clock.advance(0)
  bell.ring('a')
  await clock.advance(0)
  await clock.advance(1000)
  assert.equal(calls, 2)
  assert.deepEqual(records, [])
})

test('a terminal failure is logged and left alone until the object changes', async (t) => {
  let calls = 0
  const { bell, clock, records } = setUp(t, async () => {
    calls += 1
    throw new TerminalError('hopeless')
  })
  await clock.advance(0)
  bell.ring('a')
  await clock.advance(0)
  await clock.advance(600_000)
  assert.equal(calls, 1)
  assert.match(records[0] ?? '', /failed for good/)
  bell.ring('a')
  await clock.advance(0)
  assert.equal(calls, 2)
})

test('a reconcile that asks for it is called again after the time it named', async (t) => {
  const calls: number[] = []
  const { bell, clock } = setUp(t, async () => {
    calls.push(clock.now())
    return calls.length < 3 ? { requeueAfterMs: 5000 } : undefined
  })
  await clock.advance(0)
  bell.ring('a')
  await clock.advance(0)
  await clock.advance(60_000)
  assert.deepEqual(
    calls.map((at) => at - (calls[0] ?? 0)),
    [0, 5000, 10_000],
  )
})

test('one key is never worked on twice at the same time, different keys are', async (t) => {
  const active: string[] = []
  let most = 0
  const gates: (() => void)[] = []
  const { bell, clock } = setUp(
    t,
    async (key) => {
      assert.ok(!active.includes(key))
      active.push(key)
      most = Math.max(most, active.length)
      await new Promise<void>((resolve) => {
        gates.push(resolve)
      })
      active.splice(active.indexOf(key), 1)
    },
    { concurrency: 3 },
  )
  await clock.advance(0)
  for (const name of ['a', 'a', 'b', 'a', 'c']) bell.ring(name)
  await clock.advance(0)
  bell.ring('a')
  await clock.advance(0)
  assert.equal(most, 3)
  while (gates.length > 0) {
    gates.shift()?.()
    await clock.advance(0)
  }
  assert.deepEqual(active, [])
})

test('stopping waits for the work under way and starts no other', async (t) => {
  const gate = Promise.withResolvers<void>()
  const calls: ObjectKey[] = []
  const { bell, clock, stop, stopped } = setUp(t, async (key) => {
    calls.push(key)
    await gate.promise
  })
  await clock.advance(0)
  bell.ring('a')
  bell.ring('b')
  await clock.advance(0)
  stop.abort()
  let ended = false
  void stopped.then(() => (ended = true))
  await clock.advance(0)
  assert.equal(ended, false)
  gate.resolve()
  await stopped
  assert.deepEqual(calls, ['a'])
  assert.equal(bell.listeners, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilWatched, WatchedValue } from './watched.ts'

test('listeners hear of changes, not of the same value again', () => {
  const watched = new WatchedValue(1)
  const heard: number[] = []
  const unsubscribe = watched.subscribe((value) => heard.push(value))
  watched.set(1)
  watched.set(2)
  unsubscribe()
  watched.set(3)
  assert.deepEqual(heard, [2])
})

test('until answers at once when the value fits already', async () => {
  assert.equal(await untilWatched(new WatchedValue(5), (value) => value === 5), 5)
})

test('until waits for the value that fits', async () => {
  const watched = new WatchedValue(1)
  const waiting = untilWatched(watched, (value) => value > 2)
  watched.set(2)
  watched.set(3)
  assert.equal(await waiting, 3)
})

test('until ends when the signal aborts', async () => {
  const abort = new AbortController()
  const waiting = untilWatched(new WatchedValue(1), () => false, abort.signal)
  abort.abort(new Error('stopped'))
  await assert.rejects(waiting, /stopped/)
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import type { KubeObject } from '../../kube/object.ts'
import { objectKey } from '../../kube/object.ts'
import { makeDataDir } from '../testing/test-server.ts'
import { LogDatabase } from './log-database.ts'
import type { EventRow } from './log-database.ts'
import { Store } from './store.ts'
import type { StoreEvent } from './collection.ts'

const RESOURCE = 'notes'

function note(name: string, text = ''): KubeObject & { data: { text: string } } {
  return { apiVersion: 'v1', kind: 'Note', metadata: { name }, data: { text } }
}

function open(path: string, onFatal: (error: Error) => void = () => {}): Store {
  return new Store({ database: new LogDatabase(path), clock: new FakeClock(), onFatal })
}

function openIn(t: TestContext): { store: Store; path: string } {
  const path = join(makeDataDir(t), 'state.db')
  const store = open(path)
  t.after(() => store.close())
  return { store, path }
}

const a = objectKey('default', 'a')
const b = objectKey('default', 'b')

describe('the store', () => {
  test('shows a write to readers only once it is durable, to writers at once', async (t) => {
    const { store } = openIn(t)
    const written = store.put(RESOURCE, a, note('a'))
    assert.equal(store.get(RESOURCE, a), undefined)
    assert.deepEqual(store.list(RESOURCE), [])
    assert.equal(store.latest(RESOURCE, a)?.object.metadata.name, 'a')
    await written
    assert.equal(store.get(RESOURCE, a)?.object.metadata.resourceVersion, '2')
  })

  test('delivers events in the order of their versions, after the commit', async (t) => {
    const { store } = openIn(t)
    const events: StoreEvent[] = []
    store.subscribe(RESOURCE, (event) => {
      assert.equal(store.version, event.version)
      events.push(event)
    })
    const first = store.put(RESOURCE, a, note('a', '1'))
    const second = store.put(RESOURCE, a, note('a', '2'))
    assert.equal(events.length, 0)
    await Promise.all([first, second])
    const latest = store.latest(RESOURCE, a)
    assert.ok(latest)
    await store.remove(RESOURCE, latest)
    assert.deepEqual(
      events.map(({ type, version, previous }) => [type, version, previous?.version]),
      [
        ['ADDED', 2, undefined],
        ['MODIFIED', 3, 2],
        ['DELETED', 4, 3],
      ],
    )
  })

  test('gives a deleted and re-created object of one turn its last state', async (t) => {
    const { store } = openIn(t)
    const stored = await store.put(RESOURCE, a, note('a', 'old'))
    const removed = store.remove(RESOURCE, stored)
    assert.equal(store.latest(RESOURCE, a), undefined)
    const created = store.put(RESOURCE, a, note('a', 'new'))
    await Promise.all([removed, created])
    assert.match(store.get(RESOURCE, a)?.json ?? '', /new/)
    assert.match(store.latest(RESOURCE, a)?.json ?? '', /new/)
  })

  test('comes back with its objects, versions and events after a restart', async (t) => {
    const path = join(makeDataDir(t), 'state.db')
    const before = open(path)
    await before.put(RESOURCE, a, note('a'))
    const gone = await before.put(RESOURCE, b, note('b'))
    await before.remove(RESOURCE, gone)
    before.close()

    const after = open(path)
    t.after(() => after.close())
    assert.deepEqual(
      after.list(RESOURCE).map(({ key }) => key),
      [a],
    )
    assert.equal(after.version, 4)
    assert.deepEqual(
      after.eventsAfter(RESOURCE, 2).map(({ type, version }) => [type, version]),
      [
        ['ADDED', 3],
        ['DELETED', 4],
      ],
    )
    assert.equal((await after.put(RESOURCE, b, note('b'))).version, 5)
  })

  test('can tell the state of any version whose events it still has', async (t) => {
    const { store } = openIn(t)
    await store.put(RESOURCE, a, note('a', 'first'))
    const old = await store.put(RESOURCE, b, note('b', 'first'))
    await store.put(RESOURCE, a, note('a', 'second'))
    await store.remove(RESOURCE, old)
    const at = (version: number): readonly string[] =>
      store.listAt(RESOURCE, version).map(({ key, json }) => `${key} ${json.includes('first') ? 'first' : 'second'}`)
    assert.deepEqual(at(1), [])
    assert.deepEqual(at(2), ['default/a first'])
    assert.deepEqual(at(3), ['default/a first', 'default/b first'])
    assert.deepEqual(at(4), ['default/a second', 'default/b first'])
    assert.deepEqual(at(5), ['default/a second'])
  })

  test('never gives a version out again, even when its object and events are gone', async (t) => {
    const path = join(makeDataDir(t), 'state.db')
    const store = open(path)
    const stored = await store.put(RESOURCE, a, note('a'))
    await store.remove(RESOURCE, stored)
    store.close()
    const database = new LogDatabase(path)
    assert.equal(database.trim(0, 0), 3)
    database.close()
    const again = open(path)
    t.after(() => again.close())
    assert.equal(again.version, 3)
    assert.equal(again.trimmedVersion, 3)
    assert.equal((await again.put(RESOURCE, a, note('a'))).version, 4)
  })

  test('stops at the first failed commit: the writers are told, and so is the owner', async (t) => {
    const database = new LogDatabase(join(makeDataDir(t), 'state.db'))
    const fatal: Error[] = []
    const store = new Store({ database, clock: new FakeClock(), onFatal: (error) => fatal.push(error) })
    await store.put(RESOURCE, a, note('a'))
    // The disk goes away under the store.
    database.close()
    await assert.rejects(store.put(RESOURCE, b, note('b')), /the disk refused the transaction/)
    assert.equal(fatal.length, 1)
    assert.equal(store.get(RESOURCE, b), undefined)
    await assert.rejects(store.put(RESOURCE, a, note('a')), /the disk refused/)
    store.close()
  })
})

test('events older than an hour are forgotten, and versions before them with them', async (t) => {
  const clock = new FakeClock()
  const database = new LogDatabase(join(makeDataDir(t), 'state.db'))
  const store = new Store({ database, clock, onFatal: assert.fail })
  t.after(() => store.close())
  await store.put(RESOURCE, a, note('a', '1'))
  await clock.advance(30 * 60_000)
  await store.put(RESOURCE, a, note('a', '2'))
  assert.equal(store.trimmedVersion, 0)
  await clock.advance(32 * 60_000)
  assert.equal(store.trimmedVersion, 2)
  assert.deepEqual(
    store.eventsAfter(RESOURCE, 2).map(({ version }) => version),
    [3],
  )
})

function change(version: number, json: string, previous: string | null = null): EventRow {
  return { version, resource: RESOURCE, key: 'k', type: 'MODIFIED', json, previous }
}

describe('the event log', () => {
  test('is trimmed by age and by number', async (t) => {
    const path = join(makeDataDir(t), 'state.db')
    const database = new LogDatabase(path)
    t.after(() => database.close())
    const row = (version: number) =>
      ({ version, resource: RESOURCE, key: 'k', type: 'ADDED', json: '{}', previous: null }) as const
    database.commit([row(2), row(3)], 1_000)
    database.commit([row(4), row(5), row(6)], 2_000)
    assert.equal(database.trim(1_500, 100), 3)
    assert.deepEqual(
      database.eventsAfter(RESOURCE, 0).map(({ version }) => version),
      [4, 5, 6],
    )
    assert.equal(database.trim(0, 1), 5)
    assert.deepEqual(
      database.eventsAfter(RESOURCE, 0).map(({ version }) => version),
      [6],
    )
  })

  test('is trimmed by bytes: the newest that fit stay', (t) => {
    const database = new LogDatabase(join(makeDataDir(t), 'state.db'))
    t.after(() => database.close())
    database.commit(
      [change(2, 'x'.repeat(50)), change(3, 'x'.repeat(30), 'y'.repeat(30)), change(4, 'ü'.repeat(20))],
      1_000,
    )
    assert.equal(database.trim(0, 100, 150), 0)
    assert.equal(database.trim(0, 100, 100), 2)
    assert.equal(database.trim(0, 100, 99), 3)
  })

  test('a burst of large writes trims it without waiting for the clock', async (t) => {
    const database = new LogDatabase(join(makeDataDir(t), 'state.db'))
    const store = new Store({ database, clock: new FakeClock(), onFatal: () => {}, eventBytesMax: 8_000 })
    t.after(() => store.close())
    for (let turn = 0; turn < 10; turn++) await store.put(RESOURCE, a, note('a', 'x'.repeat(2_000)))
    assert.ok(store.trimmedVersion > 5, String(store.trimmedVersion))
    assert.ok(store.eventsAfter(RESOURCE, store.trimmedVersion).length > 0)
  })
})

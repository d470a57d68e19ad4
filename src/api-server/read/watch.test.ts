import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { objectKey } from '../../kube/object.ts'
import { seededRandom } from '../../base/random.ts'
import { Registry } from '../registry/registry.ts'
import { LogDatabase } from '../storage/log-database.ts'
import { Store } from '../storage/store.ts'
import { testKinds } from '../testing/test-kinds.ts'
import { eventText, makeDataDir, startTestServer } from '../testing/test-server.ts'
import { selectionOf } from './selection.ts'
import { parseWatchRequest, Watch, WATCH_BUFFER_BYTES_MAX } from './watch.ts'
import { join } from 'node:path'

const NOTES = '/api/v1/namespaces/default/notes'
const WIDGETS = '/apis/test.dev/v1/namespaces/default/widgets'

describe('watch', () => {
  test('without a version starts with the current state, then tells what happens', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    const watch = await client.watch(`${NOTES}?watch=true`)
    await client.post(NOTES, { metadata: { name: 'b' } })
    await client.patch(`${NOTES}/a`, 'merge', { data: { x: 'y' } })
    await client.delete(`${NOTES}/b`)
    const events = await watch.take(4)
    assert.deepEqual(events.map(eventText), ['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED b'])
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion))
    assert.deepEqual(
      versions,
      versions.toSorted((a, b) => a - b),
    )
  })

  test('answers with its headers at once, also when there is nothing to tell', async (t) => {
    const { client } = await startTestServer(t)
    assert.equal((await client.watch(`${NOTES}?watch=true&resourceVersion=1`)).code, 200)
  })

  test('from a version tells exactly what came after it', async (t) => {
    const { client } = await startTestServer(t)
    const { json: a } = await client.post(NOTES, { metadata: { name: 'a' } })
    await client.post(NOTES, { metadata: { name: 'b' } })
    const watch = await client.watch(`${NOTES}?watch=true&resourceVersion=${a.metadata.resourceVersion}`)
    await client.post(NOTES, { metadata: { name: 'c' } })
    assert.deepEqual((await watch.take(2)).map(eventText), ['ADDED b', 'ADDED c'])
  })

  test('sees an object enter and leave its selection', async (t) => {
    const { client } = await startTestServer(t)
    const watch = await client.watch(`${NOTES}?watch=true&labelSelector=on%3Dyes`)
    await client.post(NOTES, { metadata: { name: 'a' } })
    const label = (on: string | null): Promise<unknown> =>
      client.patch(`${NOTES}/a`, 'merge', { metadata: { labels: { on } } })
    await label('yes')
    await client.patch(`${NOTES}/a`, 'merge', { data: { x: 'y' } })
    await label('no')
    await label(null)
    await label('yes')
    await client.delete(`${NOTES}/a`)
    const events = await watch.take(5)
    assert.deepEqual(events.map(eventText), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a', 'DELETED a'])
    assert.equal(events[2]?.object.metadata.labels?.['on'], 'yes')
  })

  test('resumed over a restart still knows what left its selection', async (t) => {
    const first = await startTestServer(t)
    const { json } = await first.client.post(WIDGETS, { metadata: { name: 'a' }, spec: { size: 'big' } })
    await first.client.patch(`${WIDGETS}/a`, 'merge', { spec: { size: 'small' } })
    await first.server.stop()
    const { client } = await startTestServer(t, { dataDir: first.dataDir })
    const version = json.metadata.resourceVersion
    const watch = await client.watch(`${WIDGETS}?watch=true&fieldSelector=spec.size%3Dbig&resourceVersion=${version}`)
    assert.equal(eventText((await watch.next()) ?? assert.fail()), 'DELETED a')
  })

  test('of one object, in the path or the old form, tells about that one', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    await client.post(NOTES, { metadata: { name: 'b' } })
    for (const path of [`${NOTES}/b?watch=1`, '/api/v1/watch/namespaces/default/notes/b']) {
      const watch = await client.watch(path)
      assert.deepEqual((await watch.take(1)).map(eventText), ['ADDED b'])
    }
  })

  test('in table form carries rows', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(WIDGETS, { metadata: { name: 'a' }, spec: {} })
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
    const response = await client.open('GET', `${WIDGETS}?watch=true`, { headers })
    const [line] = (await response.take(1).toArray()) as Buffer[]
    const event = JSON.parse(String(line)) as { object: { kind: string; rows: { cells: unknown }[] } }
    assert.equal(event.object.kind, 'Table')
    assert.deepEqual(event.object.rows[0]?.cells, ['a', 'small', ''])
    response.destroy()
  })
})

describe('a streaming list', () => {
  const STREAM = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'

  test('is the state, a bookmark that ends it, and then what happens', async (t) => {
    const { client } = await startTestServer(t)
    await client.post(NOTES, { metadata: { name: 'a' } })
    const watch = await client.watch(`${NOTES}?${STREAM}`)
    const [state, bookmark] = await watch.take(2)
    assert.equal(state?.type, 'ADDED')
    assert.equal(bookmark?.type, 'BOOKMARK')
    assert.deepEqual(bookmark?.object.metadata, {
      resourceVersion: state?.object.metadata.resourceVersion,
      annotations: { 'k8s.io/initial-events-end': 'true' },
    })
    await client.post(NOTES, { metadata: { name: 'b' } })
    assert.equal(eventText((await watch.next()) ?? assert.fail()), 'ADDED b')
  })

  test('must be asked for completely', async (t) => {
    const { client } = await startTestServer(t)
    const { code } = await client.get(`${NOTES}?watch=true&sendInitialEvents=true`)
    assert.equal(code, 422)
    assert.equal((await client.get(`${NOTES}?watch=true&resourceVersion=1&resourceVersionMatch=Exact`)).code, 422)
  })
})

describe('the end of a watch', () => {
  test('comes at its timeout, after a last bookmark', async (t) => {
    const clock = new FakeClock(Date.now())
    const { client } = await startTestServer(t, { clock })
    const watch = await client.watch(`${NOTES}?watch=true&timeoutSeconds=90&allowWatchBookmarks=true&resourceVersion=1`)
    await clock.advance(60_000)
    assert.equal((await watch.next())?.type, 'BOOKMARK')
    await client.post(NOTES, { metadata: { name: 'a' } })
    assert.equal((await watch.next())?.type, 'ADDED')
    await clock.advance(30_000)
    const last = await watch.next()
    const { json } = await client.get(`${NOTES}/a`)
    assert.deepEqual([last?.type, last?.object.metadata.resourceVersion], ['BOOKMARK', json.metadata.resourceVersion])
    assert.equal(await watch.next(), undefined)
  })

  test('is an ERROR event when the start is no longer known', async (t) => {
    const first = await startTestServer(t)
    await first.client.post(NOTES, { metadata: { name: 'a' } })
    await first.server.stop()
    const database = new LogDatabase(join(first.dataDir, 'state.db'))
    const trimmed = database.trim(0, 0)
    database.close()
    const { client } = await startTestServer(t, { dataDir: first.dataDir })
    const watch = await client.watch(`${NOTES}?watch=true&resourceVersion=2`)
    const event = await watch.next()
    assert.equal(watch.code, 200)
    assert.deepEqual(
      [event?.type, event?.object.code, event?.object.reason, event?.object.message],
      ['ERROR', 410, 'Expired', `too old resource version: 2 (${trimmed})`],
    )
    assert.equal(await watch.next(), undefined)
    assert.equal((await client.get(`${NOTES}?resourceVersion=2&resourceVersionMatch=Exact`)).code, 410)
    const token = Buffer.from(JSON.stringify([2, 'default/0'])).toString('base64url')
    const page = await client.get(`${NOTES}?limit=5&continue=${token}`)
    assert.deepEqual([page.code, page.json.reason], [410, 'Expired'])
    const rest = await client.get(`${NOTES}?limit=5&continue=${page.json.metadata.continue}`)
    assert.equal(rest.json.items[0]?.metadata.name, 'a')
    const fresh = await client.watch(`${NOTES}?watch=true&resourceVersion=${trimmed}`)
    await client.post(NOTES, { metadata: { name: 'b' } })
    assert.equal(eventText((await fresh.next()) ?? assert.fail()), 'ADDED b')
  })

  test('comes at once for a watcher that does not read what it is sent', async (t) => {
    const clock = new FakeClock()
    const database = new LogDatabase(join(makeDataDir(t), 'state.db'))
    const store = new Store({ database, clock, onFatal: assert.fail })
    t.after(() => store.close())
    const kind = new Registry(testKinds).find('', 'v1', 'notes') ?? assert.fail()
    let bufferedBytes = 0
    const cut = { isDone: false }
    const query = new URLSearchParams()
    const watch = new Watch({
      store,
      clock,
      kind,
      selection: selectionOf(kind, {}, query),
      request: parseWatchRequest(query, seededRandom(1)),
      encode: ({ json }) => json,
      sink: {
        write: (text) => (bufferedBytes += text.length),
        bufferedBytes: () => bufferedBytes,
        end: () => {},
        destroy: () => (cut.isDone = true),
      },
    })
    watch.start()
    const large = { apiVersion: 'v1', kind: 'Note', metadata: { name: 'a' }, data: 'x'.repeat(1024 * 1024) }
    for (let written = 0; written < 20 && !cut.isDone; written++) {
      await store.put('notes', objectKey('default', `a${written}`), large)
    }
    assert.ok(cut.isDone)
    assert.ok(bufferedBytes < WATCH_BUFFER_BYTES_MAX + 3 * 1024 * 1024)
    assert.equal(clock.pending, 1, 'only the timer that trims the log remains')
  })
})

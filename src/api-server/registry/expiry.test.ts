import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { eventKind } from '../../kinds/event.ts'
import { testKinds } from '../testing/test-kinds.ts'
import { startTestServer } from '../testing/test-server.ts'

const HOUR_MS = 60 * 60_000
const involvedObject = { namespace: 'default' }
const EVENTS = '/api/v1/namespaces/default/events'

test('an event goes an hour after it last happened', async (t) => {
  const clock = new FakeClock(Date.now())
  const { client } = await startTestServer(t, { clock, kinds: [...testKinds, eventKind] })
  await client.post(EVENTS, { metadata: { name: 'once' }, involvedObject })
  const later = new Date(clock.now() + HOUR_MS).toISOString()
  await client.post(EVENTS, { metadata: { name: 'again' }, involvedObject, lastTimestamp: later })
  const watch = await client.watch(`${EVENTS}?watch=true&timeoutSeconds=36000`)
  await watch.take(2)
  await clock.advance(HOUR_MS + 60_000)
  const gone = await watch.next()
  assert.deepEqual([gone?.type, gone?.object.metadata.name], ['DELETED', 'once'])
  assert.equal((await client.get(`${EVENTS}/again`)).code, 200)
})

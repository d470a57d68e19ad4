/** The property all controllers stand on: list, then watch from there, and you know the state. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { assertNever } from '../../base/assert.ts'
import type { TestClient } from '../testing/test-server.ts'
import { startTestServer } from '../testing/test-server.ts'

const NOTES = '/api/v1/namespaces/default/notes'
const NAMES = ['a', 'b', 'c', 'd'] as const

type Write = {
  readonly name: string
  readonly kind: 'create' | 'change' | 'relabel' | 'delete'
  readonly value: number
}

const writes = fc.array(
  fc.record({
    name: fc.constantFrom(...NAMES),
    kind: fc.constantFrom('create' as const, 'change' as const, 'relabel' as const, 'delete' as const),
    value: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 30 },
)

function send(client: TestClient, { name, kind, value }: Write): Promise<unknown> {
  switch (kind) {
    case 'create':
      return client.post(NOTES, { metadata: { name, labels: { on: String(value % 2) } }, data: { v: String(value) } })
    case 'change':
      return client.patch(`${NOTES}/${name}`, 'merge', { data: { v: String(value) } })
    case 'relabel':
      return client.patch(`${NOTES}/${name}`, 'merge', { metadata: { labels: { on: String(value % 2) } } })
    case 'delete':
      return client.delete(`${NOTES}/${name}`)
    default:
      return assertNever(kind)
  }
}

/** The state a client arrives at by list and watch, read until it has seen the marker object. */
async function follow(client: TestClient, selector: string, marker: string): Promise<ReadonlyMap<string, string>> {
  const list = (await client.get(`${NOTES}?${selector}`)).json
  const state = new Map(list.items.map((item) => [item.metadata.name ?? '', JSON.stringify(item)]))
  const watch = await client.watch(`${NOTES}?watch=true&${selector}&resourceVersion=${list.metadata.resourceVersion}`)
  while (!state.has(marker)) {
    const event = (await watch.next()) ?? assert.fail('the watch ended')
    const name = event.object.metadata.name ?? ''
    if (event.type === 'DELETED') state.delete(name)
    else state.set(name, JSON.stringify(event.object))
  }
  watch.close()
  return state
}

test('a client that lists, then watches, arrives at exactly the final state, whenever it begins', async (t) => {
  const { client } = await startTestServer(t)
  let run = 0
  const property = fc.asyncProperty(writes, fc.nat(30), async (all, begin) => {
    const marker = `marker-${run++}`
    // Concurrent writes, so that several share a transaction; the followers begin somewhere among them.
    const before = Promise.all(all.slice(0, begin).map((write) => send(client, write)))
    const followers = ['', 'labelSelector=on%3D1'].map((selector) => follow(client, selector, marker))
    await Promise.all([before, ...all.slice(begin).map((write) => send(client, write))])
    await client.post(NOTES, { metadata: { name: marker, labels: { on: '1' } } })
    const [everything, selected] = await Promise.all(followers)
    for (const [selector, seen] of [
      ['', everything],
      ['labelSelector=on%3D1', selected],
    ] as const) {
      const { items } = (await client.get(`${NOTES}?${selector}`)).json
      assert.deepEqual(seen, new Map(items.map((item) => [item.metadata.name ?? '', JSON.stringify(item)])))
    }
  })
  await fc.assert(property, { numRuns: 25, seed: 3 })
})

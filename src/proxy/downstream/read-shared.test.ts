import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { readShared } from './read-shared.ts'

/** A client, and the server's side of its connection as `readShared` gives it. */
async function connected(t: TestContext): Promise<{ client: Socket; accepted: Socket; shared: Socket }> {
  const found = Promise.withResolvers<{ accepted: Socket; shared: Socket }>()
  const server = createServer({ allowHalfOpen: true }, (accepted) => {
    found.resolve({ accepted, shared: readShared(accepted) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const { accepted, shared } = await found.promise
  t.after(() => {
    client.destroy()
    shared.destroy()
    server.close()
  })
  return { client, accepted, shared }
}

test('the runtime lets accepted connections be read into one buffer', async (t) => {
  const { accepted, shared } = await connected(t)
  assert.notEqual(shared, accepted)
  assert.equal(shared.remoteAddress, '127.0.0.1')
})

test('what is kept of a chunk does not change with the next', async (t) => {
  const { client, shared } = await connected(t)
  const kept: Buffer[] = []
  for (const text of ['first', 'second', 'x'.repeat(5_000)]) {
    client.write(text)
    const [chunk] = (await once(shared, 'data')) as [Buffer]
    kept.push(chunk)
  }
  assert.deepEqual(kept.map(String), ['first', 'second', 'x'.repeat(5_000)])
})

test('both directions end by themselves', async (t) => {
  const { client, shared } = await connected(t)
  client.end('question')
  const [chunk] = (await once(shared, 'data')) as [Buffer]
  await once(shared, 'end')
  const closed = once(shared, 'close')
  shared.end(`answer to ${String(chunk)}`)
  const [answer] = (await once(client, 'data')) as [Buffer]
  assert.equal(String(answer), 'answer to question')
  await closed
})

test('what is put back is what the next reader finds', async (t) => {
  const { client, shared } = await connected(t)
  client.write('preface')
  const [chunk] = (await once(shared, 'data')) as [Buffer]
  shared.pause()
  shared.unshift(chunk)
  assert.equal(String(shared.read()), 'preface')
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { sharedReads } from './shared-reads.ts'

const SENT = Buffer.from(Uint32Array.from({ length: 500_000 }, (_, index) => index).buffer)

interface Chunk {
  readonly bytes: Buffer
  readonly isLent: boolean
}

/** What two sockets got at the same time, when both have all. `keeps`: what is answered to lent buffers. */
async function received(t: TestContext, keeps: boolean): Promise<readonly (readonly Chunk[])[]> {
  const server = createServer((socket) => void socket.end(SENT))
  t.after(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const read = async (): Promise<readonly Chunk[]> => {
    const chunks: Chunk[] = []
    const onread = sharedReads((bytes, isLent) => {
      chunks.push({ bytes, isLent })
      return keeps
    })
    await once(connect({ port, host: '127.0.0.1', onread }), 'close')
    return chunks
  }
  return Promise.all([read(), read()])
}

test('nothing is written to a buffer that is kept', async (t) => {
  for (const chunks of await received(t, true)) {
    assert.ok(chunks.some(({ isLent }) => isLent))
    assert.ok(Buffer.concat(chunks.map(({ bytes }) => bytes)).equals(SENT))
  }
})

test('one that is not kept is used again', async (t) => {
  const [first = [], second = []] = await received(t, false)
  const buffersOf = (chunks: readonly Chunk[]): Set<unknown> =>
    new Set(chunks.filter(({ isLent }) => isLent).map(({ bytes }) => bytes.buffer))
  for (const chunks of [first, second]) {
    assert.ok(buffersOf(chunks).size < chunks.filter(({ isLent }) => isLent).length)
  }
})

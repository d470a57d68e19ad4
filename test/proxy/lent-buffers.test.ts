import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { forwardingTo, startBackend, startProxy } from '../support/live-proxy.ts'

const CLIENTS = 8
const REQUESTS = 12
const TURNS = 5
/** More than the system takes for a client that does not read. */
const BYTES_MAX = 8_000_000

/** No two of them are alike anywhere for long. */
function bodyOf(seed: number, size: number): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4))
  for (let index = 0; index < words.length; index++)
    words[index] = Math.imul(index + 1, 0x9e3779b1) ^ (seed * 0x85ebca6b)
  return Buffer.from(words.buffer, 0, size)
}

/** Every other client is so slow that what is written towards it always waits, to the last byte. */
async function readBody(response: IncomingMessage, isSlow: boolean): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    for (let turns = isSlow ? TURNS : 0; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  }
  return Buffer.concat(chunks)
}

/** Endpoints' bytes are read into buffers that are used again, unless something of them still waits to be sent. */
test('long bodies for many clients, some of them slow, are not mixed up', async (t) => {
  const backend = await startBackend(t, (request, response) => {
    const [, seed, size, framing] = (request.url ?? '').split('/')
    const body = bodyOf(Number(seed), Number(size))
    if (framing === 'length') response.setHeader('content-length', body.length)
    response.write(body.subarray(0, 100_000))
    response.end(body.subarray(100_000))
  })
  const { port } = await startProxy(t, forwardingTo(backend.port))
  const random = seededRandom(20261121)
  const client = async (id: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    for (let count = 0; count < REQUESTS; count++) {
      const seed = id * REQUESTS + count
      const size = Math.floor((0.5 + random() / 2) * BYTES_MAX)
      const path = `/${seed}/${size}/${seed % 2 === 0 ? 'length' : 'chunked'}`
      const request = get({ host: '127.0.0.1', port, path, agent })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      const body = await readBody(response, id % 2 === 1)
      assert.ok(body.equals(bodyOf(seed, size)), path)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, id) => client(id)))
})

/** Endpoints that answer before they have the whole request, and take no more of it. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { startRawHttp2Backend } from '../support/http2-backend.ts'
import { FLAG, FRAME, GET, RawHttp2Client, http2Session, replyOf } from '../support/http2-client.ts'
import type { Frame } from '../support/http2-client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { sendPattern } from '../support/http1-pattern.ts'
import {
  RawClient,
  cluster,
  forwardingTo,
  route,
  snapshotOf,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'

const { NGHTTP2_NO_ERROR } = constants
const options = { timeout: 10_000 }

/** More than the kernel takes. */
const BODY_BYTES = 64 * 1024 * 1024
/** Whether a write or a read comes first is chance. */
const TIMES = 10

const POST = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`

/** The answer to a request that goes on and on. */
async function answerTo(t: TestContext, { port }: LiveProxy): Promise<string> {
  const client = new RawClient(t, port).send(POST)
  sendPattern(client.socket, BODY_BYTES)
  const text = await client.until((part) => part.endsWith('too large'))
  client.socket.destroy()
  return text
}

describe('an answer before the request is complete', options, () => {
  test('is not lost where the endpoint closes its connection right behind it', async (t) => {
    const answer = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large'
    const close = (socket: Socket): void => {
      socket.write(answer)
      // With some of the request unread this is a reset.
      socket.destroySoon()
    }
    const backend = await startRawBackend(t, (socket) => socket.once('data', () => close(socket)))
    const proxy = await startProxy(t, forwardingTo(backend.port))
    for (let time = 0; time < TIMES; time++) assert.match(await answerTo(t, proxy), /^HTTP\/1\.1 413 /)
    assert.deepEqual(proxy.counted(), { 413: TIMES })
  })

  test('is not lost where the endpoint resets its stream right behind it', async (t) => {
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      peer.respond(stream, [[':status', '413']], 0)
      peer.send(FRAME.DATA, FLAG.END_STREAM, stream, Buffer.from('too large'))
      peer.reset(stream, NGHTTP2_NO_ERROR)
    })
    const v1 = cluster('v1', [backend.port], { protocol: 'http2' })
    const proxy = await startProxy(t, snapshotOf([route('all', { v1: 1 })], [v1]))
    for (let time = 0; time < TIMES; time++) {
      const client = new RawClient(t, proxy.port).send(POST)
      sendPattern(client.socket, BODY_BYTES)
      // In chunks: their end is behind it.
      assert.match(await client.untilClosed(), /^HTTP\/1\.1 413 [^]*too large\r\n0\r\n\r\n$/)
    }
    const session = http2Session(t, proxy.port)
    const streams = Array.from({ length: TIMES }, () => session.request({ ':method': 'POST' }))
    for (const stream of streams) sendPattern(stream, BODY_BYTES)
    for (const { status, body, code } of await Promise.all(streams.map(replyOf))) {
      assert.deepEqual({ status, body, code }, { status: 413, body: 'too large', code: NGHTTP2_NO_ERROR })
    }
    assert.deepEqual(proxy.counted(), { 413: 2 * TIMES })
  })

  test('tells a client that waits for leave to send its body that the connection ends, as the body may still come', async (t) => {
    const endpoint = Promise.withResolvers<Socket>()
    const backend = await startRawBackend(t, (socket) => socket.once('data', () => endpoint.resolve(socket)))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
    const socket = await endpoint.promise
    socket.write('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\n')
    await client.until((text) => text.endsWith('\r\n\r\n'))
    socket.write('no')
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 417 [^]*\r\nconnection: close\r\n\r\nno$/)
  })

  test('gives a client of HTTP/2 the time to end its request itself', async (t) => {
    const clock = new FakeClock()
    const { port } = await startProxy(t, snapshotOf([], []), { clock })
    const fields = GET.with(0, [':method', 'POST'])
    const client = new RawHttp2Client(t, port).greet().request(1, fields, 0).request(3, fields, 0)
    const isEndOf = (id: number) => (frame: Frame) =>
      frame.stream === id && frame.type === FRAME.DATA && (frame.flags & FLAG.END_STREAM) !== 0
    await client.until(isEndOf(1))
    await client.until(isEndOf(3))
    client.send(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from('rest')).send(FRAME.PING, 0, 0, Buffer.alloc(8))
    await client.until(({ type }) => type === FRAME.PING)
    assert.ok(client.frames.every(({ type }) => type !== FRAME.RST_STREAM))
    await clock.advance(100)
    assert.equal(await client.untilReset(3), NGHTTP2_NO_ERROR)
    client.request(5, fields)
    await client.until(isEndOf(5))
    assert.ok(client.frames.every(({ type, stream }) => type !== FRAME.RST_STREAM || stream === 3))
  })
})

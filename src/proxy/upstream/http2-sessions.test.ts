import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { startRawHttp2Backend } from '../../../test/support/http2-backend.ts'
import { FLAG, FRAME } from '../../../test/support/http2-client.ts'
import { eventually } from '../../../test/support/live-proxy.ts'
import { silentLog } from '../../base/log.ts'
import type { BodyFraming, ResponseHead } from '../http1/response-head.ts'
import type { Body, Exchange, UpstreamFailure, UpstreamSide } from './side.ts'

import { Http2Sessions } from './http2-sessions.ts'

const options = { timeout: 10_000 }

/** A request whose client takes nothing after the head. */
class SlowRequest implements Exchange {
  readonly keepsLent = true
  readonly requestMethod = 'GET'
  readonly #upstream: UpstreamSide
  bytes = 0
  isAnswered = false
  isDone = false
  failure: UpstreamFailure | null = null

  constructor(upstream: UpstreamSide) {
    this.#upstream = upstream
    upstream.attach(this)
  }

  onConnected(): void {
    this.#upstream.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n', null)
  }

  onResponse(_head: ResponseHead, _framing: BodyFraming, _body: Body, _done: boolean): void {
    this.isAnswered = true
    this.#upstream.pause()
  }

  onBody({ from, to }: Body, done: boolean): void {
    this.bytes += to - from
    this.isDone = done
    if (done) this.#upstream.release(0)
  }

  onFailure(failure: UpstreamFailure): void {
    this.failure = failure
  }

  onCrash(error: unknown): void {
    throw error
  }

  onInterim(): void {}
  onTunnelled(): void {}
  onTunnelEnd(): void {}
  onSendable(): void {}
}

const PART = Buffer.alloc(16_000)
const PARTS = 30

/** Answers with all parts, in frames, and closes the connection. */
async function askFor(t: TestContext, lastFlags: number): Promise<SlowRequest> {
  const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
    if (type !== FRAME.HEADERS) return
    peer.respond(
      stream,
      [
        [':status', '200'],
        ['content-length', String(PARTS * PART.length)],
      ],
      0,
    )
    for (let count = 1; count <= PARTS; count++) {
      peer.send(FRAME.DATA, count === PARTS ? lastFlags : 0, stream, PART)
    }
    peer.socket.end()
  })
  const sessions = new Http2Sessions({ address: '127.0.0.1', port: backend.port, tls: null }, silentLog)
  t.after(() => sessions.closeAll())
  const request = new SlowRequest(sessions.open(Infinity, null))
  await eventually(() => sessions.count === 0)
  return request
}

test('a response that is here as a whole outlives its session', options, async (t) => {
  const { bytes, isDone, failure } = await askFor(t, FLAG.END_STREAM)
  assert.deepEqual([bytes, isDone, failure], [PARTS * PART.length, true, null])
})

test('one that the endpoint has not ended fails with its session', options, async (t) => {
  const request = await askFor(t, 0)
  await eventually(() => request.failure !== null)
  assert.deepEqual([request.isDone, request.failure], [false, 'upstream-closed'])
})

for (const [name, lastFlags] of [
  ['here as a whole', FLAG.END_STREAM],
  ['not complete', 0],
] as const) {
  test(
    `a place in a session is free again when a request leaves while its response is ${name} and unread`,
    options,
    async (t) => {
      const read = Promise.withResolvers<void>()
      const backend = await startRawHttp2Backend(t, (peer, { type, stream, flags }) => {
        if (type === FRAME.PING && flags === FLAG.ACK) read.resolve()
        if (type !== FRAME.HEADERS) return
        peer.respond(stream, [[':status', '200']], 0)
        for (let count = 1; count <= PARTS; count++) {
          peer.send(FRAME.DATA, count === PARTS ? lastFlags : 0, stream, PART)
        }
        peer.send(FRAME.PING, 0, 0, Buffer.alloc(8))
      })
      const sessions = new Http2Sessions({ address: '127.0.0.1', port: backend.port, tls: null }, silentLog)
      t.after(() => sessions.closeAll())
      const way = sessions.open(Infinity, null)
      const request = new SlowRequest(way)
      await read.promise
      assert.deepEqual([request.isAnswered, request.isDone, sessions.idle], [true, false, 0])
      way.destroy()
      await eventually(() => sessions.idle === 1)
    },
  )
}

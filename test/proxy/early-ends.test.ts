/** Requests to endpoints of HTTP/2 that are over before all of them was sent: answered early, or given up. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import { describe, test } from 'node:test'

import { startHttp2Backend, startRawHttp2Backend } from '../support/http2-backend.ts'
import { FLAG, FRAME, http2Session, replyOf } from '../support/http2-client.ts'
import type { Frame } from '../support/http2-client.ts'
import { RawClient, cluster, eventually, route, snapshotOf, startProxy } from '../support/live-proxy.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants

const CHUNKED = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'

function overHttp2(port: number): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', [port], { protocol: 'http2' })])
}

describe('a request of unknown length to an endpoint of HTTP/2', () => {
  for (const [name, contentType] of [
    ['a call of gRPC', 'application/grpc'],
    ['another one', 'text/plain'],
  ] as const) {
    test(`may be answered as a whole before it is complete, and the process lives: ${name}`, async (t) => {
      const codes: number[] = []
      const { port } = await startHttp2Backend(t, (stream) => {
        stream.respond({ ':status': 200, 'content-type': contentType }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5' }))
        stream.write('no')
        stream.on('close', () => codes.push(stream.rstCode))
        stream.once('data', () => stream.end(' more'))
      })
      const live = await startProxy(t, overHttp2(port))
      const session = http2Session(t, live.port)
      for (let round = 0; round < 3; round++) {
        const call = session.request({ ':method': 'POST', 'content-type': contentType }, { endStream: false })
        call.write('part')
        const { body, trailers, code } = await replyOf(call)
        assert.deepEqual([body, trailers['grpc-status'], code], ['no more', '5', NGHTTP2_NO_ERROR])
      }
      await eventually(() => codes.length === 3)
      assert.deepEqual(codes, [NGHTTP2_CANCEL, NGHTTP2_CANCEL, NGHTTP2_CANCEL])
    })
  }

  test('that its client gives up never looks complete', async (t) => {
    const frames: Frame[] = []
    const { port } = await startRawHttp2Backend(t, (_peer, frame) => frames.push(frame))
    const live = await startProxy(t, overHttp2(port))
    const client = new RawClient(t, live.port).send(`${CHUNKED}4\r\npart\r\n`)
    await eventually(() => frames.some(({ type }) => type === FRAME.DATA))
    client.socket.destroy()
    await eventually(() => frames.some(({ type, stream }) => type === FRAME.RST_STREAM && stream === 1))
    assert.equal(isEnded(frames, 1), false)
  })
})

function isEnded(frames: readonly Frame[], stream: number): boolean {
  return frames.some(
    (frame) => frame.stream === stream && frame.type <= FRAME.HEADERS && (frame.flags & FLAG.END_STREAM) !== 0,
  )
}

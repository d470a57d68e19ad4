/** CONNECT and WebSockets of clients of HTTP/2. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:http2'
import type { ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { ask, http2Session, replyOf, statusOf } from '../support/http2-client.ts'
import {
  cluster,
  eventually,
  forwardingTo,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants
/** RFC 8441. */
const WEB_SOCKET = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':path': '/chat',
  'sec-websocket-version': '13',
} as const
const options = { timeout: 20_000 }

describe('a tunnel', options, () => {
  test('by CONNECT carries bytes both ways, and each side ends by itself', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.on('data', (chunk: Buffer) => socket.write(`got ${String(chunk)}.`))
      socket.on('end', () => socket.end('bye'))
    })
    const tunnels = route('all', { v1: 1 }, { match: { methods: ['CONNECT'] } })
    const live = await startProxy(t, snapshotOf([tunnels], [cluster('v1', [backend.port])]))
    const stream = http2Session(t, live.port).request({ ':method': 'CONNECT', ':authority': 'db.example.com:5432' })
    const reply = replyOf(stream)
    await once(stream, 'response')
    stream.write('hello')
    await once(stream, 'data')
    stream.end()
    const { status, body, code } = await reply
    assert.deepEqual([status, body, code], [200, 'got hello.bye', NGHTTP2_NO_ERROR])
    await eventually(() => live.counted()[200] === 1)
  })

  test('whose endpoint is gone is reset, and one whose client is gone is closed', async (t) => {
    const sockets: Socket[] = []
    const backend = await startRawBackend(t, (socket) => sockets.push(socket))
    const tunnels = route('all', { v1: 1 }, { match: { methods: ['CONNECT'] } })
    const live = await startProxy(t, snapshotOf([tunnels], [cluster('v1', [backend.port])]))
    const session = http2Session(t, live.port)
    const [first, second] = [1, 2].map(() =>
      session.request({ ':method': 'CONNECT', ':authority': 'db.example.com:1' }),
    )
    await eventually(() => sockets.length === 2)
    const reply = replyOf(first as ClientHttp2Stream)
    sockets[0]?.resetAndDestroy()
    assert.equal((await reply).code, constants.NGHTTP2_CONNECT_ERROR)
    const closed = once(sockets[1] as Socket, 'close')
    sockets[1]?.resume()
    second?.on('error', () => {}).close(NGHTTP2_CANCEL)
    await closed
    await eventually(() => live.counted()[200] === 2)
  })

  test('by CONNECT is not made where no route says so', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, port)
    assert.equal(await statusOf(session, { headers: { ':method': 'CONNECT', ':authority': 'db.example.com:1' } }), 405)
  })

  test('for a WebSocket is a switch of protocols at the endpoint', async (t) => {
    const heads: string[] = []
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', (head: Buffer) => {
        heads.push(String(head))
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n')
        socket.write('Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nfirst')
        socket.on('data', (chunk: Buffer) => socket.end(chunk))
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, live.port)
    await once(session, 'remoteSettings')
    assert.equal(session.remoteSettings.enableConnectProtocol, true)
    const stream = session.request({ ...WEB_SOCKET, 'sec-websocket-protocol': 'chat' })
    const reply = replyOf(stream)
    await once(stream, 'response')
    stream.on('end', () => stream.end()).write('hello')
    const { status, headers, body } = await reply
    assert.deepEqual([status, body], [200, 'firsthello'])
    assert.deepEqual([headers['sec-websocket-protocol'], headers['sec-websocket-accept']], ['chat', undefined])
    assert.match(heads[0] ?? '', /^GET \/chat HTTP\/1\.1\r\n/)
    assert.match(heads[0] ?? '', /\r\nsec-websocket-key: [+/0-9A-Za-z]{22}==\r\n/)
    assert.match(heads[0] ?? '', /\r\nconnection: upgrade\r\nupgrade: websocket\r\n/)
  })

  test('for a WebSocket is not what an endpoint makes that only answers', async (t) => {
    const backend = await startBackend(t, saying('no such thing here'))
    const live = await startProxy(t, forwardingTo(backend.port))
    const { status, body } = await ask(http2Session(t, live.port), { headers: WEB_SOCKET })
    assert.deepEqual([status, body], [502, 'no such thing here'])
  })
})

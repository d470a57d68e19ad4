/** A response that its endpoint breaks off: the client must see that it is not whole, whatever frames it. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startRawHttp2Backend } from '../support/http2-backend.ts'
import { FRAME } from '../support/http2-client.ts'
import { cluster, forwardingTo, route, snapshotOf, startProxy, startRawBackend } from '../support/live-proxy.ts'

const { NGHTTP2_INTERNAL_ERROR } = constants
const options = { timeout: 10_000 }

/** Everything that came, and the error that the connection ended with; empty: it was ended as usual. */
async function readToEnd(
  t: TestContext,
  port: number,
  { version, onPart }: { readonly version: string; readonly onPart: (text: string) => void },
): Promise<{ readonly text: string; readonly error: string }> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let text = ''
  let error = ''
  socket.on('error', (cause: NodeJS.ErrnoException) => (error = cause.code ?? ''))
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    onPart(text)
  })
  socket.write(`GET / HTTP/${version}\r\nHost: x\r\n\r\n`)
  await new Promise((resolve) => {
    socket.on('close', resolve)
  })
  return { text, error }
}

/** What a client of `version` gets where the endpoint sends the beginning, and then does as it is told. */
async function broken(
  t: TestContext,
  { beginning, version, end }: { beginning: string; version: string; end: (endpoint: Socket) => void },
): Promise<{ readonly text: string; readonly error: string }> {
  const sockets: Socket[] = []
  const backend = await startRawBackend(t, (socket) => {
    sockets.push(socket)
    socket.once('data', () => socket.write(beginning))
  })
  const { port } = await startProxy(t, forwardingTo(backend.port))
  return readToEnd(t, port, {
    version,
    onPart: (text) => {
      if (text.endsWith('hello')) for (const socket of sockets) end(socket)
    },
  })
}

const reset = (endpoint: Socket): void => void endpoint.resetAndDestroy()

test('that nothing but the end of the connection would end is reset', options, async (t) => {
  for (const version of ['1.0', '1.1']) {
    const { text, error } = await broken(t, { beginning: 'HTTP/1.1 200 OK\r\n\r\nhello', version, end: reset })
    assert.match(text, /hello$/)
    assert.equal(error, 'ECONNRESET', version)
  }
})

test('that came in chunks, which a client of HTTP/1.0 does not see, is reset', options, async (t) => {
  const beginning = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello'
  const { text, error } = await broken(t, { beginning, version: '1.0', end: (endpoint) => endpoint.end() })
  assert.match(text, /hello$/)
  assert.equal(error, 'ECONNRESET')
})

test('that says its length needs no reset', options, async (t) => {
  const beginning = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello'
  const { text, error } = await broken(t, { beginning, version: '1.1', end: reset })
  assert.match(text, /hello$/)
  assert.equal(error, '')
})

test('from HTTP/2 is reset for a client of HTTP/1.0', options, async (t) => {
  const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
    if (type !== FRAME.HEADERS) return
    peer.respond(stream, [[':status', '200']], 0)
    peer.send(FRAME.DATA, 0, stream, Buffer.from('hello'))
  })
  const v1 = cluster('v1', [backend.port], { protocol: 'http2' })
  const { port } = await startProxy(t, snapshotOf([route('all', { v1: 1 })], [v1]))
  const { text, error } = await readToEnd(t, port, {
    version: '1.0',
    onPart: (part) => {
      if (part.endsWith('hello')) backend.peers[0]?.reset(1, NGHTTP2_INTERNAL_ERROR)
    },
  })
  assert.match(text, /hello$/)
  assert.equal(error, 'ECONNRESET')
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  RawClient,
  echoing,
  eventually,
  fetchFrom,
  forwardingTo,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'

describe('connections', () => {
  test('pipelined requests are answered in their order', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(`<${request.url}>`))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const requests = Array.from({ length: 50 }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const client = new RawClient(t, port).send(requests.join(''))
    const text = await client.until((seen) => seen.includes('</49>'))
    assert.deepEqual(
      [...text.matchAll(/<\/([0-9]+)>/g)].map(([, index]) => Number(index)),
      Array.from({ length: 50 }, (_, index) => index),
    )
  })

  test('thousands of pipelined requests that the proxy answers itself do not nest', async (t) => {
    const { port } = await startProxy(t, snapshotOf([], []))
    const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5_000))
    await client.until((text) => text.split('HTTP/1.1 404').length === 5_001)
  })

  test('connections to the endpoint are used again', async (t) => {
    const backend = await startBackend(t, saying('v1'))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    for (let index = 0; index < 20; index++) await fetchFrom(port)
    assert.equal(backend.accepted, 1)
  })

  test('a request sent byte by byte is understood', async (t) => {
    const backend = await startBackend(t, echoing)
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    for (const byte of 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n') {
      client.send(byte)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    assert.match(await client.until((text) => text.endsWith('abc')), /^HTTP\/1.1 200/)
  })

  test('a client of HTTP/1.0 gets a response without chunks, and its connection closed', async (t) => {
    const backend = await startBackend(t, (_request, response) => {
      response.write('one')
      response.end('two')
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const text = await new RawClient(t, port).send('GET / HTTP/1.0\r\n\r\n').untilClosed()
    assert.match(text, /^HTTP\/1.1 200 OK\r\n[^]*connection: close\r\n\r\nonetwo$/)
    assert.doesNotMatch(text, /transfer-encoding/i)
  })

  test('a client of HTTP/1.0 may keep its connection where the length is known', async (t) => {
    const backend = await startBackend(t, saying('v1'))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    for (let index = 0; index < 2; index++) {
      client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      assert.match(await client.until((text) => text.endsWith('v1')), /connection: keep-alive/)
      client.clear()
    }
  })

  test('100-continue is passed on, and the body follows it', async (t) => {
    const backend = await startBackend(t, echoing)
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n')
    await client.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
    client.send('abc')
    assert.match(await client.until((text) => text.endsWith('abc')), /HTTP\/1.1 200 OK/)
  })

  test('a client that ends its side after the request still gets its answer', async (t) => {
    const backend = await startBackend(t, saying('v1'))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    client.socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    assert.match(await client.untilClosed(), /v1$/)
  })

  test('a client that goes away ends its request at the endpoint', async (t) => {
    const gone = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const backend = await startBackend(t, (_request, response) => {
      response.on('close', () => gone.resolve())
      arrived.resolve()
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await arrived.promise
    client.socket.resetAndDestroy()
    await gone.promise
    assert.deepEqual(live.counted(), { '0 DC': 1 })
  })

  test('a WebSocket upgrade becomes a tunnel', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', (head: Buffer) => {
        assert.match(head.toString(), /connection: upgrade\r\nupgrade: websocket/)
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
        socket.on('data', (chunk) => socket.write(chunk))
        socket.on('end', () => socket.end())
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, live.port)
    client.send('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    await client.until((text) => /^HTTP\/1.1 101 [^]*upgrade: websocket\r\n\r\nhello$/.test(text))
    client.send('ping')
    await client.until((text) => text.endsWith('helloping'))
    client.socket.end()
    await client.untilClosed()
    await eventually(() => live.counted()['101'] === 1)
  })

  test('CONNECT is refused', async (t) => {
    const live = await startProxy(t, forwardingTo(1))
    const client = new RawClient(t, live.port).send('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n')
    assert.match(await client.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1.1 405/)
  })
})

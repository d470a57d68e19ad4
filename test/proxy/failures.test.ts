import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  cluster,
  echoing,
  fetchFrom,
  forwardingTo,
  refusePort,
  route,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'

describe('failures of the endpoint', () => {
  test('a kept connection that was closed just when it was used again never shows: the request is sent again', async (t) => {
    // Each connection serves one request and closes when the second one arrives, unanswered.
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        socket.once('data', () => socket.destroy())
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    for (let index = 0; index < 10; index++) assert.equal((await fetchFrom(live.port)).body, 'ok')
    assert.deepEqual(live.counted(), { '200': 10 })
  })

  test('a POST that may have been acted on is not sent again', async (t) => {
    let posts = 0
    const backend = await startRawBackend(t, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        if (!chunk.toString().startsWith('POST')) {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
          return
        }
        posts++
        socket.destroy()
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    await fetchFrom(live.port)
    assert.equal((await fetchFrom(live.port, { method: 'POST', body: 'x' })).status, 503)
    assert.equal(posts, 1)
    assert.deepEqual(live.counted(), { '200': 1, '503 UC': 1 })
  })

  test('a new connection that is closed without an answer is reported, not tried again', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => socket.destroy())
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    assert.equal((await fetchFrom(live.port)).status, 503)
    assert.equal(backend.accepted, 1)
    assert.deepEqual(live.counted(), { '503 UC': 1 })
  })

  test('an endpoint that refuses connections is passed over, also for POST', async (t) => {
    const gone = refusePort(t)
    const backend = await startBackend(t, echoing)
    const live = await startProxy(t, snapshotOf([route('r', { v1: 1 })], [cluster('v1', [gone.port, backend.port])]))
    for (let index = 0; index < 10; index++) {
      assert.equal((await fetchFrom(live.port, { method: 'POST', body: 'abc' })).body, 'abc')
    }
    assert.deepEqual(live.counted(), { '200': 10 })
  })

  test('an endpoint that breaks off in the middle breaks the client’s response off', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', () => socket.destroy())
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    await assert.rejects(fetchFrom(live.port))
    assert.deepEqual(live.counted(), { '200 UC': 1 })
  })

  const nonsense: readonly [string, string][] = [
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
    ['a switch of protocols that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ]
  for (const [name, bytes] of nonsense) {
    test(`an endpoint that answers with ${name} is a bad gateway`, async (t) => {
      const backend = await startRawBackend(t, (socket) => {
        socket.once('data', () => socket.write(bytes))
      })
      const live = await startProxy(t, forwardingTo(backend.port))
      assert.equal((await fetchFrom(live.port)).status, 502)
      assert.deepEqual(live.counted(), { '502 UPE': 1 })
    })
  }

  test('bytes after a response are never taken for the answer to the next request', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.on('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
      })
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    for (let index = 0; index < 5; index++) assert.equal((await fetchFrom(port)).body, 'ok')
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  echoing,
  eventually,
  fetchFrom,
  forwardingTo,
  readBody,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'

describe('bodies', () => {
  for (const size of [0, 1, 5_000, 20_000, 1_000_000]) {
    test(`a body of ${size} bytes with a content length comes back whole`, async (t) => {
      const { port } = await startProxy(t, forwardingTo((await startBackend(t, echoing)).port))
      const body = Buffer.alloc(size, 'abcdefghij')
      const reply = await fetchFrom(port, { method: 'POST', headers: { 'content-length': String(size) }, body })
      assert.equal(reply.body, body.toString())
    })

    test(`a chunked body of ${size} bytes comes back whole`, async (t) => {
      const { port } = await startProxy(t, forwardingTo((await startBackend(t, echoing)).port))
      const body = Buffer.alloc(size, 'abcdefghij')
      const reply = await fetchFrom(port, { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body })
      assert.equal(reply.body, body.toString())
    })
  }

  test('a chunked response streams through, part by part', async (t) => {
    let more = (): void => {}
    const backend = await startBackend(t, (_request, response) => {
      response.write('first')
      more = () => response.end('second')
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    assert.ok(!(await client.until((text) => text.includes('first'))).includes('second'))
    more()
    assert.match(await client.until((text) => text.endsWith('0\r\n\r\n')), /5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n$/)
  })

  test('a request body streams through while the response streams back', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      response.write('started;')
      request.on('data', (chunk: Buffer) => response.write(chunk))
      request.on('end', () => response.end(';done'))
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port).send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc')
    await client.until((text) => text.includes('abc'))
    client.send('def')
    assert.match(await client.until((text) => text.endsWith('0\r\n\r\n')), /started;[^]*abc[^]*def[^]*;done/)
    client.clear()
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz')
    await client.until((text) => text.endsWith('0\r\n\r\n'))
  })

  test('a client that does not read stops the endpoint from sending on', async (t) => {
    const size = 64 * 1024 * 1024
    const part = Buffer.alloc(1024 * 1024)
    let sent = 0
    let isBlocked = false
    const backend = await startBackend(t, (_request, response) => {
      response.setHeader('content-length', size)
      const push = (): void => {
        while (sent < size) {
          sent += part.length
          if (!response.write(part)) {
            isBlocked = true
            response.once('drain', () => {
              isBlocked = false
              push()
            })
            return
          }
        }
        response.end()
      }
      push()
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    // Nothing announces that nothing moves: the endpoint has been blocked for a thousand turns of the loop.
    let still = 0
    let last = -1
    await eventually(() => {
      still = isBlocked && sent === last ? still + 1 : 0
      last = sent
      return still > 1_000
    })
    assert.ok(sent < size / 2, `${sent} bytes were taken from the endpoint`)
    let received = 0
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    client.socket.resume()
    await client.untilClosed()
    assert.ok(received > size)
  })

  test('an endpoint that does not read stops the client from sending on', async (t) => {
    const size = 64 * 1024 * 1024
    const released = Promise.withResolvers<void>()
    const backend = await startBackend(t, (request, response) => {
      void released.promise.then(() => {
        let received = 0
        request.on('data', (chunk: Buffer) => {
          received += chunk.length
        })
        request.on('end', () => response.end(String(received)))
      })
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port).send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`)
    client.socket.write(Buffer.alloc(size))
    let still = 0
    let last = -1
    await eventually(() => {
      const pending = client.socket.writableLength
      still = pending > 0 && pending === last ? still + 1 : 0
      last = pending
      return still > 1_000
    })
    assert.ok(client.socket.writableLength > 0)
    released.resolve()
    assert.match(await client.until((text) => text.endsWith(String(size))), /^HTTP\/1.1 200/)
  })

  test('a client that sends requests and reads no answers is not served on and on', async (t) => {
    const size = 1024 * 1024
    let served = 0
    const backend = await startBackend(t, (_request, response) => {
      served++
      response.end(Buffer.alloc(size))
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200))
    let still = 0
    let last = 0
    await eventually(() => {
      still = served > 0 && served === last ? still + 1 : 0
      last = served
      return still > 1_000
    })
    assert.ok(served < 50, `${served} responses wait for a client that does not read`)
    let received = 0
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    client.socket.resume()
    await eventually(() => received > 200 * size)
    assert.equal(served, 200)
  })

  test('a slow client gets the end of its last response, however long it takes', async (t) => {
    const clock = new FakeClock()
    const size = 8 * 1024 * 1024
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
        socket.write(Buffer.alloc(size))
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port), { clock })
    const client = new RawClient(t, live.port)
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    let received = 0
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      client.socket.pause()
      void clock.advance(2_000).then(() => client.socket.resume())
    })
    client.socket.resume()
    await client.untilClosed()
    assert.ok(received > size)
  })

  test('a response that ends with its connection is passed on whole, and the connection closed', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'))
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    assert.match(
      await client.untilClosed(),
      /^HTTP\/1\.1 200 OK\r\ndate: [^\r]+\r\nconnection: close\r\n\r\nuntil the end$/,
    )
  })

  test('HEAD, 204 and 304 have no body, whatever their headers say', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      response.writeHead(Number(request.url?.slice(1)), { 'content-length': '10' })
      response.end()
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    client.send('HEAD /200 HTTP/1.1\r\nHost: x\r\n\r\nGET /304 HTTP/1.1\r\nHost: x\r\n\r\n')
    const text = await client.until((seen) => seen.split('\r\n\r\n').length === 3)
    assert.match(text, /^HTTP\/1.1 200 OK[^]*content-length: 10[^]*\r\n\r\nHTTP\/1.1 304 Not Modified[^]*\r\n\r\n$/)
  })

  test('trailers are passed on both ways', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      readBody(request).then(
        (body) => {
          response.setHeader('trailer', 'x-sum')
          response.write(body)
          response.addTrailers({ 'x-sum': request.trailers['x-in'] ?? '' })
          response.end()
        },
        () => {},
      )
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-In: 42\r\n\r\n')
    assert.match(
      await client.until((text) => text.endsWith('\r\n\r\n') && text.includes('x-sum: 42')),
      /3\r\nabc\r\n0\r\nx-sum: 42\r\n\r\n$/,
    )
  })
})

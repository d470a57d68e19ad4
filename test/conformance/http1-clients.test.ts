/** What a client of HTTP/1 may do besides asking: send no more, speak HTTP/1.0, wait for 100 before its content. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { asChunk, receivePattern, sendPattern } from '../support/http1-pattern.ts'
import { onHead, startSilent } from '../support/raw-endpoint.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { RawClient, forwardingTo, startProxy, startRawBackend } from '../support/live-proxy.ts'

const MIB = 1024 * 1024
/** An event that never comes is a failure, not a test that hangs. */
const options = { timeout: 20_000 }
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const PROCESSING = 'HTTP/1.1 102 Processing\r\n\r\n'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

describe('HTTP/1.0', options, () => {
  test('a client gets a long chunked response as plain content, ended by its connection', async (t) => {
    const size = 32 * MIB
    const backend = await startRawBackend(t, (socket) =>
      onHead(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        sendPattern(socket, size, { wrap: asChunk, onDone: () => socket.write('0\r\nX-Sum: 1\r\n\r\n') })
      }),
    )
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port).send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    const head = await receivePattern(client.socket, size)
    assert.match(head, /^HTTP\/1\.1 200 OK\r\ndate: [^\r]+\r\nconnection: close\r\n\r\n$/)
    await client.untilClosed()
  })

  test('an endpoint’s content that its connection ends ends the client’s connection', async (t) => {
    const size = 16 * MIB
    const backend = await startRawBackend(t, (socket) =>
      onHead(socket, () => {
        socket.write('HTTP/1.0 200 OK\r\n\r\n')
        sendPattern(socket, size, { onDone: () => socket.end() })
      }),
    )
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port).send(GET)
    assert.match(
      await receivePattern(client.socket, size),
      /^HTTP\/1\.1 200 OK\r\ndate: [^\r]+\r\nconnection: close\r\n\r\n$/,
    )
    await client.untilClosed()
  })

  test('a client of HTTP/1.0 gets no interim response', async (t) => {
    const { port } = await startSilent(t, `${CONTINUE}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`)
    const client = new RawClient(t, port).send('GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n')
    assert.match(
      await client.untilClosed(),
      /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\ndate: [^\r]+\r\nconnection: close\r\n\r\nok$/,
    )
  })
})

describe('Expect: 100-continue', options, () => {
  const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'

  test('the content follows once the endpoint says so, and the connection goes on', async (t) => {
    const { socket, port } = await startSilent(t, CONTINUE)
    const client = new RawClient(t, port).send(HEAD)
    assert.equal(await client.until((text) => text.endsWith(CONTINUE)), CONTINUE)
    const endpoint = await socket
    const content = Promise.withResolvers<string>()
    endpoint.on('data', (chunk: Buffer) => content.resolve(chunk.toString()))
    client.send('hello')
    assert.equal(await content.promise, 'hello')
    endpoint.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    await client.until((text) => text.endsWith('\r\n\r\nok'))
  })

  test('a refusal without the content ends both connections: nobody knows whether it still comes', async (t) => {
    const { closed, port } = await startSilent(t, 'HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno')
    const client = new RawClient(t, port).send(HEAD)
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 417 Expectation Failed\r\n[^]*connection: close\r\n\r\nno$/)
    await closed
  })
})

describe('half-close', options, () => {
  test('a client that sends no more still gets all of its response', async (t) => {
    const size = 16 * MIB
    const { socket, port } = await startSilent(t, '')
    const client = new RawClient(t, port).send(GET)
    client.socket.end()
    const endpoint = await socket
    endpoint.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    sendPattern(endpoint, size)
    await receivePattern(client.socket, size)
  })

  test('a client that is asked whether it is still there gets its answer after that', async (t) => {
    const { socket, port } = await startSilent(t, '')
    const client = new RawClient(t, port).send(GET)
    client.socket.end()
    const endpoint = await socket
    assert.equal(await client.until((text) => text.endsWith('\r\n\r\n')), PROCESSING)
    endpoint.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    assert.match(await client.untilClosed(), /\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/)
  })

  test('a client of HTTP/1.0 is not asked', async (t) => {
    const clock = new FakeClock()
    const arrived = Promise.withResolvers<Socket>()
    const backend = await startRawBackend(t, (socket) => socket.once('data', () => arrived.resolve(socket)))
    const { port } = await startProxy(t, forwardingTo(backend.port), { clock })
    const client = new RawClient(t, port).send('GET / HTTP/1.0\r\n\r\n')
    client.socket.end()
    const endpoint = await arrived.promise
    await clock.advance(1_000)
    endpoint.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/)
  })

  test('a tunnel stays open in one direction when the client ends the other', async (t) => {
    const tunnel = await startTunnel(t)
    tunnel.client.send('last words').socket.end()
    assert.equal(await tunnel.endpointGot, 'last words')
    tunnel.endpoint.end('answer')
    assert.ok((await tunnel.client.untilClosed()).endsWith('answer'))
  })

  test('a tunnel stays open in one direction when the endpoint ends the other', async (t) => {
    const tunnel = await startTunnel(t)
    tunnel.endpoint.end('last words')
    assert.ok((await tunnel.client.untilClosed()).endsWith('last words'))
    tunnel.client.send('answer').socket.end()
    assert.equal(await tunnel.endpointGot, 'answer')
  })
})

interface Tunnel {
  readonly client: RawClient
  readonly endpoint: Socket
  /** All that the endpoint got until the client ended its side. */
  readonly endpointGot: Promise<string>
}

async function startTunnel(t: TestContext): Promise<Tunnel> {
  const arrived = Promise.withResolvers<Socket>()
  const got = Promise.withResolvers<string>()
  const backend = await startRawBackend(t, (socket) => {
    socket.allowHalfOpen = true
    socket.once('data', () => {
      const parts: Buffer[] = []
      socket.on('data', (chunk: Buffer) => parts.push(chunk))
      socket.on('end', () => got.resolve(Buffer.concat(parts).toString()))
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      arrived.resolve(socket)
    })
  })
  const { port } = await startProxy(t, forwardingTo(backend.port))
  const client = new RawClient(t, port)
  client.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  const endpoint = await arrived.promise
  await client.until((text) => text.endsWith('\r\n\r\n'))
  return { client, endpoint, endpointGot: got.promise }
}

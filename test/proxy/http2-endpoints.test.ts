/** What becomes of messages on the way to endpoints that speak HTTP/2, and back. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'

import { testAuthority } from '../support/certificates.ts'
import { startHttp2Backend, startHttp2TlsBackend, startRawHttp2Backend } from '../support/http2-backend.ts'
import { FRAME, http2Session, replyOf } from '../support/http2-client.ts'
import {
  cluster,
  eventually,
  fetchFrom,
  RawClient,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import { createLog } from '../../src/base/log.ts'
import type { Log } from '../../src/base/log.ts'
import type { Cluster } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const authority = await testAuthority()
const server = await authority.issue('echo.example.com')

function overHttp2(ports: readonly number[], change: Partial<Cluster> = {}): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', ports, { protocol: 'http2', ...change })])
}

function overTls(port: number): RoutingSnapshot {
  return overHttp2([port], { tls: { authorities: authority.certificate, serverName: 'echo.example.com' } })
}

function onBody(stream: ServerHttp2Stream, then: (body: string) => void): void {
  let body = ''
  stream.on('data', (part: Buffer) => (body += String(part)))
  stream.on('end', () => then(body))
}

function logInto(lines: string[]): Log {
  return createLog({
    clock: { now: () => 0, after: () => ({ cancel: () => {} }) },
    level: 'warn',
    format: 'text',
    write: (line) => lines.push(line),
  })
}

const WEBSOCKET =
  'GET /chat?a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

/** Repeats what it hears on WebSockets, and says goodbye; answers everything else. */
function takeWebSockets(
  asked: IncomingHttpHeaders[],
): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  return (stream, headers) => {
    if (headers[':method'] !== 'CONNECT') return stream.respond({ ':status': 200 }, { endStream: true })
    asked.push(headers)
    stream.respond({ ':status': 200, 'x-a': 'b' })
    stream.on('data', (part: Buffer) => stream.write(`got ${String(part)}`))
    stream.on('end', () => stream.end('bye'))
  }
}

interface WebSocketClient {
  readonly head: IncomingHttpHeaders
  say(text: string): Promise<string>
  /** What is said after the client's end. */
  end(): Promise<string>
}

async function webSocket(t: TestContext, port: number): Promise<WebSocketClient> {
  const client = new RawClient(t, port).send(WEBSOCKET)
  const head = await client.until((text) => text.endsWith('\r\n\r\n'))
  assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*\r\nupgrade: websocket\r\n/)
  client.clear()
  return {
    head: Object.fromEntries(
      [...head.matchAll(/^([^:\r\n]+): (.*)\r$/gm)].map(([, name = '', value = '']) => [name, value]),
    ),
    async say(text) {
      const answer = await client.send(text).until((part) => part.endsWith(text))
      client.clear()
      return answer
    },
    end() {
      client.socket.end()
      return client.untilClosed()
    },
  }
}

async function webSocketOver2(t: TestContext, port: number): Promise<WebSocketClient> {
  const session = http2Session(t, port)
  await once(session, 'remoteSettings')
  const fields = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat?a', ':authority': 'a' }
  const stream = session.request(fields)
  const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  return {
    head,
    async say(text) {
      stream.write(text)
      const [part] = (await once(stream, 'data')) as [Buffer]
      return String(part)
    },
    async end() {
      stream.end()
      let last = ''
      for await (const part of stream) last += String(part)
      return last
    },
  }
}

/** One exchange by raw bytes; the whole answer, once it has the text. */
async function exchange(t: TestContext, port: number, request: string, end: string): Promise<string> {
  return new RawClient(t, port).send(request).until((text) => text.includes(end))
}

describe('a request', () => {
  test('reaches an endpoint over clear text, and its answer the client', async (t) => {
    const backend = await startHttp2Backend(t, (stream, headers) => {
      stream.respond({ ':status': 201, 'x-seen': JSON.stringify(headers) })
      stream.end('hello')
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const headers = {
      host: 'echo.example.com',
      'X-Twice': ['a', 'b'],
      Connection: 'x-mine',
      'X-Mine': 'no',
      'HTTP2-Settings': 'x',
    }
    const reply = await fetchFrom(live.port, { path: '/a?b=c', headers })
    assert.equal(reply.status, 201)
    assert.equal(reply.body, 'hello')
    const seen = JSON.parse(String(reply.headers['x-seen'])) as IncomingHttpHeaders
    assert.equal(seen[':authority'], 'echo.example.com')
    assert.equal(seen[':path'], '/a?b=c')
    assert.equal(seen[':scheme'], 'http')
    assert.equal(seen['x-twice'], 'a, b')
    assert.equal(seen['x-forwarded-for'], '127.0.0.1')
    assert.equal(seen['x-mine'], undefined)
    assert.deepEqual(live.counted(), { '201': 1 })
  })

  test('reaches it over TLS', async (t) => {
    const backend = await startHttp2TlsBackend(
      t,
      (stream, headers) => {
        stream.respond({ 'x-scheme': String(headers[':scheme']) })
        stream.end('hello')
      },
      { cert: server.certificate, key: server.privateKey },
    )
    const live = await startProxy(t, overTls(backend.port))
    const reply = await fetchFrom(live.port)
    assert.equal(reply.body, 'hello')
    assert.equal(reply.headers['x-scheme'], 'https')
    assert.equal((await fetchFrom(live.port)).body, 'hello')
    assert.equal(backend.sessions.length, 1)
  })

  test('brings its body, of known length or in chunks, with trailers', async (t) => {
    const backend = await startHttp2Backend(t, (stream, headers) => {
      let trailers: IncomingHttpHeaders = {}
      stream.on('trailers', (fields) => (trailers = fields))
      onBody(stream, (body) => {
        stream.respond({})
        stream.end(
          `${String(headers['content-length'])} ${body} ${String(trailers['x-sum'])} ${String(trailers['x-two'])}`,
        )
      })
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    assert.equal((await fetchFrom(live.port, { method: 'POST', body: 'abc' })).body, '3 abc undefined undefined')
    const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    const body = '3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-Sum: 7\r\nX-Two: a\r\nX-Two: b\r\n\r\n'
    assert.match(await exchange(t, live.port, chunked + body, '0\r\n\r\n'), /undefined abcdefg 7 a, b/)
    // Piece by piece.
    const client = new RawClient(t, live.port).send(chunked)
    for (const piece of body) client.send(piece)
    assert.match(await client.until((text) => text.includes('0\r\n\r\n')), /undefined abcdefg 7 a, b/)
  })

  test('may wait for leave to send its body', async (t) => {
    const backend = await startHttp2Backend(t, (stream) => {
      stream.additionalHeaders({ ':status': 100 })
      onBody(stream, (body) => {
        stream.respond({ 'content-length': body.length })
        stream.end(body)
      })
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const client = new RawClient(t, live.port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
    await client.until((text) => text.startsWith('HTTP/1.1 100'))
    client.send('hello')
    await client.until((text) => text.endsWith('\r\n\r\nhello'))
  })

  for (const version of [1, 2] as const) {
    test(`for a WebSocket by HTTP/${version} is an extended CONNECT where the endpoint takes it`, async (t) => {
      const asked: IncomingHttpHeaders[] = []
      const backend = await startHttp2Backend(t, takeWebSockets(asked), { settings: { enableConnectProtocol: true } })
      const live = await startProxy(t, overHttp2([backend.port]))
      const client = version === 1 ? await webSocket(t, live.port) : await webSocketOver2(t, live.port)
      assert.equal(await client.say('hello'), 'got hello')
      assert.equal(live.proxy.pools[0]?.tunnels, 1)
      assert.equal(await client.end(), 'bye')
      await eventually(() => live.proxy.pools.every(({ active, tunnels }) => active === 0 && tunnels === 0))
      assert.equal(client.head['x-a'], 'b')
      // RFC 6455 §1.3; in HTTP/2 there is no key.
      assert.equal(client.head['sec-websocket-accept'], version === 1 ? 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' : undefined)
      const [fields = {}] = asked
      assert.deepEqual(
        [':method', ':protocol', ':path', ':scheme', ':authority', 'sec-websocket-key', 'upgrade'].map(
          (name) => fields[name],
        ),
        ['CONNECT', 'websocket', '/chat?a', 'http', 'a', undefined, undefined],
      )
      assert.deepEqual(live.counted(), { [version === 1 ? 101 : 200]: 1 })
      assert.equal((await fetchFrom(live.port)).status, 200)
      assert.equal(backend.sessions.length, 1)
    })
  }

  test('for a WebSocket may be refused', async (t) => {
    const backend = await startHttp2Backend(t, (stream) => stream.respond({ ':status': 403 }, { endStream: true }), {
      settings: { enableConnectProtocol: true },
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const client = new RawClient(t, live.port).send(WEBSOCKET)
    assert.match(await client.until((text) => text.endsWith('\r\n\r\n')), /^HTTP\/1\.1 403 /)
    client.clear()
    // The connection goes on.
    client.send(WEBSOCKET)
    assert.match(await client.until((text) => text.endsWith('\r\n\r\n')), /^HTTP\/1\.1 403 /)
  })

  test('for a WebSocket whose endpoint resets it is closed, and whose client is gone is reset', async (t) => {
    const streams: ServerHttp2Stream[] = []
    const backend = await startHttp2Backend(
      t,
      (stream) => {
        streams.push(stream)
        stream.respond({ ':status': 200 })
      },
      { settings: { enableConnectProtocol: true } },
    )
    const live = await startProxy(t, overHttp2([backend.port]))
    const first = new RawClient(t, live.port).send(WEBSOCKET)
    await first.until((text) => text.endsWith('\r\n\r\n'))
    streams[0]?.close(constants.NGHTTP2_CANCEL)
    await first.untilClosed()
    const second = new RawClient(t, live.port).send(WEBSOCKET)
    await second.until((text) => text.endsWith('\r\n\r\n'))
    second.socket.resetAndDestroy()
    await eventually(() => streams[1]?.closed === true && live.proxy.pools.every(({ active }) => active === 0))
    assert.equal(streams[1]?.rstCode, constants.NGHTTP2_CANCEL)
  })

  test('to switch protocols loses that wish where the endpoint cannot', async (t) => {
    const backend = await startHttp2Backend(t, (stream, headers) => {
      stream.respond({ ':status': 426, 'x-upgrade': String(headers['upgrade']) }, { endStream: true })
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const asked = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'
    const answer = await exchange(t, live.port, asked, '\r\n\r\n')
    assert.match(answer, /^HTTP\/1\.1 426 [^]*x-upgrade: undefined\r\n/)
  })

  test('to connect gets a connection of its own, whatever is spoken in it', async (t) => {
    const backend = await startBackend(t, saying('through the tunnel'))
    const base = overHttp2([backend.port])
    const connect = route('c', { v1: 1 }, { match: { methods: ['CONNECT'] } })
    const live = await startProxy(t, {
      ...base,
      routeTables: [{ id: 'table', virtualHosts: [{ name: 'all', domains: ['*'], routes: [connect] }] }],
    })
    const client = new RawClient(t, live.port).send('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n')
    await client.until((text) => text.includes('\r\n\r\n'))
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(await client.untilClosed(), /through the tunnel/)
  })
})

describe('a response', () => {
  test('of unknown length comes in chunks, with its trailers', async (t) => {
    const backend = await startHttp2Backend(t, (stream) => {
      stream.respond({}, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '5' }))
      stream.write('he')
      stream.end('llo')
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const answer = await exchange(t, live.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'x-sum')
    assert.match(answer, /transfer-encoding: chunked\r\n\r\n(2\r\nhe\r\n3\r\nllo|5\r\nhello)\r\n0\r\nx-sum: 5\r\n/)
  })

  test('of known length keeps its trailers where they are told or a call of gRPC needs them', async (t) => {
    const backend = await startHttp2Backend(t, (stream, { ':path': path }) => {
      const told = path === '/grpc' ? { 'content-type': 'application/grpc' } : { trailer: 'x-sum' }
      stream.respond({ ':status': 200, 'content-length': 2, ...told }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-sum': '5' }))
      stream.end('ok')
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const session = http2Session(t, live.port)
    for (const path of ['/grpc', '/told']) {
      const { body, trailers } = await replyOf(session.request({ ':path': path }))
      assert.deepEqual([body, trailers['grpc-status'], trailers['x-sum']], ['ok', '0', '5'], path)
      const end = '0\r\ngrpc-status: 0\r\nx-sum: 5\r\n\r\n'
      await exchange(t, live.port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, end)
    }
  })

  test('without a body says so, and the connection goes on', async (t) => {
    const backend = await startHttp2Backend(t, (stream, headers) => {
      const [, status = '200', length] = String(headers[':path']).split('/')
      stream.respond({ ':status': Number(status), ...(length !== undefined && { 'content-length': length }) })
      stream.end()
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const client = new RawClient(t, live.port)
    const ask = async (line: string): Promise<string> => {
      client.clear()
      client.send(`${line} HTTP/1.1\r\nHost: a\r\n\r\n`)
      return client.until((text) => text.endsWith('\r\n\r\n'))
    }
    assert.doesNotMatch(await ask('GET /204'), /content-length|transfer-encoding/)
    assert.match(await ask('GET /304/5'), /content-length: 5\r\n/)
    assert.match(await ask('HEAD /200/5'), /content-length: 5\r\n/)
    assert.match(await ask('GET /200/0'), /content-length: 0\r\n/)
    assert.match(await ask('GET /200'), /(content-length: 0|transfer-encoding: chunked)\r\n/)
  })

  test('may be announced', async (t) => {
    const backend = await startHttp2Backend(t, (stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' })
      stream.respond({ 'content-length': 2 })
      stream.end('ok')
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const answer = await exchange(t, live.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', '\r\n\r\nok')
    assert.match(answer, /^HTTP\/1\.1 103 [^]*link: <\/a\.css>\r\n\r\nHTTP\/1\.1 200 /)
  })

  test('that breaks the rules is answered with 502 and flag UPE', async (t) => {
    const wrong: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
      'a field of HTTP/1.1': [
        [':status', '200'],
        ['connection', 'close'],
      ],
      'a name in upper case': [
        [':status', '200'],
        ['X-A', 'b'],
      ],
      'no status': [['x-a', 'b']],
      'a switch of protocols': [[':status', '101']],
      'two lengths': [
        [':status', '200'],
        ['content-length', '5'],
        ['content-length', '5'],
      ],
      'a length without a body': [
        [':status', '200'],
        ['content-length', '5'],
      ],
      'too many fields': [
        [':status', '200'],
        ...Array.from({ length: 101 }, (_, at): [string, string] => [`x-${at}`, 'a']),
      ],
    }
    let fields: readonly (readonly [string, string])[] = []
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type === FRAME.HEADERS) peer.respond(stream, fields)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    for (const [name, value] of Object.entries(wrong)) {
      fields = value
      const { status, body } = await fetchFrom(live.port)
      assert.equal(status, 502, name)
      assert.match(body, /UPE/, name)
    }
    fields = [[':status', '200']]
    assert.equal((await fetchFrom(live.port)).status, 200)
  })

  test('that is reset before it comes is answered with 503 and flag UR, and its session goes on', async (t) => {
    const backend = await startHttp2Backend(t, (stream, headers) => {
      if (headers[':path'] === '/bad') stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      else stream.respond({ ':status': 200 }, { endStream: true })
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    assert.equal((await fetchFrom(live.port)).status, 200)
    const bad = await fetchFrom(live.port, { path: '/bad' })
    assert.equal(bad.status, 503)
    assert.match(bad.body, /UR/)
    assert.equal((await fetchFrom(live.port)).status, 200)
    assert.equal(backend.sessions.length, 1)
    assert.deepEqual(live.counted(), { '200': 2, '503 UR': 1 })
  })

  test('that is reset in the middle ends the connection of the client', async (t) => {
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      peer.respond(stream, [[':status', '200']], 0)
      peer.send(FRAME.DATA, 0, stream, Buffer.from('hello'))
      peer.reset(stream, constants.NGHTTP2_INTERNAL_ERROR)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.doesNotMatch(await client.untilClosed(), /\r\n0\r\n/)
    await eventually(() => live.counted()['200 UR'] === 1)
  })
})

describe('an endpoint that does not speak HTTP/2', () => {
  test('over clear text is told once, and answered for with 502 and flag UPE', async (t) => {
    const lines: string[] = []
    const backend = await startBackend(t, saying('hello'))
    const live = await startProxy(t, overHttp2([backend.port]), { log: logInto(lines) })
    for (let count = 0; count < 2; count++) {
      const { status, body } = await fetchFrom(live.port)
      assert.equal(status, 502)
      assert.match(body, /UPE/)
    }
    assert.deepEqual(lines.length, 1)
    assert.match(lines[0] ?? '', /does not speak HTTP\/2/)
  })

  test('over TLS cannot be connected to, where it says so', async (t) => {
    const lines: string[] = []
    const https = createHttpsServer(
      { cert: server.certificate, key: server.privateKey, ALPNProtocols: ['http/1.1'] },
      (_request, response) => response.end('hello'),
    )
    await new Promise<void>((resolve) => {
      https.listen(0, '127.0.0.1', () => resolve())
    })
    t.after(() => https.close())
    const live = await startProxy(t, overTls((https.address() as AddressInfo).port), { log: logInto(lines) })
    const { status, body } = await fetchFrom(live.port)
    assert.equal(status, 503)
    assert.match(body, /UF/)
    assert.match(lines.join(''), /TLS to an endpoint failed.*application protocol/i)
  })

  test('over TLS gets HTTP/2 all the same where it says nothing', async (t) => {
    const lines: string[] = []
    const sent: string[] = []
    const tls = createTlsServer({ cert: server.certificate, key: server.privateKey }, (socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        sent.push(chunk.toString('latin1'))
        socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')
      })
    })
    await new Promise<void>((resolve) => {
      tls.listen(0, '127.0.0.1', () => resolve())
    })
    t.after(() => tls.close())
    const live = await startProxy(t, overTls((tls.address() as AddressInfo).port), { log: logInto(lines) })
    const { status } = await fetchFrom(live.port)
    assert.equal(status, 502)
    assert.match(sent.join(''), /^PRI \* HTTP\/2\.0/)
    assert.match(lines.join(''), /does not speak HTTP\/2/)
  })
})

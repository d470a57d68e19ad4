/** What becomes of messages on the way to endpoints that speak HTTP/2, and back. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'

import { testAuthority } from '../support/certificates.ts'
import { startHttp2Backend, startHttp2TlsBackend, startRawHttp2Backend } from '../support/http2-backend.ts'
import { FRAME } from '../support/http2-client.ts'
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

  test('to switch protocols loses that wish', async (t) => {
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

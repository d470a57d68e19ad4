import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { testAuthority } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FLAG, FRAME, GET, PREFACE, RawHttp2Client, ask, http2Session, replyOf } from '../support/http2-client.ts'
import type { Frame } from '../support/http2-client.ts'
import {
  RawClient,
  cluster,
  echoing,
  eventually,
  forwardingTo,
  readBody,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { HttpLimits } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { Route } from '../../src/routing/route-model.ts'

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants

/** RFC 8441. */
const WEB_SOCKET = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':path': '/chat',
  'sec-websocket-version': '13',
} as const

const options = { timeout: 20_000 }

function limited(snapshot: RoutingSnapshot, limits: HttpLimits): RoutingSnapshot {
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, http: { limits } })) }
}

/** Its listeners replace those before. */
function renamed(snapshot: RoutingSnapshot, id: string): RoutingSnapshot {
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, id })) }
}

describe('a client of HTTP/2', options, () => {
  test('is served like one of HTTP/1.1', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.setHeader('x-name', 'caf\u00c3\u00a9')
      response.end(Buffer.from(JSON.stringify([request.method, request.url, request.headers])))
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const { status, headers, body } = await ask(http2Session(t, live.port), {
      headers: { ':path': '/a?b', ':authority': 'example.com', 'x-a': '\u00e9', cookie: ['c=1', 'd=2'] },
    })
    const [method, url, fields] = JSON.parse(body) as [string, string, Record<string, string>]
    assert.deepEqual([status, method, url], [200, 'GET', '/a?b'])
    assert.deepEqual([fields['host'], fields['x-a'], fields['cookie']], ['example.com', '\u00e9', 'c=1; d=2'])
    assert.deepEqual([fields['x-forwarded-for'], fields['x-forwarded-proto']], ['127.0.0.1', 'http'])
    assert.deepEqual([headers['set-cookie'], headers['x-name']], [['a=1', 'b=2'], 'caf\u00c3\u00a9'])
    assert.equal(headers['connection'], undefined)
    assert.deepEqual(live.counted(), { 200: 1 })
  })

  test('gets an answer without a body to a request that is not complete', async (t) => {
    const away: Route = { ...route('r', {}), action: { kind: 'redirect', status: 308, host: 'new', stripQuery: false } }
    const { port } = await startProxy(t, snapshotOf([away], []))
    const session = http2Session(t, port)
    for (let count = 0; count < 5; count++) {
      const { status, headers } = await replyOf(session.request({ ':method': 'PUT', ':path': '/x' }))
      assert.deepEqual([status, headers.location], [308, 'http://new/x'])
    }
  })

  test('has many requests under way at once, answered in any order', async (t) => {
    const waiting: (() => void)[] = []
    const backend = await startBackend(t, ({ url }, response) => waiting.push(() => response.end(url)))
    const live = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, live.port)
    const paths = Array.from({ length: 30 }, (_, index) => `/${index}`)
    const replies = paths.map((path) => ask(session, { headers: { ':path': path } }))
    await eventually(() => waiting.length === 30)
    for (const answer of waiting.toReversed()) answer()
    assert.deepEqual(
      (await Promise.all(replies)).map(({ body }) => body),
      paths,
    )
    // The same again, by the exchanges of those before.
    const again = paths.map((path) => ask(session, { headers: { ':path': path } }))
    await eventually(() => waiting.length === 60)
    for (const answer of waiting.slice(30)) answer()
    assert.deepEqual(
      (await Promise.all(again)).map(({ body }) => body),
      paths,
    )
    assert.deepEqual(live.counted(), { 200: 60 })
  })

  for (const [name, size] of [
    ['small', 5],
    ['large', 3_000_000],
  ] as const) {
    for (const [framing, fields] of [
      ['a length', { 'content-length': size }],
      ['no length', {}],
    ] as const) {
      test(`sends a ${name} body with ${framing}`, async (t) => {
        const backend = await startBackend(t, echoing)
        const { port } = await startProxy(t, forwardingTo(backend.port))
        const body = 'x'.repeat(size)
        const reply = await ask(http2Session(t, port), { headers: { ':method': 'POST', ...fields }, body })
        assert.deepEqual([reply.status, reply.body === body, reply.code], [200, true, 0])
      })
    }
  }

  test('gets bodies that come in chunks, with their trailers', async (t) => {
    const backend = await startBackend(t, (_request, response) => {
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('one ')
      setImmediate(() => {
        response.write('two')
        response.addTrailers({ 'x-sum': '7' })
        response.end()
      })
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const { headers, body, trailers, code } = await ask(http2Session(t, port))
    assert.deepEqual([body, trailers['x-sum'], code], ['one two', '7', 0])
    assert.equal(headers['transfer-encoding'], undefined)
  })

  test('gets a chunked body that came at once, with and without trailers', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        const trailers = chunk.includes('/with ') ? 'x-sum: 7\r\n' : ''
        socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n${trailers}\r\n`)
      })
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, port)
    const plain = await ask(session, { headers: { ':path': '/without' } })
    const trailed = await ask(session, { headers: { ':path': '/with' } })
    assert.deepEqual([plain.body, plain.trailers['x-sum']], ['one', undefined])
    assert.deepEqual([trailed.body, trailed.trailers['x-sum']], ['one', '7'])
  })

  test('has its trailers passed on', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      void readBody(request).then((body) => response.end(JSON.stringify([body, request.trailers])))
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const { body } = await ask(http2Session(t, port), {
      headers: { ':method': 'POST' },
      body: 'hello',
      trailers: { 'x-sum': '5' },
    })
    assert.deepEqual(JSON.parse(body), ['hello', { 'x-sum': '5' }])
  })

  test('gets no body of HEAD, 204 and 304, whatever their fields say', async (t) => {
    const backend = await startBackend(t, ({ url }, response) => {
      response.writeHead(Number(url?.slice(1)), { 'x-a': 'b' }).end(url === '/200' ? 'hello' : undefined)
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, port)
    for (const [method, path] of [
      ['HEAD', '/200'],
      ['GET', '/204'],
      ['GET', '/304'],
      ['HEAD', '/404'],
    ]) {
      const { status, body, code } = await ask(session, { headers: { ':method': method, ':path': path } })
      assert.deepEqual([`/${status}`, body, code], [path, '', 0])
    }
  })

  test('may wait for 100 before it sends its body', async (t) => {
    const backend = await startBackend(t, echoing)
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const stream = http2Session(t, port).request({ ':method': 'POST', expect: '100-continue', 'content-length': 5 })
    const reply = replyOf(stream)
    await once(stream, 'continue')
    stream.end('hello')
    assert.equal((await reply).body, 'hello')
  })

  test('gets other interim responses', async (t) => {
    const backend = await startBackend(t, (_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('hello')
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const stream = http2Session(t, port).request()
    const reply = replyOf(stream)
    const [hints] = (await once(stream, 'headers')) as [Record<string, unknown>]
    assert.deepEqual([hints[':status'], hints['link']], [103, '</a.css>; rel=preload'])
    assert.equal((await reply).body, 'hello')
  })

  test('gets answers of the proxy itself', async (t) => {
    const respond = {
      ...route('r', {}, { match: { path: { kind: 'exact', value: '/here', caseSensitive: true } } }),
      action: { kind: 'respond', status: 418, headers: [{ name: 'x-a', value: 'b' }], body: 'caf\u00e9' },
      policy: { timeoutMs: 0, responseHeaders: { remove: [], set: [{ name: 'x-c', value: 'd' }], add: [] } },
    } as const
    const live = await startProxy(t, snapshotOf([respond], []))
    const session = http2Session(t, live.port)
    const here = await ask(session, { headers: { ':path': '/here' } })
    assert.deepEqual([here.status, here.headers['x-a'], here.headers['x-c'], here.body], [418, 'b', 'd', 'caf\u00e9'])
    assert.equal(
      (await ask(session, { headers: { ':path': '/here', ':method': 'HEAD' } })).headers['content-length'],
      '5',
    )
    const nowhere = await ask(session, { headers: { ':path': '/there' } })
    assert.deepEqual([nowhere.status, nowhere.body], [404, 'no route matches (NR)\n'])
  })

  test('is served over TLS, where it asks for h2', async (t) => {
    const backend = await startBackend(t, ({ headers }, response) => response.end(headers['x-forwarded-proto']))
    const { snapshotFor, client } = await maybeSecure('https', () => forwardingTo(backend.port))
    const { port } = await startProxy(t, snapshotFor())
    const session = http2Session(t, port, client)
    assert.equal((await ask(session)).body, 'https')
    assert.equal(session.alpnProtocol, 'h2')
  })

  test('may be curl', async (t) => {
    const backend = await startBackend(t, echoing)
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const args = [
      '-sS',
      '--http2-prior-knowledge',
      '-w',
      ' %{http_version}',
      '-d',
      'hello',
      `http://127.0.0.1:${port}/`,
    ]
    const curl = await promisify(execFile)('curl', args).catch(({ code }: { code: unknown }) => ({ stdout: code }))
    if (curl.stdout === 'ENOENT') return t.skip('there is no curl here')
    assert.equal(curl.stdout, 'hello 2')
  })

  test('may send its preface byte by byte', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawHttp2Client(t, port)
    for (const byte of PREFACE) {
      client.socket.write(byte)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    client.send(FRAME.SETTINGS, 0, 0).request(1, GET)
    const { payload } = await client.until(({ type }) => type === FRAME.DATA)
    assert.equal(payload.toString(), 'hello')
  })

  test('must begin with its preface: after a request of HTTP/1.1 it is a malformed one', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const client = new RawClient(t, port).send(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${PREFACE}`)
    assert.match(await client.untilClosed(), /hello[^]*HTTP\/1\.1 505/)
  })
})

describe('a request of HTTP/2', options, () => {
  test('is refused with the status that HTTP/1.1 has for it where it exceeds a limit', async (t) => {
    const backend = await startBackend(t, echoing)
    const limits = { headBytesMax: 2_000, headerFieldsMax: 20, bodyBytesMax: 1_000 }
    const live = await startProxy(t, limited(forwardingTo(backend.port), limits))
    const session = http2Session(t, live.port)
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x-${index}`, 'y']))
    assert.equal(await statusOf(session, { headers: { 'x-a': 'b'.repeat(2_500) } }), 431)
    assert.equal(await statusOf(session, { headers: many }), 431)
    assert.equal(
      await statusOf(session, { headers: { ':method': 'POST', 'content-length': 2_000 }, body: 'x'.repeat(2_000) }),
      413,
    )
    assert.equal(await statusOf(session, { headers: { ':method': 'POST' }, body: 'x'.repeat(2_000) }), 413)
    assert.equal(await statusOf(session, { headers: { ':method': 'POST' }, body: 'x'.repeat(1_000) }), 200)
    assert.deepEqual(live.counted(), { 200: 1, '413 DPE': 2, '431 DPE': 2 })
  })

  test('has until its timeout to be complete', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, echoing)
    const live = await startProxy(t, limited(forwardingTo(backend.port), { bodyIdleTimeoutMs: 1_000 }), { clock })
    const stream = http2Session(t, live.port).request({ ':method': 'POST' })
    stream.write('a')
    const reply = replyOf(stream)
    await eventually(() => live.proxy.pools.some(({ active }) => active === 1))
    await clock.advance(900)
    stream.write('b')
    await eventually(() => backend.accepted === 1)
    await clock.advance(2_000)
    const { status, body } = await reply
    assert.deepEqual([status, body], [408, 'the request was not complete in time (DPE)\n'])
  })

  test('that the client gives up is given up at the endpoint', async (t) => {
    const closed = Promise.withResolvers<void>()
    const backend = await startBackend(t, (request) => request.socket.on('close', () => closed.resolve()))
    const live = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, live.port)
    const stream = session.request()
    stream.on('error', () => {})
    await eventually(() => backend.accepted === 1)
    stream.close(NGHTTP2_CANCEL)
    await closed.promise
    await eventually(() => live.counted()['0 DC'] === 1)
    assert.equal(session.destroyed, false)
  })

  test('that the client gives up in the middle of its body is given up at the endpoint', async (t) => {
    const closed = Promise.withResolvers<void>()
    const backend = await startBackend(t, (request) => request.on('close', () => closed.resolve()).resume())
    const live = await startProxy(t, forwardingTo(backend.port))
    const stream = http2Session(t, live.port).request({ ':method': 'POST' })
    stream.on('error', () => {})
    stream.write('part')
    await eventually(() => backend.accepted === 1)
    stream.close(NGHTTP2_NO_ERROR)
    await closed.promise
    await eventually(() => live.counted()['0 DC'] === 1)
  })

  test('whose connection is gone is given up at the endpoint', async (t) => {
    const closed = Promise.withResolvers<void>()
    const backend = await startBackend(t, (request) => request.socket.on('close', () => closed.resolve()))
    const live = await startProxy(t, forwardingTo(backend.port))
    const client = new RawHttp2Client(t, live.port).greet().request(1, GET)
    await eventually(() => backend.accepted === 1)
    client.socket.destroy()
    await closed.promise
    await eventually(() => live.counted()['0 DC'] === 1)
  })

  for (const [name, start] of [
    ['a length', 'Content-Length: 100\r\n\r\nhalf'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ]) {
    test(`whose endpoint breaks off a body with ${name} is reset, never ended; others go on`, async (t) => {
      const backend = await startRawBackend(t, (socket) => {
        socket.on('data', (chunk: Buffer) => {
          if (chunk.includes('/good')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood')
          else socket.end(`HTTP/1.1 200 OK\r\n${start}`)
        })
      })
      const live = await startProxy(t, forwardingTo(backend.port))
      const client = new RawHttp2Client(t, live.port).greet().request(1, GET)
      assert.equal(await client.untilReset(1), NGHTTP2_INTERNAL_ERROR)
      assert.ok(client.frames.every(({ type, flags }) => type !== FRAME.DATA || (flags & FLAG.END_STREAM) === 0))
      client.request(3, GET.with(2, [':path', '/good']))
      const { payload } = await client.until(({ type, stream }) => type === FRAME.DATA && stream === 3)
      assert.equal(payload.toString(), 'good')
      assert.deepEqual(live.counted(), { 200: 1, '200 UC': 1 })
    })
  }

  test('may be answered before it is complete; then its rest is not wanted', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsoon'))
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const stream = http2Session(t, live.port).request({ ':method': 'POST' })
    stream.write('part')
    const { status, body, code } = await replyOf(stream)
    assert.deepEqual([status, body, code], [200, 'soon', NGHTTP2_NO_ERROR])
  })

  test('may be answered with trailers before it is complete', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      const start = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsoon\r\n'
      socket.once('data', () => socket.write(start, () => setImmediate(() => socket.write('0\r\nx-sum: 4\r\n\r\n'))))
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const stream = http2Session(t, live.port).request({ ':method': 'POST' })
    stream.write('part')
    const { status, body, trailers, code } = await replyOf(stream)
    assert.deepEqual([status, body, trailers['x-sum'], code], [200, 'soon', '4', NGHTTP2_NO_ERROR])
  })

  test('whose answer is not read for long is reset', async (t) => {
    const clock = new FakeClock()
    // More than the client lets come, and less than the buffers on the way hold.
    const backend = await startBackend(t, saying('x'.repeat(100_000)))
    const live = await startProxy(t, forwardingTo(backend.port), { clock })
    const client = new RawHttp2Client(t, live.port).greet().request(1, GET)
    await eventually(() => live.counted()[200] === 1)
    await clock.advance(299_000)
    assert.ok(client.frames.every(({ type }) => type !== FRAME.RST_STREAM))
    await clock.advance(2_000)
    assert.equal(await client.untilReset(1), NGHTTP2_CANCEL)
    assert.equal(client.isClosed, false)
  })

  test('that is malformed is refused, by itself', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const live = await startProxy(t, forwardingTo(backend.port))
    const client = new RawHttp2Client(t, live.port).greet()
    client.request(1, [...GET, ['host', 'other.com']])
    assert.equal(await client.untilReset(1), constants.NGHTTP2_PROTOCOL_ERROR)
    client.request(3, GET)
    await client.until(({ type, stream }) => type === FRAME.DATA && stream === 3)
    assert.deepEqual(live.counted(), { 200: 1, '400 DPE': 1 })
  })
})

describe('flow control', options, () => {
  test('a client that does not read holds the endpoint back', async (t) => {
    let written = 0
    const backend = await startBackend(t, ({ url }, response) => {
      if (url !== '/slow') return response.end()
      const part = Buffer.alloc(64 * 1024)
      const more = (): void => {
        do written += part.length
        while (response.write(part))
        response.once('drain', more)
      }
      return more()
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, live.port)
    const stream = session.request({ ':path': '/slow' })
    stream.on('error', () => {})
    await once(stream, 'response')
    const before = await standstill(session, () => written)
    assert.ok(before < 16 * 1024 * 1024, `${before} bytes`)
    stream.resume()
    await eventually(() => written > before + 1024 * 1024)
    stream.close(NGHTTP2_CANCEL)
  })

  test('an endpoint that does not read holds the client back, and no other stream', async (t) => {
    const stalled: Socket[] = []
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', (chunk: Buffer) => {
        if (chunk.includes('/fast')) return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast')
        socket.pause()
        return stalled.push(socket)
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, live.port)
    const stream = session.request({ ':method': 'POST', ':path': '/slow' })
    stream.on('error', () => {})
    let sent = 0
    const part = Buffer.alloc(64 * 1024)
    const more = (): void => {
      stream.write(part, (error) => {
        if (error) return
        sent += part.length
        more()
      })
    }
    more()
    await eventually(() => stalled.length === 1)
    const before = await standstill(session, () => sent, '/fast')
    assert.ok(before < 16 * 1024 * 1024, `${before} bytes`)
    stalled[0]?.resume()
    await eventually(() => sent > before + 1024 * 1024)
    stream.close(NGHTTP2_CANCEL)
  })
})

async function statusOf(...asked: Parameters<typeof ask>): Promise<number> {
  return (await ask(...asked)).status
}

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

describe('gRPC', options, () => {
  const grpc = { ':method': 'POST', 'content-type': 'application/grpc+proto', te: 'trailers' } as const

  test('is told what the proxy could not do in its own way', async (t) => {
    const answers = [400, 401, 403, 404, 429, 500, 503].map((status) => ({
      ...route(`r${status}`, {}, { match: { path: { kind: 'exact', value: `/${status}`, caseSensitive: true } } }),
      action: { kind: 'respond', status, headers: [], body: 'caf\u00e9 100%' } as const,
    }))
    const nobody = route(
      'nobody',
      { empty: 1 },
      { match: { path: { kind: 'exact', value: '/call', caseSensitive: true } } },
    )
    const live = await startProxy(t, snapshotOf([...answers, nobody], [cluster('empty', [])]))
    const session = http2Session(t, live.port)
    const codes: unknown[] = []
    for (const path of ['/400', '/401', '/403', '/404', '/429', '/500', '/503', '/call', '/nowhere']) {
      const { status, headers, body } = await ask(session, { headers: { ...grpc, ':path': path } })
      assert.deepEqual([status, headers['content-type'], body], [200, 'application/grpc', ''])
      codes.push(Number(headers['grpc-status']))
    }
    assert.deepEqual(codes, [13, 16, 7, 12, 14, 2, 14, 14, 12])
    const { headers } = await ask(session, { headers: { ...grpc, ':path': '/500' } })
    assert.equal(headers['grpc-message'], 'caf%C3%A9 100%25')
    // Counted as what it is, so that a judge of metrics sees it.
    assert.equal(live.counted()['503 UH'], 1)
  })

  test('a fault gives a call the status that it has for gRPC, and others the one of HTTP', async (t) => {
    const abort = { share: 1, status: 503, grpcStatus: 8 }
    const live = await startProxy(t, forwardingTo(1, { fault: { abort } }))
    const session = http2Session(t, live.port)
    const { headers } = await ask(session, { headers: { ...grpc, ':path': '/' } })
    assert.deepEqual([headers[':status'], headers['grpc-status']], [200, '8'])
    assert.equal(await statusOf(session, {}), 503)
  })

  test('is not what others speak: they get statuses of HTTP', async (t) => {
    const { port } = await startProxy(t, snapshotOf([], []))
    const session = http2Session(t, port)
    for (const type of ['application/grpc-web', 'application/json', 'application/grpcx']) {
      assert.equal(await statusOf(session, { headers: { ...grpc, 'content-type': type } }), 404)
    }
  })
})

describe('the end of a session', options, () => {
  test('of a listener that closes is told twice: first that it comes, then which stream was the last', async (t) => {
    const answers: (() => void)[] = []
    const backend = await startBackend(t, ({ url }, response) => answers.push(() => response.end(url)))
    const live = await startProxy(t, forwardingTo(backend.port))
    const client = new RawHttp2Client(t, live.port).greet().request(1, GET)
    await eventually(() => answers.length === 1)
    await live.apply(renamed(forwardingTo(backend.port), 'other'))
    const notice = await client.until(({ type }) => type === FRAME.GOAWAY)
    assert.equal(notice.payload.readUInt32BE(0), 2 ** 31 - 1)
    // The client did not know yet: this one is served, too.
    client.request(3, GET.with(2, [':path', '/late']))
    assert.equal((await client.until(isLastGoaway)).payload.readUInt32BE(0), 3)
    assert.equal(client.isClosed, false)
    for (const answer of answers) answer()
    assert.equal(await client.untilClosed(), NGHTTP2_NO_ERROR)
    const bodies = client.frames.filter(({ type, payload }) => type === FRAME.DATA && payload.length > 0)
    assert.deepEqual(
      bodies.map(({ payload }) => String(payload)),
      ['/', '/late'],
    )
    assert.deepEqual(live.counted(), { 200: 2 })
  })

  for (const scheme of ['http', 'https'] as const) {
    test(`loses no request of a client that asks all the time while ${scheme} listeners are replaced`, async (t) => {
      const backend = await startBackend(t, saying('hello'))
      const { snapshotFor, client: secure } = await maybeSecure(scheme, () => forwardingTo(backend.port))
      const live = await startProxy(t, snapshotFor())
      const client = new ReconnectingClient(() => http2Session(t, live.proxy.listeners[0]?.port ?? 0, secure))
      const done = client.askUntilStopped()
      for (const id of ['1', '2', '3']) {
        const { sessions, answered } = client
        await eventually(() => client.answered > answered + 100)
        await live.apply(renamed(snapshotFor(), id))
        await eventually(() => client.sessions > sessions)
      }
      client.stop()
      await done
      assert.deepEqual(client.failures, [])
      assert.deepEqual(live.counted(), { 200: client.answered })
    })
  }

  test('comes when there was no request for long', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, saying('hello'))
    const live = await startProxy(t, limited(forwardingTo(backend.port), { keepAliveTimeoutMs: 5_000 }), { clock })
    const client = new RawHttp2Client(t, live.port).greet().request(1, GET)
    await client.until(({ type }) => type === FRAME.DATA)
    await clock.advance(6_000)
    await client.until(({ type }) => type === FRAME.GOAWAY)
    await clock.advance(1_000)
    assert.equal(await client.untilClosed(), NGHTTP2_NO_ERROR)
  })

  test('comes soon where the client does not say what it can do', async (t) => {
    const clock = new FakeClock()
    const live = await startProxy(t, limited(snapshotOf([], []), { headTimeoutMs: 2_000 }), { clock })
    const client = new RawHttp2Client(t, live.port)
    client.socket.write(PREFACE)
    await client.until(({ type }) => type === FRAME.SETTINGS)
    await clock.advance(3_000)
    await client.untilClosed()
  })
})

/** The count, when it has not moved for so many requests of others. */
async function standstill(session: ClientHttp2Session, count: () => number, path = '/other'): Promise<number> {
  for (let seen = -1, still = 0; still < 50; still++) {
    if (seen !== count()) still = 0
    seen = count()
    await ask(session, { headers: { ':path': path, ':method': 'HEAD' } })
  }
  return count()
}

function isLastGoaway({ type, payload }: Frame): boolean {
  return type === FRAME.GOAWAY && payload.readUInt32BE(0) < 2 ** 31 - 1
}

interface Security {
  readonly snapshotFor: () => RoutingSnapshot
  readonly client: NonNullable<Parameters<typeof http2Session>[2]>
}

async function maybeSecure(scheme: 'http' | 'https', snapshotFor: () => RoutingSnapshot): Promise<Security> {
  if (scheme === 'http') return { snapshotFor, client: {} }
  const authority = await testAuthority()
  const certificate = { ...(await authority.issue('echo.example.com')), serverNames: [] }
  const tls = { certificates: [certificate], minVersion: 'TLSv1.2' } as const
  return {
    snapshotFor: () => {
      const snapshot = snapshotFor()
      return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, protocol: scheme, tls })) }
    },
    client: { scheme, ca: authority.certificate, servername: 'echo.example.com' },
  }
}

/** As clients do, it connects anew when the proxy says that it goes, and asks again what was refused without being looked at. */
class ReconnectingClient {
  readonly failures: string[] = []
  readonly #connect: () => ClientHttp2Session
  #isStopped = false
  sessions = 0
  answered = 0

  constructor(connect: () => ClientHttp2Session) {
    this.#connect = connect
  }

  stop(): void {
    this.#isStopped = true
  }

  async askUntilStopped(): Promise<void> {
    while (!this.#isStopped) {
      const session = this.#connect()
      this.sessions++
      await Promise.all(Array.from({ length: 10 }, () => this.#askOn(session)))
      session.close()
    }
  }

  async #askOn(session: ClientHttp2Session): Promise<void> {
    while (!this.#isStopped && !session.closed && !session.destroyed) {
      const { status, body, code } = await ask(session)
      if (body === 'hello') this.answered++
      else if (code !== NGHTTP2_REFUSED_STREAM) this.failures.push(`${status} ${code}`)
    }
  }
}

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:http2'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { FakeClock } from '../support/fake-clock.ts'
import {
  FLAG,
  FRAME,
  GET,
  PREFACE,
  RawHttp2Client,
  ask,
  http2Session,
  replyOf,
  statusOf,
} from '../support/http2-client.ts'
import { maybeSecure } from '../support/secured.ts'
import {
  withHttpLimits,
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
import type { ClusterLimits } from '../../src/routing/cluster-model.ts'
import type { Route } from '../../src/routing/route-model.ts'

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants
const options = { timeout: 20_000 }
const NO_LIMITS: ClusterLimits = {
  connectionsMax: 1_000,
  pendingMax: 1_000,
  requestsMax: 1_000,
  retriesMax: 1_000,
  requestsPerConnectionMax: 0,
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

  for (const [name, policy, limits] of [
    ['is connected to', {}, undefined],
    ['is delayed', { fault: { delay: { share: 1, delayMs: 1 } } }, undefined],
    ['waits for its turn', {}, { ...NO_LIMITS, connectionsMax: 1 }],
  ] as const) {
    for (const trailers of [{}, { 'x-sum': '5' }]) {
      test(`may end without content while it ${name}, ${Object.keys(trailers).length} trailers behind`, async (t) => {
        const held: (() => void)[] = []
        const backend = await startBackend(t, (request, response) => {
          const answer = (body: string): unknown => response.end(JSON.stringify([body, request.trailers]))
          if (request.method === 'GET') held.push(() => answer(''))
          else void readBody(request).then(answer)
        })
        const v1 = cluster('v1', [backend.port], limits === undefined ? {} : { limits })
        const live = await startProxy(t, snapshotOf([route('r', { v1: 1 }, { policy })], [v1]))
        const session = http2Session(t, live.port)
        const first = limits === undefined ? null : ask(session)
        await eventually(() => first === null || held.length === 1)
        const asked = Array.from({ length: 3 }, () =>
          ask(session, { headers: { ':method': 'PUT' }, body: '', trailers }),
        )
        await eventually(() => first === null || live.proxy.gates.get('v1')?.pending === 3)
        for (const answer of held) answer()
        for (const { body } of await Promise.all(asked)) assert.deepEqual(JSON.parse(body), ['', trailers])
        assert.equal((await first)?.status ?? 200, 200)
      })
    }
  }

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
    const live = await startProxy(t, withHttpLimits(forwardingTo(backend.port), limits))
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
    const live = await startProxy(t, withHttpLimits(forwardingTo(backend.port), { bodyIdleTimeoutMs: 1_000 }), {
      clock,
    })
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

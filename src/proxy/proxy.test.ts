import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import {
  RawClient,
  cluster,
  eventually,
  everyRequest,
  fetchFrom,
  forwardingTo,
  readBody,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../../test/support/live-proxy.ts'
import { routingCases } from '../../test/routing-cases.ts'
import type { Route } from '../routing/model.ts'

test('the live proxy takes the route of the table of cases', async (t) => {
  const live = await startProxy(t, snapshotOf([], []))
  for (const { name, virtualHosts, request, route: wanted } of routingCases) {
    await live.apply({ ...snapshotOf([], []), routeTables: [{ id: 'table', virtualHosts }] })
    const client = new RawClient(t, live.port)
    const lines = [`${request.method} ${request.target} HTTP/1.1`, `Host: ${request.host}`]
    const headers = request.headers.map(([key, value]) => `${key}: ${value}`)
    client.send(`${[...lines, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`)
    const text = await client.untilClosed()
    const [, status, body] = /^HTTP\/1.1 ([0-9]+) [^]*?\r\n\r\n([^]*)$/.exec(text) ?? []
    assert.equal(status, wanted === null ? '404' : '200', name)
    if (wanted !== null) assert.equal(body, wanted, name)
  }
})

describe('forwarding', () => {
  test('a request reaches the endpoint with its headers and what a proxy adds', async (t) => {
    const backend = await startBackend(t, (request, response) => {
      response.setHeader('x-from', 'backend')
      response.end(JSON.stringify({ url: request.url, headers: request.headers }))
    })
    const { port } = await startProxy(t, forwardingTo(backend.port))
    const reply = await fetchFrom(port, {
      path: '/a/b?c=d',
      headers: {
        host: 'echo.example.com',
        'x-custom': 'kept',
        'x-forwarded-for': '10.0.0.1',
        'x-forwarded-proto': 'https',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'x-named': 'dropped',
        connection: 'close, x-named',
      },
    })
    const seen = JSON.parse(reply.body) as { url: string; headers: Record<string, string> }
    assert.equal(reply.headers['x-from'], 'backend')
    assert.equal(seen.url, '/a/b?c=d')
    const { 'x-request-id': id, ...headers } = seen.headers
    assert.match(id ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual(headers, {
      host: 'echo.example.com',
      'x-custom': 'kept',
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'x-forwarded-proto': 'http',
    })
  })

  test('a request id that the client sent is kept', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(request.headers['x-request-id']))
    const { port } = await startProxy(t, forwardingTo(backend.port))
    assert.equal((await fetchFrom(port, { headers: { 'x-request-id': 'mine' } })).body, 'mine')
  })

  test('of 100 requests at 50/50 each version gets exactly 50, at 90/10 exactly 90 and 10', async (t) => {
    const v1 = await startBackend(t, saying('v1'))
    const v2 = await startBackend(t, saying('v2'))
    const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
    const live = await startProxy(t, snapshotOf([route('r', { v1: 50, v2: 50 })], clusters))
    const versions = async (): Promise<Record<string, number>> => {
      const replies = await Promise.all(Array.from({ length: 100 }, () => fetchFrom(live.port)))
      return Object.fromEntries(
        Object.entries(Object.groupBy(replies, ({ body }) => body)).map(([key, all]) => [key, all?.length ?? 0]),
      )
    }
    assert.deepEqual(await versions(), { v1: 50, v2: 50 })
    await live.apply(snapshotOf([route('r', { v1: 90, v2: 10 })], clusters))
    assert.deepEqual(await versions(), { v1: 90, v2: 10 })
    const workloads = live.series().map(({ labels, requests }) => `${labels.workload} ${labels.status} ${requests}`)
    assert.deepEqual(workloads.toSorted(), ['v1 200 140', 'v2 200 60'])
  })

  test('a split goes on where it was when a snapshot leaves its weights as they were', async (t) => {
    const v1 = await startBackend(t, saying('v1'))
    const v2 = await startBackend(t, saying('v2'))
    const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
    const snapshot = () => snapshotOf([route('r', { v1: 3, v2: 1 })], clusters)
    const live = await startProxy(t, snapshot())
    let canaries = 0
    for (let index = 0; index < 40; index++) {
      if ((await fetchFrom(live.port)).body === 'v2') canaries++
      await live.apply(snapshot())
    }
    assert.equal(canaries, 10)
  })

  test('the endpoints of a cluster take turns', async (t) => {
    const backends = await Promise.all(['a', 'b', 'c'].map((name) => startBackend(t, saying(name))))
    const live = await startProxy(
      t,
      snapshotOf(
        [route('r', { v1: 1 })],
        [
          cluster(
            'v1',
            backends.map(({ port }) => port),
          ),
        ],
      ),
    )
    const bodies: string[] = []
    for (let index = 0; index < 6; index++) bodies.push((await fetchFrom(live.port)).body)
    assert.deepEqual(bodies, ['a', 'b', 'c', 'a', 'b', 'c'])
  })

  test('a cluster without endpoints is served by its fallback', async (t) => {
    const backend = await startBackend(t, saying('v1'))
    const clusters = [
      cluster('v3', [], { fallback: 'v2' }),
      cluster('v2', [], { fallback: 'v1' }),
      cluster('v1', [backend.port]),
    ]
    const { port } = await startProxy(t, snapshotOf([route('r', { v3: 1 })], clusters))
    assert.equal((await fetchFrom(port)).body, 'v1')
  })

  test('fallbacks that lead in a circle end as no healthy endpoint', async (t) => {
    const clusters = [cluster('v1', [], { fallback: 'v2' }), cluster('v2', [], { fallback: 'v1' })]
    const { port } = await startProxy(t, snapshotOf([route('r', { v1: 1 })], clusters))
    assert.equal((await fetchFrom(port)).status, 503)
  })

  test('the host and the path are rewritten as the route says', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(`${request.headers.host} ${request.url}`))
    const policy = { rewrite: { path: { kind: 'prefix' as const, value: '/new' }, authority: 'inner' } }
    const match = { path: { kind: 'path-prefix' as const, value: '/old', caseSensitive: true } }
    const { port } = await startProxy(
      t,
      snapshotOf([route('r', { v1: 1 }, { match, policy })], [cluster('v1', [backend.port])]),
    )
    assert.equal((await fetchFrom(port, { path: '/old/x?y=z' })).body, 'inner /new/x?y=z')
  })

  test('a share for an invalid destination is answered with its status', async (t) => {
    const backend = await startBackend(t, saying('v1'))
    const base = route('r', {})
    const mixed: Route = {
      ...base,
      action: {
        kind: 'forward',
        split: 'r',
        destinations: [
          { kind: 'cluster', cluster: 'v1', weight: 3 },
          { kind: 'invalid', status: 500, reason: 'no such service', weight: 1 },
        ],
      },
    }
    const live = await startProxy(t, snapshotOf([mixed], [cluster('v1', [backend.port])]))
    for (let index = 0; index < 8; index++) await fetchFrom(live.port)
    assert.deepEqual(live.counted(), { '200': 6, '500': 2 })
  })
})

describe('answers of its own', () => {
  const answering = (action: Route['action'], change: Partial<Route['match']> = {}): Route => ({
    ...route('r', {}),
    match: { ...everyRequest, ...change },
    action,
  })

  test('a direct response has the route’s status, headers and body', async (t) => {
    const action = {
      kind: 'respond' as const,
      status: 418,
      body: 'grüß',
      headers: [{ name: 'x-a', value: 'b' }],
    }
    const { port } = await startProxy(t, snapshotOf([answering(action)], []))
    const reply = await fetchFrom(port)
    assert.equal(reply.status, 418)
    assert.equal(reply.body, 'grüß')
    assert.equal(reply.headers['x-a'], 'b')
  })

  const redirects: readonly [string, Partial<Extract<Route['action'], { kind: 'redirect' }>>, string][] = [
    ['to https', { scheme: 'https' }, 'https://echo.example.com/old/x?y=z'],
    ['to another host', { host: 'other.com' }, 'http://other.com/old/x?y=z'],
    ['to another port', { port: 9000 }, 'http://echo.example.com:9000/old/x?y=z'],
    ['with another path', { path: { kind: 'full', value: '/new' } }, 'http://echo.example.com:8080/new?y=z'],
    ['with another prefix', { path: { kind: 'prefix', value: '/new' } }, 'http://echo.example.com:8080/new/x?y=z'],
    ['without the query', { stripQuery: true }, 'http://echo.example.com:8080/old/x'],
  ]
  for (const [name, change, location] of redirects) {
    test(`a redirect ${name}`, async (t) => {
      const action = { kind: 'redirect' as const, status: 302 as const, stripQuery: false, ...change }
      const match = { path: { kind: 'prefix' as const, value: '/old', caseSensitive: true } }
      const { port } = await startProxy(t, snapshotOf([answering(action, match)], []))
      const reply = await fetchFrom(port, { path: '/old/x?y=z', headers: { host: 'echo.example.com:8080' } })
      assert.equal(reply.status, 302)
      assert.equal(reply.headers.location, location)
    })
  }

  test('no route, no endpoint and a refused connection have their flags', async (t) => {
    const gone = await startBackend(t, saying(''))
    await gone.close()
    const only = (path: string) => ({ path: { kind: 'exact' as const, value: path, caseSensitive: true } })
    const routes = [
      route('empty', { empty: 1 }, { match: only('/empty') }),
      route('gone', { gone: 1 }, { match: only('/gone') }),
    ]
    const live = await startProxy(t, snapshotOf(routes, [cluster('empty', []), cluster('gone', [gone.port])]))
    const [none, empty, refused] = await Promise.all(
      ['/none', '/empty', '/gone'].map((path) => fetchFrom(live.port, { path })),
    )
    assert.deepEqual([none?.status, empty?.status, refused?.status], [404, 503, 503])
    assert.match(none?.body ?? '', /\(NR\)/)
    assert.deepEqual(live.counted(), { '404 NR': 1, '503 UH': 1, '503 UF': 1 })
  })

  test('a response flag of the route is counted', async (t) => {
    const action = { kind: 'respond' as const, status: 503, body: '', headers: [], flag: 'NC' as const }
    const live = await startProxy(t, snapshotOf([answering(action)], []))
    await fetchFrom(live.port)
    assert.deepEqual(live.counted(), { '503 NC': 1 })
  })
})

describe('bodies', () => {
  const echoing = (t: Parameters<typeof startBackend>[0]) =>
    startBackend(t, (request, response) => {
      readBody(request).then(
        (body) => response.end(body),
        () => response.destroy(),
      )
    })

  for (const size of [0, 1, 5_000, 20_000, 1_000_000]) {
    test(`a body of ${size} bytes with a content length comes back whole`, async (t) => {
      const { port } = await startProxy(t, forwardingTo((await echoing(t)).port))
      const body = Buffer.alloc(size, 'abcdefghij')
      const reply = await fetchFrom(port, { method: 'POST', headers: { 'content-length': String(size) }, body })
      assert.equal(reply.body, body.toString())
    })

    test(`a chunked body of ${size} bytes comes back whole`, async (t) => {
      const { port } = await startProxy(t, forwardingTo((await echoing(t)).port))
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
    assert.equal(await client.untilClosed(), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end')
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
    const backend = await startBackend(t, (request, response) => {
      readBody(request).then(
        (body) => response.end(body),
        () => {},
      )
    })
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
    const backend = await startBackend(t, (request, response) => {
      readBody(request).then(
        (body) => response.end(body),
        () => {},
      )
    })
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
    const gone = await startBackend(t, saying('gone'))
    await gone.close()
    const backend = await startBackend(t, (request, response) => {
      readBody(request).then(
        (body) => response.end(body),
        () => {},
      )
    })
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

describe('timeouts', () => {
  test('an endpoint that does not answer in time is a gateway timeout', async (t) => {
    const clock = new FakeClock()
    const arrived = Promise.withResolvers<void>()
    const backend = await startBackend(t, () => arrived.resolve())
    const live = await startProxy(t, forwardingTo(backend.port, { timeoutMs: 1_000 }), { clock })
    const reply = fetchFrom(live.port)
    await arrived.promise
    await clock.advance(1_100)
    assert.equal((await reply).status, 504)
    assert.deepEqual(live.counted(), { '504 UT': 1 })
  })

  test('a response that is not complete in time is broken off', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, (_request, response) => response.write('abc'))
    const live = await startProxy(t, forwardingTo(backend.port, { timeoutMs: 1_000 }), { clock })
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until((text) => text.includes('abc'))
    await clock.advance(1_100)
    assert.doesNotMatch(await client.untilClosed(), /0\r\n\r\n$/)
    assert.deepEqual(live.counted(), { '200 UT': 1 })
  })

  test('a head that does not come to its end is answered with 408', async (t) => {
    const clock = new FakeClock()
    const live = await startProxy(t, snapshotOf([], []), { clock })
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /')
    await client.until((text) => text.startsWith('HTTP/1.1 404'))
    client.clear()
    await clock.advance(31_000)
    assert.match(await client.untilClosed(), /^HTTP\/1.1 408/)
  })

  test('a body that does not come to its end is answered with 408', async (t) => {
    const clock = new FakeClock()
    const arrived = Promise.withResolvers<void>()
    const backend = await startBackend(t, () => arrived.resolve())
    const live = await startProxy(t, forwardingTo(backend.port), { clock })
    const client = new RawClient(t, live.port).send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab')
    await arrived.promise
    await clock.advance(61_000)
    assert.match(await client.untilClosed(), /^HTTP\/1.1 408/)
  })

  test('idle connections to endpoints are closed before the endpoint would do it', async (t) => {
    const clock = new FakeClock()
    const closed = Promise.withResolvers<void>()
    const backend = await startRawBackend(t, (socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
      socket.on('close', () => closed.resolve())
    })
    const live = await startProxy(t, forwardingTo(backend.port), { clock })
    await fetchFrom(live.port)
    await clock.advance(4_100)
    await closed.promise
  })
})

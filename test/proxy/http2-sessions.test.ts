/** The sessions to endpoints that speak HTTP/2: how many there are, and what becomes of requests when one ends. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'

import { FakeClock } from '../support/fake-clock.ts'
import { startHttp2Backend, startRawHttp2Backend } from '../support/http2-backend.ts'
import type { Http2Backend } from '../support/http2-backend.ts'
import { FLAG, FRAME, encodeFields, encodeFrame } from '../support/http2-client.ts'
import {
  RawClient,
  cluster,
  eventually,
  fetchFrom,
  refusePort,
  route,
  snapshotOf,
  startProxy,
} from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'
import type { Cluster, ClusterLimits } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const OK: readonly (readonly [string, string])[] = [[':status', '200']]
const NO_LIMITS: ClusterLimits = {
  connectionsMax: 1_000,
  pendingMax: 1_000,
  requestsMax: 1_000,
  retriesMax: 1_000,
  requestsPerConnectionMax: 0,
}

function overHttp2(ports: readonly number[], change: Partial<Cluster> = {}): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', ports, { protocol: 'http2', ...change })])
}

function limited(port: number, limits: Partial<ClusterLimits>): RoutingSnapshot {
  return overHttp2([port], { limits: { ...NO_LIMITS, ...limits } })
}

interface Held {
  readonly backend: Http2Backend
  /** Requests that arrived and are not answered yet, by path. */
  readonly waiting: Map<string, ServerHttp2Stream>
  readonly answer: (path: string) => void
}

/** Answers a request only when told to. */
async function startHolding(t: TestContext, maxConcurrentStreams = 100): Promise<Held> {
  const waiting = new Map<string, ServerHttp2Stream>()
  const backend = await startHttp2Backend(t, (stream, headers) => waiting.set(headers[':path'] ?? '', stream), {
    settings: { maxConcurrentStreams },
  })
  return {
    backend,
    waiting,
    answer: (path) => {
      const stream = waiting.get(path)
      waiting.delete(path)
      stream?.respond({})
      stream?.end(path)
    },
  }
}

function send(t: TestContext, { port }: LiveProxy, path: string): RawClient {
  return new RawClient(t, port).send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
}

function paths(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `/${at}`)
}

describe('sessions', () => {
  test('carry many requests at once, also those that came while the first one was being made', async (t) => {
    const held = await startHolding(t)
    const live = await startProxy(t, overHttp2([held.backend.port]))
    const asked = paths(50).map((path) => fetchFrom(live.port, { path }))
    await eventually(() => held.waiting.size === 50)
    assert.equal(held.backend.sessions.length, 1)
    assert.deepEqual(
      live.proxy.pools.map(({ active, connections, idle }) => ({ active, connections, idle })),
      [{ active: 50, connections: 1, idle: 0 }],
    )
    for (const path of paths(50)) held.answer(path)
    assert.deepEqual(
      (await Promise.all(asked)).map(({ body }) => body),
      paths(50),
    )
    assert.equal((await fetchAfter(held, live, '/again')).body, '/again')
    assert.equal(held.backend.sessions.length, 1)
    await eventually(() => live.proxy.pools[0]?.idle === 1)
  })

  test('are opened when all are full, by what the endpoint takes', async (t) => {
    const held = await startHolding(t, 2)
    const live = await startProxy(t, overHttp2([held.backend.port]))
    const asked = paths(5).map((path) => fetchFrom(live.port, { method: 'POST', path, body: 'x' }))
    await eventually(() => held.waiting.size === 5)
    assert.equal(held.backend.sessions.length, 3)
    for (const path of paths(5)) held.answer(path)
    assert.deepEqual(
      (await Promise.all(asked)).map(({ body }) => body),
      paths(5),
    )
  })

  test('to an endpoint that takes no streams do not pile up, and serve once it takes some', async (t) => {
    const { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS } = constants
    const ponged = Promise.withResolvers<void>()
    const backend = await startRawHttp2Backend(
      t,
      (peer, { type, stream }) => {
        if (type === FRAME.HEADERS) peer.respond(stream, [[':status', '200']])
        if (type === FRAME.PING) ponged.resolve()
      },
      { settings: [[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0]] },
    )
    const live = await startProxy(t, overHttp2([backend.port]))
    for (let count = 0; count < 3; count++) assert.equal((await fetchFrom(live.port)).status, 503)
    assert.equal(live.proxy.pools[0]?.connections, 1)
    const last = backend.peers.at(-1)
    last?.send(FRAME.SETTINGS, 0, 0, Buffer.from([0, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0, 0, 0, 9]))
    last?.send(FRAME.PING, 0, 0, Buffer.alloc(8))
    await ponged.promise
    assert.equal((await fetchFrom(live.port)).status, 200)
    assert.equal(backend.peers.at(-1), last)
  })

  test('close when they have been idle for a minute', async (t) => {
    const clock = new FakeClock()
    const held = await startHolding(t)
    const live = await startProxy(t, overHttp2([held.backend.port]), { clock })
    await fetchAfter(held, live, '/')
    await eventually(() => live.proxy.pools[0]?.idle === 1)
    await clock.advance(59_000)
    assert.equal(live.proxy.pools[0]?.connections, 1)
    await clock.advance(2_000)
    assert.equal(live.proxy.pools[0]?.connections, 0)
    await eventually(() => held.backend.sessions.every(({ destroyed }) => destroyed))
    await fetchAfter(held, live, '/')
  })

  test('whose endpoint does not even answer pings end, and their requests are sent elsewhere or fail', async (t) => {
    const clock = new FakeClock()
    let requests = 0
    const backend = await startRawHttp2Backend(t, (peer, { type, stream, payload, flags }) => {
      if (type === FRAME.PING && peer.index > 0) peer.send(FRAME.PING, FLAG.ACK, 0, payload)
      if (type !== FRAME.HEADERS) return
      requests++
      if (flags & FLAG.END_STREAM && (peer.index > 0 || requests === 1)) peer.respond(stream, OK)
    })
    const live = await startProxy(t, overHttp2([backend.port]), { clock })
    assert.equal((await fetchFrom(live.port)).status, 200)
    const got = fetchFrom(live.port)
    await eventually(() => requests === 2)
    await clock.advance(41_000)
    assert.equal((await got).status, 200)
    assert.equal(backend.peers.length, 2)
    const posted = fetchFrom(live.port, { method: 'POST', body: 'x' })
    await eventually(() => requests === 4)
    await clock.advance(100_000)
    assert.equal(live.proxy.pools[0]?.active, 1)
    backend.peers[1]?.socket.destroy()
    const { status, body } = await posted
    assert.equal(status, 503)
    assert.match(body, /UC/)
  })

  test('that cannot be made are tried elsewhere, all requests of them', async (t) => {
    const held = await startHolding(t)
    const gone = refusePort(t)
    const live = await startProxy(t, overHttp2([gone.port, held.backend.port]))
    const asked = paths(4).map((path) => fetchFrom(live.port, { path }))
    await eventually(() => held.waiting.size === 4)
    for (const path of paths(4)) held.answer(path)
    for (const { status } of await Promise.all(asked)) assert.equal(status, 200)
  })

  test('that are not made in time fail all their requests with flag UF', async (t) => {
    const clock = new FakeClock()
    const backend = await startRawHttp2Backend(t, () => {}, { isSilent: true })
    const live = await startProxy(t, overHttp2([backend.port]), { clock })
    const asked = paths(3).map((path) => fetchFrom(live.port, { path }))
    await eventually(() => live.proxy.pools[0]?.active === 3 && backend.peers.length === 1)
    await clock.advance(6_000)
    for (const { status, body } of await Promise.all(asked)) {
      assert.equal(status, 503)
      assert.match(body, /timeout while connecting.*UF/)
    }
    assert.equal(live.proxy.pools[0]?.connections, 0)
  })

  test('of an endpoint that has left finish what they have, and count as draining until then', async (t) => {
    const held = await startHolding(t)
    const other = await startHolding(t)
    const live = await startProxy(t, overHttp2([held.backend.port]))
    const asked = paths(2).map((path) => fetchFrom(live.port, { path }))
    await eventually(() => held.waiting.size === 2)
    await live.apply(overHttp2([other.backend.port]))
    assert.deepEqual(live.proxy.draining, [`127.0.0.1:${held.backend.port}`])
    await fetchAfter(other, live, '/new')
    held.answer('/0')
    assert.equal((await asked[0])?.body, '/0')
    assert.equal(live.proxy.draining.length, 1)
    held.answer('/1')
    assert.equal((await asked[1])?.body, '/1')
    await eventually(() => live.proxy.draining.length === 0)
    await eventually(() => held.backend.sessions.every(({ destroyed }) => destroyed))
  })

  test('go on when a try is given up just as the last of its body goes out', async (t) => {
    const got: string[] = []
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      got.push(`${type} ${stream}`)
      if (type === FRAME.HEADERS && stream !== 3) peer.respond(stream, OK)
    })
    const backoff = { initialMs: 1, maxMs: 1 }
    const retry = { attempts: 1, on: ['5xx'], statuses: [], perTryTimeoutMs: 0, backoff, budget: 1 } as const
    const cluster1 = cluster('v1', [backend.port], { protocol: 'http2' })
    const live = await startProxy(t, snapshotOf([route('r', { v1: 1 }, { policy: { retry } })], [cluster1]))
    assert.equal((await fetchFrom(live.port)).status, 200)
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    const client = new RawClient(t, live.port).send(`${head}3\r\nabc\r\n`)
    await eventually(() => got.includes(`${FRAME.DATA} 3`))
    // The proxy reads both before it writes: its stream ends, and is reset before the end is sent.
    client.send('0\r\n\r\n')
    const unavailable = encodeFrame(FRAME.HEADERS, FLAG.END_HEADERS, 3, encodeFields([[':status', '503']]))
    const body = encodeFrame(FRAME.DATA, FLAG.END_STREAM, 3, Buffer.from('x'))
    backend.peers[0]?.socket.write(Buffer.concat([unavailable, body]))
    await client.until((text) => text.startsWith('HTTP/1.1 200 '))
    assert.equal(backend.peers.length, 1)
  })

  test('go on when a client leaves; its stream is cancelled', async (t) => {
    const held = await startHolding(t)
    const live = await startProxy(t, overHttp2([held.backend.port]))
    const staying = fetchFrom(live.port, { path: '/staying' })
    const leaving = send(t, live, '/leaving')
    await eventually(() => held.waiting.size === 2)
    const stream = held.waiting.get('/leaving')
    leaving.socket.resetAndDestroy()
    await eventually(() => stream?.closed === true)
    assert.equal(stream?.rstCode, constants.NGHTTP2_CANCEL)
    held.answer('/staying')
    assert.equal((await staying).body, '/staying')
    assert.equal(held.backend.sessions.length, 1)
    assert.deepEqual(live.counted(), { '200': 1, '0 DC': 1 })
  })
})

async function fetchAfter(held: Held, live: LiveProxy, path: string): Promise<{ readonly body: string }> {
  const asked = fetchFrom(live.port, { path })
  await eventually(() => held.waiting.has(path))
  held.answer(path)
  return asked
}

describe('limits of a cluster', () => {
  test('count sessions as connections: what no stream is left for waits in order', async (t) => {
    const held = await startHolding(t, 1)
    const live = await startProxy(t, limited(held.backend.port, { connectionsMax: 1, pendingMax: 2 }))
    for (const path of paths(3)) {
      send(t, live, path)
      await eventually(() => live.proxy.gates.get('v1')?.requests === paths(3).indexOf(path) + 1)
    }
    await eventually(() => held.waiting.size === 1 && live.proxy.gates.get('v1')?.pending === 2)
    assert.equal((await fetchFrom(live.port, { path: '/more' })).status, 503)
    for (const path of paths(3)) {
      await eventually(() => held.waiting.has(path))
      assert.deepEqual([...held.waiting.keys()], [path])
      held.answer(path)
    }
    await eventually(() => live.proxy.gates.get('v1')?.requests === 0)
    assert.equal(held.backend.sessions.length, 1)
    assert.deepEqual(live.proxy.gates.get('v1'), { requests: 0, connections: 1, pending: 0 })
  })

  test('all that wait share the session that takes the place of one that ended', async (t) => {
    const held = await startHolding(t, 3)
    const live = await startProxy(t, limited(held.backend.port, { connectionsMax: 1 }))
    await fetchAfter(held, live, '/first')
    for (const path of paths(6)) send(t, live, path)
    await eventually(() => held.waiting.size === 3 && live.proxy.gates.get('v1')?.pending === 3)
    const cut = [...held.waiting.keys()]
    held.waiting.clear()
    held.backend.sessions[0]?.destroy()
    await eventually(() => held.waiting.size === 3)
    assert.equal(held.backend.sessions.length, 2)
    assert.equal(cut.length, 3)
  })

  test('requests that wait are sent when the endpoint takes more streams', async (t) => {
    const { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS } = constants
    const streams: number[] = []
    const backend = await startRawHttp2Backend(
      t,
      (_peer, { type, stream }) => {
        if (type === FRAME.HEADERS) streams.push(stream)
      },
      { settings: [[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1]] },
    )
    const live = await startProxy(t, limited(backend.port, { connectionsMax: 1 }))
    for (const path of paths(4)) send(t, live, path)
    await eventually(() => streams.length === 1 && live.proxy.gates.get('v1')?.pending === 3)
    const raised = Buffer.from([0, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0, 0, 0, 9])
    backend.peers[0]?.send(FRAME.SETTINGS, 0, 0, raised)
    await eventually(() => streams.length === 4)
  })

  test('end a session after so many requests, and not before its last one is over', async (t) => {
    const held = await startHolding(t)
    const live = await startProxy(t, limited(held.backend.port, { requestsPerConnectionMax: 2 }))
    const asked = paths(3).map((path) => fetchFrom(live.port, { path }))
    await eventually(() => held.waiting.size === 3)
    assert.equal(held.backend.sessions.length, 2)
    for (const path of paths(3)) held.answer(path)
    await Promise.all(asked)
    await eventually(() => held.backend.sessions.filter(({ destroyed }) => destroyed).length === 1)
    await eventually(() => live.proxy.gates.get('v1')?.connections === 1)
  })
})

describe('an endpoint that goes away', () => {
  test('has what it did not look at sent again elsewhere, whatever the method, and finishes the rest', async (t) => {
    const seen: string[] = []
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      seen.push(`${peer.index} ${stream}`)
      if (peer.index > 0) return peer.respond(stream, OK)
      if (stream !== 5) return
      peer.goAway(1)
      peer.respond(1, OK)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const replies = await Promise.all(paths(3).map((path) => fetchFrom(live.port, { method: 'POST', path, body: 'x' })))
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 200],
    )
    assert.deepEqual(seen, ['0 1', '0 3', '0 5', '1 1', '1 3'])
    assert.equal((await fetchFrom(live.port)).status, 200)
    assert.equal(seen.at(-1), '1 5')
    assert.deepEqual(live.counted(), { '200': 4 })
  })

  test('because of an error fails what it has looked at, and the rest is sent again', async (t) => {
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      if (peer.index > 0) peer.respond(stream, OK)
      else if (stream === 3) peer.goAway(1, constants.NGHTTP2_INTERNAL_ERROR)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const post = (): Promise<{ readonly status: number }> => fetchFrom(live.port, { method: 'POST', body: 'x' })
    const statuses = (await Promise.all([post(), post()])).map(({ status }) => status)
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [200, 503],
    )
    assert.deepEqual(live.counted(), { '200': 1, '503 UC': 1 })
  })

  test('may tell twice, as for a graceful end', async (t) => {
    const seen: number[] = []
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      seen.push(stream)
      if (peer.index > 0) peer.respond(stream, OK)
      else if (stream === 1) peer.goAway(2 ** 31 - 1)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const first = fetchFrom(live.port, { path: '/first' })
    await eventually(() => seen.length === 1)
    const second = fetchFrom(live.port, { path: '/second' })
    await eventually(() => seen.length === 2)
    backend.peers[0]?.goAway(1)
    backend.peers[0]?.respond(1, OK)
    assert.equal((await second).status, 200)
    assert.equal((await first).status, 200)
  })

  test('without a word fails what is under way, and idempotent requests on a used session are sent again', async (t) => {
    let isGoing = false
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      if (isGoing && peer.index === 0) peer.socket.destroy()
      else peer.respond(stream, OK)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    assert.equal((await fetchFrom(live.port)).status, 200)
    isGoing = true
    assert.equal((await fetchFrom(live.port)).status, 200)
    assert.equal(backend.peers.length, 2)
  })
})

describe('a refused stream', () => {
  test('is sent again on another session, whatever the method', async (t) => {
    const bodies: string[] = []
    const backend = await startRawHttp2Backend(t, (peer, { type, stream, payload, flags }) => {
      if (type === FRAME.HEADERS && peer.index === 0) peer.reset(stream, constants.NGHTTP2_REFUSED_STREAM)
      if (type !== FRAME.DATA) return
      bodies.push(`${peer.index} ${payload.toString()}`)
      if (flags & FLAG.END_STREAM && peer.index > 0) peer.respond(stream, OK)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    assert.equal((await fetchFrom(live.port, { method: 'POST', body: 'once' })).status, 200)
    assert.deepEqual(
      bodies.filter((body) => body.startsWith('1')),
      ['1 once'],
    )
    assert.deepEqual(live.counted(), { '200': 1 })
  })

  test('that is always refused is given up after two more, with flag UR', async (t) => {
    let streams = 0
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      streams++
      peer.reset(stream, constants.NGHTTP2_REFUSED_STREAM)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const { status, body } = await fetchFrom(live.port)
    assert.equal(status, 503)
    assert.match(body, /refused the stream \(UR\)/)
    assert.equal(streams, 3)
  })

  test('takes the part of its body along that was sent already, and the rest follows', async (t) => {
    let got = ''
    const backend = await startRawHttp2Backend(t, (peer, { type, stream, payload, flags }) => {
      if (type !== FRAME.DATA) return
      if (peer.index === 0) return peer.reset(stream, constants.NGHTTP2_REFUSED_STREAM)
      got += payload.toString()
      if (flags & FLAG.END_STREAM) peer.respond(stream, OK)
    })
    const live = await startProxy(t, overHttp2([backend.port]))
    const client = new RawClient(t, live.port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n')
    await eventually(() => live.proxy.pools[0]?.active === 1)
    client.send('abc')
    await eventually(() => got === 'abc')
    client.send('def')
    await client.until((text) => text.startsWith('HTTP/1.1 200 '))
    assert.equal(got, 'abcdef')
  })

  test('is not sent again once more of its body is gone than is kept', async (t) => {
    let bytes = 0
    const size = 100_000
    const backend = await startRawHttp2Backend(
      t,
      (peer, { type, stream, payload }) => {
        if (type !== FRAME.DATA) return
        bytes += payload.length
        if (bytes === size) peer.reset(stream, constants.NGHTTP2_REFUSED_STREAM)
      },
      { settings: [[constants.NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2 * size]], windowBytes: 2 * size },
    )
    const live = await startProxy(t, overHttp2([backend.port]))
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size + 1}\r\n\r\n`
    const client = new RawClient(t, live.port).send(head)
    await eventually(() => live.proxy.pools[0]?.active === 1)
    client.send('x'.repeat(size))
    assert.match(await client.until((text) => text.includes('UR')), /^HTTP\/1\.1 503 /)
    assert.equal(backend.peers.length, 1)
  })
})

/** What routes and clusters want of requests is done where the endpoints speak HTTP/2, too. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import type { ServerHttp2Stream } from 'node:http2'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'

import { FakeClock } from '../support/fake-clock.ts'
import { startHttp2Backend, startRawHttp2Backend } from '../support/http2-backend.ts'
import type { Http2Backend } from '../support/http2-backend.ts'
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
import type { Cluster } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RetryPolicy, RoutePolicy } from '../../src/routing/policy-model.ts'

const retry: RetryPolicy = {
  attempts: 2,
  on: ['5xx'],
  statuses: [],
  perTryTimeoutMs: 0,
  backoff: { initialMs: 1, maxMs: 1 },
  budget: 0.2,
}

function overHttp2(
  ports: readonly number[],
  policy: Partial<RoutePolicy> = {},
  change: Partial<Cluster> = {},
): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 }, { policy })], [cluster('v1', ports, { protocol: 'http2', ...change })])
}

/** Answers with these statuses, one after the other, then with 200. */
async function answeringInTurn(t: TestContext, statuses: readonly number[]): Promise<Http2Backend> {
  const left = [...statuses]
  return startHttp2Backend(t, (stream) => {
    stream.respond({ ':status': left.shift() ?? 200 })
    stream.end('answer')
  })
}

describe('retries', () => {
  test('are made for statuses, on the session that there is', async (t) => {
    const backend = await answeringInTurn(t, [503, 500])
    const live = await startProxy(t, overHttp2([backend.port], { retry }))
    const reply = await fetchFrom(live.port, { method: 'POST', body: 'x' })
    assert.deepEqual([reply.status, reply.body], [200, 'answer'])
    assert.equal(backend.sessions.length, 1)
  })

  test('are made for streams that are reset, and for those that are refused again and again', async (t) => {
    const codes = [
      constants.NGHTTP2_INTERNAL_ERROR,
      constants.NGHTTP2_REFUSED_STREAM,
      constants.NGHTTP2_REFUSED_STREAM,
      constants.NGHTTP2_REFUSED_STREAM,
    ]
    let tries = 0
    const backend = await startRawHttp2Backend(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      const code = codes[tries++]
      if (code === undefined) peer.respond(stream, [[':status', '200']])
      else peer.reset(stream, code)
    })
    const live = await startProxy(
      t,
      overHttp2([backend.port], { retry: { ...retry, on: ['reset', 'refused-stream'] } }),
    )
    assert.equal((await fetchFrom(live.port)).status, 200)
    assert.equal(tries, 5)
  })

  test('after a try that took too long leave its stream, not its session', async (t) => {
    const clock = new FakeClock()
    const streams: ServerHttp2Stream[] = []
    const backend = await startHttp2Backend(t, (stream) => {
      if (streams.push(stream) === 2) stream.respond({ ':status': 200 }, { endStream: true })
    })
    const policy = { retry: { ...retry, perTryTimeoutMs: 1_000 } }
    const live = await startProxy(t, overHttp2([backend.port], policy), { clock })
    const asked = fetchFrom(live.port)
    await eventually(() => streams.length === 1)
    await clock.advance(1_200)
    assert.equal((await asked).status, 200)
    await eventually(() => streams[0]?.rstCode === constants.NGHTTP2_CANCEL)
    assert.equal(backend.sessions.length, 1)
  })
})

describe('timeouts', () => {
  test('answer with 504 and cancel the stream', async (t) => {
    const clock = new FakeClock()
    const streams: ServerHttp2Stream[] = []
    const backend = await startHttp2Backend(t, (stream) => streams.push(stream))
    const live = await startProxy(t, overHttp2([backend.port], { timeoutMs: 1_000 }), { clock })
    const asked = fetchFrom(live.port)
    await eventually(() => streams.length === 1)
    await clock.advance(1_100)
    assert.equal((await asked).status, 504)
    await eventually(() => streams[0]?.rstCode === constants.NGHTTP2_CANCEL)
    assert.deepEqual(live.counted(), { '504 UT': 1 })
  })

  test('break a response off that is not complete', async (t) => {
    const clock = new FakeClock()
    const backend = await startHttp2Backend(t, (stream) => {
      stream.respond({})
      stream.write('abc')
    })
    const live = await startProxy(t, overHttp2([backend.port], { timeoutMs: 1_000 }), { clock })
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until((text) => text.includes('abc'))
    await clock.advance(1_100)
    assert.doesNotMatch(await client.untilClosed(), /0\r\n\r\n$/)
    assert.deepEqual(live.counted(), { '200 UT': 1 })
  })
})

test('an endpoint that fails is ejected, by its statuses and by its resets', async (t) => {
  const outlier = {
    consecutive5xx: 2,
    consecutiveGatewayErrors: 0,
    intervalMs: 1_000,
    baseEjectionMs: 5_000,
    maxEjectionMs: 60_000,
    ejectedShareMax: 0.5,
  }
  const good = await answeringInTurn(t, [])
  const failing = [
    await answeringInTurn(t, [500, 500]),
    await startHttp2Backend(t, (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)),
    // A call of gRPC that fails at once: its own status is UNAVAILABLE.
    await startHttp2Backend(t, (stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '14' }, { endStream: true }),
    ),
  ]
  for (const { port } of failing) {
    const live = await startProxy(t, overHttp2([port, good.port], {}, { outlier }))
    for (let count = 0; count < 4; count++) await fetchFrom(live.port)
    assert.deepEqual(live.proxy.ejected.get('v1'), [`127.0.0.1:${port}`])
  }
})

test('a mirror that speaks HTTP/2 gets its copies', async (t) => {
  const copies: string[] = []
  const mirror = await startHttp2Backend(t, (stream, headers) => {
    let body = ''
    stream.on('data', (part: Buffer) => (body += String(part)))
    stream.on('end', () => {
      copies.push(`${headers[':method']} ${headers[':path']} ${body}`)
      stream.respond({ ':status': 500 }, { endStream: true })
    })
  })
  const backend = await startBackend(t, saying('hello'))
  const live = await startProxy(
    t,
    snapshotOf(
      [route('r', { v1: 1 }, { policy: { mirrors: [{ cluster: 'mirror', share: 1 }] } })],
      [cluster('v1', [backend.port]), cluster('mirror', [mirror.port], { protocol: 'http2' })],
    ),
  )
  assert.equal((await fetchFrom(live.port, { method: 'POST', path: '/a', body: 'one' })).body, 'hello')
  assert.equal((await fetchFrom(live.port, { path: '/b' })).body, 'hello')
  await eventually(() => copies.length === 2)
  assert.deepEqual(copies.toSorted(), ['GET /b ', 'POST /a one'])
})

test('one address can be spoken to in both protocols, each with connections of its own', async (t) => {
  const backend = await answeringInTurn(t, [])
  const live = await startProxy(
    t,
    snapshotOf(
      [
        route('old', { old: 1 }, { match: { path: { kind: 'prefix', value: '/old', caseSensitive: true } } }),
        route('new', { new: 1 }),
      ],
      [cluster('old', [backend.port]), cluster('new', [backend.port], { protocol: 'http2' })],
    ),
  )
  assert.equal((await fetchFrom(live.port)).status, 200)
  assert.notEqual((await fetchFrom(live.port, { path: '/old' })).status, 200)
  assert.equal((await fetchFrom(live.port)).status, 200)
  assert.deepEqual(
    live.proxy.pools.map(({ requests }) => requests),
    [1, 2],
  )
})

test('a client of HTTP/1.0 gets a body of unknown length without chunks', async (t) => {
  const backend = await answeringInTurn(t, [])
  const live = await startProxy(t, overHttp2([backend.port]))
  const text = await new RawClient(t, live.port).send('GET / HTTP/1.0\r\nHost: a\r\n\r\n').untilClosed()
  assert.match(text, /\r\n\r\nanswer$/)
})

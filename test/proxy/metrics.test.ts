import assert from 'node:assert/strict'
import { connect, constants } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import { startHttp2Backend } from '../support/http2-backend.ts'
import {
  RawClient,
  cluster,
  eventually,
  fetchFrom,
  forwardingTo,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'

const { HTTP2_HEADER_CONTENT_TYPE, HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH } = constants

function http2To(t: TestContext, port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  return session
}

/** Resolves once the call is over. */
function call(session: ClientHttp2Session, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      [HTTP2_HEADER_METHOD]: 'POST',
      [HTTP2_HEADER_PATH]: path,
      [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', reject).on('close', () => resolve())
    stream.resume()
    stream.end('request')
  })
}

test('calls of gRPC are counted by the status in their trailers, their head, or our own answer', async (t) => {
  const backend = await startHttp2Backend(t, (stream, headers) => {
    stream.resume()
    if (headers[HTTP2_HEADER_PATH] === '/trailers-only') {
      stream.respond(
        { ':status': 200, [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc', 'grpc-status': '5' },
        { endStream: true },
      )
      return
    }
    stream.respond({ ':status': 200, [HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end('reply')
  })
  const routes = [
    route('empty', { v2: 1 }, { match: { path: { kind: 'prefix', value: '/empty', caseSensitive: true } } }),
    route('all', { v1: 1 }),
  ]
  const clusters = [cluster('v1', [backend.port], { protocol: 'http2' }), cluster('v2', [])]
  const live = await startProxy(t, snapshotOf(routes, clusters))
  const session = http2To(t, live.port)
  for (const path of ['/a', '/a', '/trailers-only', '/empty']) await call(session, path)
  await eventually(() => live.series().reduce((sum, { requests }) => sum + requests, 0) === 4)
  assert.deepEqual(
    live.series().map(({ labels, requests }) => [labels.status, labels.flag, labels.grpcStatus, requests]),
    [
      [200, '', 0, 2],
      [200, '', 5, 1],
      [503, 'UH', 14, 1],
    ],
  )
})

test('requests of a workload’s own listener are told as that workload’s', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const snapshot = forwardingTo(backend.port)
  const source = { namespace: 'shop', name: 'cart-v1', version: 'v1', app: 'cart', pod: 'cart-v1-x' }
  const live = await startProxy(t, {
    ...snapshot,
    listeners: snapshot.listeners.map((listener) => ({ ...listener, source })),
  })
  await fetchFrom(live.port)
  assert.deepEqual(live.series()[0]?.labels.source, {
    workloadNamespace: 'shop',
    workload: 'cart-v1',
    version: 'v1',
    app: 'cart',
  })
})

test('ten thousand routes have as many series as one', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const routes = Array.from({ length: 10_000 }, (_, index) =>
    route(`r${index}`, { v1: 1 }, { match: { path: { kind: 'exact', value: `/${index}`, caseSensitive: true } } }),
  )
  const live = await startProxy(t, snapshotOf(routes, [cluster('v1', [backend.port])]))
  for (const index of [0, 17, 9_999]) await fetchFrom(live.port, { path: `/${index}` })
  assert.deepEqual(
    live.series().map(({ requests }) => requests),
    [3],
  )
})

test('bytes of a TCP connection are counted while it goes on, and each once', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.pipe(socket))
  const clock = new FakeClock()
  const live = await startProxy(
    t,
    {
      ...snapshotOf([], [cluster('v1', [backend.port])]),
      listeners: [],
      tcpListeners: [
        {
          id: 'tcp',
          address: '127.0.0.1',
          port: 0,
          protocol: 'tcp',
          routes: [
            {
              id: 'all',
              origin: { group: '', kind: 'Test', namespace: '', name: 'all', generation: 1, rule: 0, match: 0 },
              serverNames: [],
              action: { kind: 'forward', split: 'all', destinations: [{ kind: 'cluster', cluster: 'v1', weight: 1 }] },
              idleTimeoutMs: 0,
            },
          ],
        },
      ],
    },
    { clock },
  )
  const counts = () =>
    live
      .series()
      .map(({ requests, opened, requestBytes, responseBytes }) => [requests, opened, requestBytes, responseBytes])
  const client = new RawClient(t, live.port).send('hello')
  await client.until((text) => text === 'hello')
  assert.deepEqual(counts(), [[0, 1, 0, 0]])
  await clock.advance(5_100)
  assert.deepEqual(counts(), [[0, 1, 5, 5]])
  client.send('again')
  await client.until((text) => text === 'helloagain')
  client.socket.end()
  await client.untilClosed()
  await eventually(() => counts()[0]?.[0] === 1)
  assert.deepEqual(counts(), [[1, 1, 10, 10]])
})

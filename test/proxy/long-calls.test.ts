/** Calls of gRPC that go on and on: counted, and drained as tunnels are. */
import assert from 'node:assert/strict'
import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'

import { FakeClock } from '../support/fake-clock.ts'
import { startHttp2Backend } from '../support/http2-backend.ts'
import { http2Session, replyOf } from '../support/http2-client.ts'
import { cluster, eventually, route, snapshotOf, startProxy } from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

/** So short that no session is asked meanwhile whether it is still there: time passes without its answer. */
const DRAIN_MS = 3_000

interface Lab {
  readonly live: LiveProxy
  readonly clock: FakeClock
  /** The endpoint's side of the call. */
  readonly served: ServerHttp2Stream
  readonly call: ClientHttp2Stream
  /** Weights: v1 has the call. */
  readonly weigh: (v1: number, v2: number) => Promise<void>
  /** Those open and those draining, by the metrics. */
  readonly open: () => string
}

interface CallOptions {
  readonly contentType?: string
  /** What the endpoint does with it. */
  readonly serve: (stream: ServerHttp2Stream) => void
}

async function called(t: TestContext, { contentType = 'application/grpc', serve }: CallOptions): Promise<Lab> {
  const clock = new FakeClock()
  const coming = Promise.withResolvers<ServerHttp2Stream>()
  const v1 = await startHttp2Backend(t, (stream) => {
    serve(stream)
    coming.resolve(stream)
  })
  const v2 = await startHttp2Backend(t, () => {})
  const clusters = [v1, v2].map(({ port }, index) => cluster(`v${index + 1}`, [port], { protocol: 'http2' }))
  const weighing = (one: number, two: number): RoutingSnapshot =>
    snapshotOf([route('r', { v1: one, v2: two }, { policy: { tunnelDrainMs: DRAIN_MS } })], clusters)
  const live = await startProxy(t, weighing(1, 0), { clock })
  const call = http2Session(t, live.port).request(
    { ':method': 'POST', ':path': '/chat', 'content-type': contentType, te: 'trailers' },
    { endStream: false },
  )
  call.on('error', () => {})
  const served = await coming.promise
  return {
    live,
    clock,
    served,
    call,
    weigh: (one, two) => live.apply(weighing(one, two)),
    open: () => {
      const tunnels = live.report().tunnels ?? []
      return tunnels.map(({ labels, active, draining }) => `${labels.workload} ${active} ${draining}`).join(', ')
    },
  }
}

/** Head and a first message; more may come. */
function speaking(stream: ServerHttp2Stream): void {
  stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.write('one')
}

const closed = (stream: ServerHttp2Stream): Promise<void> =>
  new Promise((resolve) => {
    stream.on('close', resolve)
  })

describe('a call of gRPC that goes on', () => {
  test('ends as unavailable some time after its version lost its weight', async (t) => {
    const { live, clock, served, call, weigh, open } = await called(t, { serve: speaking })
    const reply = replyOf(call)
    await new Promise((resolve) => {
      call.once('data', resolve)
    })
    assert.equal(open(), '')
    await clock.advance(1_100)
    assert.equal(open(), 'v1 1 0')
    await weigh(0, 1)
    await clock.advance(DRAIN_MS - 100)
    assert.equal(open(), 'v1 1 1')
    const gone = closed(served)
    call.once('trailers', () => call.end())
    // Not a step further: the client has some time to end its side.
    await clock.advance(150)
    const { status, body, trailers } = await reply
    assert.deepEqual([status, body, trailers['grpc-status']], [200, 'one', '14'])
    assert.match(String(trailers['grpc-message']), /call again/)
    await gone
    assert.equal(open(), 'v1 0 0')
    const [series] = live.series()
    assert.deepEqual([series?.labels.grpcStatus, series?.labels.flag, series?.labels.workload], [14, 'UC', 'v1'])
  })

  test('ends so, too, where its endpoint has not said a word', async (t) => {
    const { clock, served, call, weigh, open } = await called(t, { serve: () => {} })
    const reply = replyOf(call)
    await clock.advance(1_100)
    await weigh(0, 1)
    const gone = closed(served)
    await clock.advance(DRAIN_MS + 100)
    const { status, headers } = await reply
    assert.deepEqual([status, headers['grpc-status']], [200, '14'])
    await gone
    assert.equal(open(), 'v1 0 0')
  })

  test('goes on where its version gets weight again in time', async (t) => {
    const { clock, served, call, weigh, open } = await called(t, { serve: speaking })
    const reply = replyOf(call)
    await clock.advance(1_100)
    await weigh(0, 1)
    await clock.advance(DRAIN_MS - 1_000)
    await weigh(1, 9)
    await clock.advance(DRAIN_MS)
    assert.equal(open(), 'v1 1 0')
    served.end('two')
    call.end()
    const { body, trailers } = await reply
    assert.deepEqual([body, trailers['grpc-status']], ['onetwo', '0'])
    await eventually(() => open() === 'v1 0 0')
  })
})

test('what is no call of gRPC is let finish, however long it takes', async (t) => {
  const { clock, served, call, weigh, open } = await called(t, {
    contentType: 'text/plain',
    serve: (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('one')
    },
  })
  const reply = replyOf(call)
  await clock.advance(1_100)
  await weigh(0, 1)
  await clock.advance(2 * DRAIN_MS)
  served.end('two')
  call.end()
  assert.equal((await reply).body, 'onetwo')
  assert.equal(open(), '')
})

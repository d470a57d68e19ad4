/** Endpoints that speak HTTP/2 as they should not: nothing of it reaches other requests, stays, or is kept without bound. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { silentLog } from '../../src/base/log.ts'
import type { Log } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Random } from '../../src/base/random.ts'
import { startHttp2Backend, startRawHttp2Backend } from '../support/http2-backend.ts'
import type { RawPeer } from '../support/http2-backend.ts'
import { FLAG, FRAME, encodeFields, http2Session, replyOf } from '../support/http2-client.ts'
import type { Frame } from '../support/http2-client.ts'
import { RawClient, cluster, eventually, fetchFrom, route, snapshotOf, startProxy } from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'

const { NGHTTP2_CANCEL } = constants
const options = { timeout: 20_000 }
const CHAOTIC_SESSIONS = 60
const FLOOD_FRAMES = 1_500
const FLOOD_BYTES = 16 * 1024
const RSS_GROWTH_BYTES_MAX = 48 * 1024 * 1024
/** What of interim responses a client may have to take once it reads: the kernel's buffers of a connection, and one more. */
const INTERIM_BYTES_MAX = 8 * 1024 * 1024

const GET = 'GET / HTTP/1.1\r\nHost: bad\r\n\r\n'
const OK = [[':status', '200']] as const

/** Host `bad` is served by the peer, all others by an endpoint that behaves. */
async function startBoth(
  t: TestContext,
  onFrame: (peer: RawPeer, frame: Frame) => void,
  log: Log = silentLog,
): Promise<LiveProxy> {
  const bad = await startRawHttp2Backend(t, onFrame)
  const good = await startHttp2Backend(t, (stream) => {
    stream.respond({ ':status': 200 })
    stream.end('good')
  })
  const snapshot = snapshotOf(
    [],
    [cluster('bad', [bad.port], { protocol: 'http2' }), cluster('good', [good.port], { protocol: 'http2' })],
  )
  const virtualHosts = ['bad', 'good'].map((name) => ({
    name,
    domains: [name === 'bad' ? 'bad' : '*'],
    routes: [route(name, { [name]: 1 })],
  }))
  return startProxy(t, { ...snapshot, routeTables: [{ id: 'table', virtualHosts }] }, { log })
}

async function othersAreServed({ port }: LiveProxy): Promise<void> {
  assert.equal((await fetchFrom(port)).body, 'good')
}

describe('a flood by an endpoint', options, () => {
  test('of interim responses is not kept for a client that does not read', async (t) => {
    const link = encodeFields([
      [':status', '103'],
      ['link', 'x'.repeat(FLOOD_BYTES - 100)],
    ])
    const sent = Promise.withResolvers<void>()
    const live = await startBoth(t, (peer, { type, stream }) => {
      if (type !== FRAME.HEADERS) return
      for (let count = 0; count < FLOOD_FRAMES; count++) peer.send(FRAME.HEADERS, FLAG.END_HEADERS, stream, link)
      peer.respond(stream, OK)
      peer.socket.write('', () => sent.resolve())
    })
    const client = connect(live.port, '127.0.0.1')
    t.after(() => client.destroy())
    client.end(GET)
    await sent.promise
    await eventually(() => live.counted()[200] === 1)
    let bytes = 0
    for await (const part of client) bytes += (part as Buffer).length
    assert.ok(bytes < INTERIM_BYTES_MAX, `${bytes} bytes`)
    await othersAreServed(live)
  })

  const floods: Readonly<Record<string, (peer: RawPeer, stream: number, count: number) => void>> = {
    pings: (peer) => peer.send(FRAME.PING, 0, 0, Buffer.alloc(8)),
    settings: (peer) => peer.send(FRAME.SETTINGS, 0, 0),
    'settings in one frame': (peer) => peer.send(FRAME.SETTINGS, 0, 0, Buffer.alloc(6 * 33)),
    'frames that mean nothing': (peer, stream) => peer.send(99, 0, stream, Buffer.alloc(5)),
    resets: (peer, stream) => peer.reset(stream, NGHTTP2_CANCEL),
    'empty frames of a body': (peer, stream, count) => {
      if (count === 0) peer.respond(stream, OK, 0)
      else peer.send(FRAME.DATA, 0, stream)
    },
    'header frames that do not end': (peer, stream, count) => {
      if (count === 0) peer.send(FRAME.HEADERS, FLAG.END_STREAM, stream, encodeFields(OK))
      else peer.send(FRAME.CONTINUATION, 0, stream, encodeFields([['x', 'y'.repeat(1000)]]))
    },
    'streams of its own': (peer, _stream, count) => peer.respond(2 * count + 2, OK),
  }
  for (const [name, flood] of Object.entries(floods)) {
    test(`of ${name} costs others nothing, and its request ends`, async (t) => {
      const live = await startBoth(t, (peer, { type, stream }) => {
        if (type !== FRAME.HEADERS) return
        for (let count = 0; count < FLOOD_FRAMES; count++) flood(peer, stream, count)
        peer.socket.end()
      })
      const before = process.memoryUsage().rss
      const client = new RawClient(t, live.port).send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
      await othersAreServed(live)
      await client.untilClosed()
      assert.ok(process.memoryUsage().rss - before < RSS_GROWTH_BYTES_MAX)
      await eventually(() => live.proxy.pools.every(({ active }) => active === 0))
    })
  }
})

test('whatever endpoints send, each request ends, nothing of it stays, and others are served', options, async (t) => {
  const errors: unknown[] = []
  const log: Log = { ...silentLog, error: (message, fields) => errors.push([message, fields]) }
  const random = seededRandom(Number(process.env['PROPERTY_SEED'] ?? 1))
  const live = await startBoth(t, chaoticPeer(random), log)
  for (let count = 0; count < CHAOTIC_SESSIONS; count++) {
    const session = http2Session(t, live.port)
    const streams = ['GET', 'POST', 'HEAD', 'GET'].map((method) => {
      const stream = session.request({ ':method': method, ':authority': 'bad' }, { endStream: method !== 'POST' })
      if (method === 'POST') stream.end('x'.repeat(Math.floor(random() * 50_000)))
      return stream
    })
    const client = new RawClient(t, live.port).send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    await Promise.all([...streams.map(replyOf), client.untilClosed()])
    session.destroy()
    if (count % 20 === 0) await othersAreServed(live)
  }
  await eventually(() => live.proxy.pools.every(({ active }) => active === 0))
  assert.deepEqual(errors, [])
})

/** To each request frames as they should be and as they should not, in any order; after some it ends the connection. */
function chaoticPeer(random: Random): (peer: RawPeer, frame: Frame) => void {
  const below = (count: number): number => Math.floor(random() * count)
  return (peer, { type, stream }) => {
    if (type !== FRAME.HEADERS || peer.socket.writableEnded) return
    for (let left = below(6); left > 0; left--) sendAnyFrame(peer, below, below(5) === 0 ? below(12) : stream)
    someOf(
      [
        () => peer.respond(stream, OK),
        () => peer.reset(stream, below(14)),
        () => peer.goAway(below(12), below(14)),
        () => peer.socket.destroy(),
        () => peer.socket.end(),
        () => peer.socket.resetAndDestroy(),
      ],
      below,
    )()
    // What was sent may have left the request as it was.
    if (below(2) === 0) peer.socket.end()
    else peer.reset(stream, NGHTTP2_CANCEL)
  }
}

function sendAnyFrame(peer: RawPeer, below: (count: number) => number, stream: number): void {
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)))
  someOf(
    [
      () => peer.respond(stream, OK, 0),
      () => peer.respond(stream, [[':status', '103']], below(2)),
      () => peer.respond(stream, [...OK, ['content-length', String(below(9))]], below(2)),
      () => peer.respond(stream, [['grpc-status', '0']], below(2)),
      () => peer.send(FRAME.DATA, below(2), stream, Buffer.alloc(below(20_000))),
      () => peer.send(FRAME.RST_STREAM, 0, stream, Buffer.from([0, 0, 0, below(14)])),
      () => peer.send(FRAME.WINDOW_UPDATE, 0, stream, bytes(4)),
      () => peer.send(FRAME.PING, below(2), 0, bytes(8)),
      () => peer.send(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, below(10)]), bytes(4)])),
      () => peer.send(below(256), below(256), below(20), bytes(below(100))),
    ],
    below,
  )()
}

function someOf<Item>(items: readonly [Item, ...Item[]], below: (count: number) => number): Item {
  return items[below(items.length)] ?? items[0]
}

/** What a client of HTTP/2 may not do to the proxy, frame by frame: it is stopped, and nobody else notices. */
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { constants } from 'node:http2'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { silentLog } from '../../src/base/log.ts'
import type { Log } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Random } from '../../src/base/random.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FLAG, FRAME, GET, PREFACE, RawHttp2Client, ask, encodeFields, http2Session } from '../support/http2-client.ts'
import { echoing, eventually, forwardingTo, saying, startBackend, startProxy } from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } = constants

const POST = GET.with(0, [':method', 'POST'])
/** More than any limit needs. */
const FLOOD_FRAMES_MAX = 20_000
const RSS_GROWTH_BYTES_MAX = 64 * 1024 * 1024
/** The default of `streamsMax`, and how many refused streams are put up with. */
const STREAMS_MAX = 100
const CHAOTIC_CLIENTS = 300
const options = { timeout: 30_000 }

describe('a malformed request', options, () => {
  const reset: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
    'a name in upper case': [...GET, ['X-A', 'b']],
    connection: [...GET, ['connection', 'close']],
    'keep-alive': [...GET, ['keep-alive', 'timeout=5']],
    'proxy-connection': [...GET, ['proxy-connection', 'close']],
    'transfer-encoding': [...GET, ['transfer-encoding', 'chunked']],
    upgrade: [...GET, ['upgrade', 'websocket']],
    'te that is not trailers': [...GET, ['te', 'gzip']],
    'a host that is not the authority': [...GET, ['host', 'other.com']],
    'no method': GET.slice(1),
    'no scheme': GET.filter(([name]) => name !== ':scheme'),
    'no path': GET.filter(([name]) => name !== ':path'),
    'an empty path': GET.with(2, [':path', '']),
    'no authority': GET.slice(0, 3),
    'two paths': [...GET, [':path', '/b']],
    'an unknown pseudo field': [...GET, [':x', 'b']],
    'a status': [...GET, [':status', '200']],
    'a protocol for GET': [...GET, [':protocol', 'websocket']],
    'a pseudo field behind others': [['x-a', 'b'], ...GET],
    'a content length that is none': [...GET, ['content-length', '+5']],
    'two content lengths': [...GET, ['content-length', '0'], ['content-length', '0']],
    'a content length without a body': [...GET, ['content-length', '5']],
    'a path with a line end': GET.with(2, [':path', '/a\r\nx: y']),
    'a method with a space': GET.with(0, [':method', 'GET /b']),
  }

  test('is reset or refused with 400 by itself, and never reaches an endpoint', async (t) => {
    const { client, seen } = await talkTo(t)
    let stream = 1
    for (const [name, fields] of Object.entries(reset)) {
      client.request(stream, fields)
      const frame = await client.until(({ type, stream: id }) => id === stream && type !== FRAME.WINDOW_UPDATE)
      if (frame.type === FRAME.RST_STREAM) assert.equal(frame.payload.readUInt32BE(0), NGHTTP2_PROTOCOL_ERROR, name)
      else assert.match(await bodyOf(client, stream), /\(DPE\)/, name)
      stream += 2
    }
    client.request(stream, GET)
    assert.equal(await bodyOf(client, stream), 'hello')
    assert.deepEqual(seen, ['GET / HTTP/1.1'])
  })

  test('a field that cannot be one is left out', async (t) => {
    const { client, fields } = await talkTo(t)
    const bad = [
      ['x-a', 'a\0b'],
      ['x-a', 'a\r\nx-b: c'],
      ['x-a', 'a\nb'],
      ['x a', 'b'],
      ['x\r\nx-b', 'c'],
      ['', 'b'],
    ] as const
    for (const [index, field] of bad.entries()) {
      client.request(2 * index + 1, [...GET, field])
      assert.equal(await bodyOf(client, 2 * index + 1), 'hello')
    }
    assert.deepEqual([...new Set(fields)], ['host', 'x-forwarded-for', 'x-forwarded-proto', 'x-request-id'])
  })

  test('a body that is shorter than it was said to be is reset', async (t) => {
    const { client, proxy, seen } = await talkTo(t, { answer: () => {} })
    client.request(1, [...POST, ['content-length', '5']], 0)
    await eventually(() => seen.length === 1)
    client.send(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from('1234'))
    assert.equal(await client.untilReset(1), NGHTTP2_PROTOCOL_ERROR)
    await eventually(() => proxy.series().length > 0)
    assert.deepEqual(proxy.counted(), { '0 DPE': 1 })
  })

  test('a body that is longer than it was said to be ends the connection', async (t) => {
    const { client } = await talkTo(t)
    client.request(1, [...POST, ['content-length', '5']], 0)
    client.send(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from('123456'))
    await client.untilClosed()
    assert.ok(client.frames.every(({ type }) => type !== FRAME.DATA))
  })
})

describe('a flood', options, () => {
  const floods: Readonly<
    Record<string, { readonly send: (client: RawHttp2Client, count: number) => void; readonly code: number }>
  > = {
    'of streams that are reset at once': {
      send: (client, count) => {
        client.request(2 * count + 1, GET).send(FRAME.RST_STREAM, 0, 2 * count + 1, Buffer.from([0, 0, 0, 8]))
      },
      code: NGHTTP2_INTERNAL_ERROR,
    },
    'of header frames that do not end': {
      send: (client, count) => {
        if (count === 0) client.send(FRAME.HEADERS, FLAG.END_STREAM, 1, encodeFields(GET))
        else client.send(FRAME.CONTINUATION, 0, 1, encodeFields([['x', 'y']]))
      },
      code: NGHTTP2_INTERNAL_ERROR,
    },
    'of empty frames of a body': {
      send: (client, count) => {
        if (count === 0) client.request(1, POST, 0)
        else client.send(FRAME.DATA, 0, 1)
      },
      code: NGHTTP2_INTERNAL_ERROR,
    },
    'of frames that mean nothing': {
      send: (client) => client.send(99, 0, 1, Buffer.alloc(5)),
      code: NGHTTP2_ENHANCE_YOUR_CALM,
    },
    'of settings in one frame': {
      send: (client) => client.send(FRAME.SETTINGS, 0, 0, Buffer.alloc(6 * 33)),
      code: NGHTTP2_ENHANCE_YOUR_CALM,
    },
    'of streams beyond the limit': {
      send: (client, count) => client.request(2 * count + 1, POST, 0),
      code: NGHTTP2_PROTOCOL_ERROR,
    },
  }

  for (const [name, { send, code }] of Object.entries(floods)) {
    test(`${name} ends the connection, and costs others nothing`, async (t) => {
      const { client, port } = await talkTo(t)
      for (let count = 0; !client.isClosed; count++) {
        send(client, count)
        if (count % 100 === 0) await turn()
        assert.ok(count < FLOOD_FRAMES_MAX)
      }
      assert.equal(await client.untilClosed(), code)
      assert.equal((await ask(http2Session(t, port))).body, 'hello')
    })
  }

  for (const [name, type] of [
    ['pings', FRAME.PING],
    ['settings', FRAME.SETTINGS],
  ] as const) {
    test(`of ${name} whose answers are not read is not kept`, async (t) => {
      const { client, port } = await talkTo(t)
      client.socket.pause()
      const before = process.memoryUsage().rss
      for (let count = 0; count < FLOOD_FRAMES_MAX && !client.isClosed; count++) {
        client.send(type, 0, 0, type === FRAME.PING ? Buffer.alloc(8) : undefined)
        if (count % 100 === 0) await turn()
      }
      assert.equal((await ask(http2Session(t, port))).body, 'hello')
      assert.ok(process.memoryUsage().rss - before < RSS_GROWTH_BYTES_MAX)
    })
  }
})

describe('a mistake', options, () => {
  for (const [name, leave] of [
    ['while the client is leaving', true],
    ['at any time', false],
  ] as const) {
    test(`${name} ends the connection and its requests`, async (t) => {
      const closed = Promise.withResolvers<void>()
      const { client } = await talkTo(t, { answer: ({ socket }) => socket.on('close', () => closed.resolve()) })
      client.request(1, GET)
      if (leave) client.send(FRAME.GOAWAY, 0, 0, Buffer.alloc(8))
      await client.until(({ type, flags }) => type === FRAME.SETTINGS && flags === FLAG.ACK)
      client.send(FRAME.DATA, 0, 0, Buffer.alloc(8))
      assert.equal(await client.untilClosed(), NGHTTP2_PROTOCOL_ERROR)
      await closed.promise
    })
  }

  test('of a client whose session ends, or its silence then, ends the connection and its requests', async (t) => {
    const clock = new FakeClock()
    const closed = Promise.withResolvers<void>()
    const answer: RequestListener = ({ socket }) => socket.on('close', () => closed.resolve())
    const { client, replace } = await talkTo(t, { answer, clock })
    client.request(1, GET)
    await client.until(({ type, flags }) => type === FRAME.SETTINGS && flags === FLAG.ACK)
    await replace()
    await clock.advance(1_000)
    await client.until(({ type, payload }) => type === FRAME.GOAWAY && payload.readUInt32BE(0) === 1)
    const { payload } = await client.until(({ type }) => type === FRAME.PING)
    // What is answered behind it has been read behind it.
    client.send(FRAME.PING, FLAG.ACK, 0, payload).send(FRAME.PING, 0, 0, Buffer.alloc(8))
    await client.until(({ type, flags }) => type === FRAME.PING && flags === FLAG.ACK)
    await clock.advance(10_000)
    await client.until((frame) => frame.type === FRAME.PING && frame.flags === 0 && frame.payload !== payload)
    assert.equal(client.isClosed, false)
    client.send(FRAME.DATA, 0, 0, Buffer.alloc(8))
    await clock.advance(11_000)
    await client.untilClosed()
    await closed.promise
  })
})

test('whatever clients send, nothing of it stays, and others are served', options, async (t) => {
  const errors: unknown[] = []
  const log: Log = { ...silentLog, error: (message, fields) => errors.push([message, fields]) }
  const backend = await startBackend(t, (request, response) => {
    if (request.url !== '/never') echoing(request, response)
  })
  const live = await startProxy(t, forwardingTo(backend.port), { log })
  const random = seededRandom(Number(process.env['PROPERTY_SEED'] ?? 1))
  const session = http2Session(t, live.port)
  for (let count = 0; count < CHAOTIC_CLIENTS; count++) {
    await actChaotically(new RawHttp2Client(t, live.port), random)
    if (count % 20 === 0) assert.equal((await ask(session)).status, 200)
  }
  await eventually(() => live.proxy.pools.every(({ active }) => active === 0))
  assert.deepEqual(errors, [])
})

describe('a limit', options, () => {
  test('of streams at once is told, and more are refused in a way that the client can try again', async (t) => {
    const seen: string[] = []
    const backend = await startBackend(t, ({ url = '' }) => seen.push(url))
    const snapshot = forwardingTo(backend.port)
    const listeners = snapshot.listeners.map((listener) => ({ ...listener, http: { limits: { streamsMax: 2 } } }))
    const { port } = await startProxy(t, { ...snapshot, listeners })
    const client = new RawHttp2Client(t, port)
    // Settings that are not acknowledged yet do not make it an error of the whole connection.
    client.socket.write(PREFACE)
    client.send(FRAME.SETTINGS, 0, 0)
    for (const stream of [1, 3, 5]) client.request(stream, GET)
    assert.equal(await client.untilReset(5), NGHTTP2_REFUSED_STREAM)
    const settings = await client.until(({ type, flags }) => type === FRAME.SETTINGS && flags === 0)
    assert.equal(settingOf(settings.payload, constants.NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 2)
    await eventually(() => seen.length === 2)
  })

  test('of refused streams closes the connection', async (t) => {
    const { client } = await talkTo(t, { answer: () => {}, greets: false })
    client.socket.write(PREFACE)
    client.send(FRAME.SETTINGS, 0, 0)
    for (let count = 0; count < 2 * STREAMS_MAX; count++) client.request(2 * count + 1, GET)
    await client.untilReset(4 * STREAMS_MAX - 1)
    assert.equal(client.isClosed, false)
    // The limit may be reached, and passed by one.
    client.request(4 * STREAMS_MAX + 1, GET).request(4 * STREAMS_MAX + 3, GET)
    assert.equal(await client.untilClosed(), NGHTTP2_INTERNAL_ERROR)
  })

  test('of fields ends a request that is far beyond it', async (t) => {
    const { client } = await talkTo(t)
    const many = Array.from({ length: 300 }, (_, index): [string, string] => [`x-${index}`, 'y'])
    client.request(1, [...GET, ...many])
    assert.equal(await client.untilReset(1), NGHTTP2_ENHANCE_YOUR_CALM)
    client.request(3, GET)
    assert.equal(await bodyOf(client, 3), 'hello')
  })
})

/** Frames as they should be and as they should not, in any order, then one of the ways to go. */
async function actChaotically(client: RawHttp2Client, random: Random): Promise<void> {
  const below = (count: number): number => Math.floor(random() * count)
  if (below(10) === 0) client.socket.write(PREFACE.slice(0, below(PREFACE.length)))
  else client.greet()
  for (let left = below(25), next = 1; left > 0 && !client.isClosed; left--) {
    if (below(4) > 0) sendAnyFrame(client, below, below(4) === 0 ? below(12) : Math.max(0, next - 2))
    else client.request(next, someOf(REQUESTS, below), below(2))
    next += 2
    if (below(3) === 0) await turn()
  }
  someOf([() => client.socket.destroy(), () => client.socket.end(), () => client.socket.resetAndDestroy()], below)()
}

const REQUESTS = [
  GET,
  POST,
  GET.with(0, [':method', 'HEAD']),
  GET.with(2, [':path', '/never']),
  POST.with(2, [':path', '/never']),
  [...POST, ['content-length', '9']],
  [...POST, ['expect', '100-continue']],
  [...POST, ['content-type', 'application/grpc']],
  [...GET, ['te', 'gzip']],
  [...GET.with(0, [':method', 'CONNECT']), [':protocol', 'websocket']],
  [
    [':method', 'CONNECT'],
    [':authority', 'a:1'],
  ],
] as const

function sendAnyFrame(client: RawHttp2Client, below: (count: number) => number, stream: number): void {
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)))
  someOf(
    [
      () => client.send(FRAME.DATA, below(2), stream, Buffer.alloc(below(40_000))),
      () => client.send(FRAME.HEADERS, FLAG.END_HEADERS | below(2), stream, encodeFields([['x-trailer', 'a']])),
      () => client.send(FRAME.RST_STREAM, 0, stream, Buffer.from([0, 0, 0, below(14)])),
      () => client.send(FRAME.WINDOW_UPDATE, 0, stream, bytes(4)),
      () => client.send(FRAME.PING, below(2), 0, bytes(8)),
      () => client.send(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, below(10)]), bytes(4)])),
      () => client.send(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)),
      () => client.send(below(256), below(256), below(20), bytes(below(100))),
    ],
    below,
  )()
}

function someOf<Item>(items: readonly [Item, ...Item[]], below: (count: number) => number): Item {
  return items[below(items.length)] ?? items[0]
}

interface Talk {
  readonly client: RawHttp2Client
  readonly proxy: LiveProxy
  readonly port: number
  /** Request lines at the endpoint. */
  readonly seen: readonly string[]
  /** Names of fields at the endpoint. */
  readonly fields: readonly string[]
  /** The listener, by another. */
  readonly replace: () => Promise<void>
}

interface TalkOptions {
  readonly clock?: FakeClock
  readonly answer?: RequestListener
  readonly greets?: boolean
}

async function talkTo(
  t: TestContext,
  { answer = saying('hello'), greets = true, ...live }: TalkOptions = {},
): Promise<Talk> {
  const seen: string[] = []
  const fields: string[] = []
  const backend = await startBackend(t, (request, response) => {
    seen.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`)
    fields.push(...Object.keys(request.headers))
    answer(request, response)
  })
  const snapshot = forwardingTo(backend.port)
  const proxy = await startProxy(t, snapshot, live)
  const client = new RawHttp2Client(t, proxy.port)
  if (greets) client.greet()
  const listeners = snapshot.listeners.map((listener) => ({ ...listener, id: 'other' }))
  const replace = (): Promise<void> => proxy.apply({ ...forwardingTo(backend.port), listeners })
  return { client, proxy, port: proxy.port, seen, fields, replace }
}

async function bodyOf(client: RawHttp2Client, stream: number): Promise<string> {
  await client.until(({ stream: id, flags }) => id === stream && (flags & FLAG.END_STREAM) !== 0)
  const parts = client.frames.filter(({ type, stream: id }) => type === FRAME.DATA && id === stream)
  return Buffer.concat(parts.map(({ payload }) => payload)).toString()
}

function settingOf(payload: Buffer, wanted: number): number | undefined {
  for (let at = 0; at < payload.length; at += 6) {
    if (payload.readUInt16BE(at) === wanted) return payload.readUInt32BE(at + 2)
  }
  return undefined
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

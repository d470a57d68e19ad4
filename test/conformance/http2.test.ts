/** What a client of HTTP/2 may not do to the proxy, frame by frame: it is stopped, and nobody else notices. */
import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { constants } from 'node:http2'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { FLAG, FRAME, GET, PREFACE, RawHttp2Client, ask, encodeFields, http2Session } from '../support/http2-client.ts'
import { eventually, forwardingTo, saying, startBackend, startProxy } from '../support/live-proxy.ts'

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } = constants

const POST = GET.with(0, [':method', 'POST'])
/** More than any limit needs. */
const FLOOD_FRAMES_MAX = 20_000
const RSS_GROWTH_BYTES_MAX = 64 * 1024 * 1024
/** The default of `streamsMax`, and how many refused streams are put up with. */
const STREAMS_MAX = 100
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
    const { client } = await talkTo(t)
    client.request(1, [...POST, ['content-length', '5']], 0)
    client.send(FRAME.DATA, FLAG.END_STREAM, 1, Buffer.from('1234'))
    assert.equal(await client.untilReset(1), NGHTTP2_PROTOCOL_ERROR)
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

interface Talk {
  readonly client: RawHttp2Client
  readonly port: number
  /** Request lines at the endpoint. */
  readonly seen: readonly string[]
  /** Names of fields at the endpoint. */
  readonly fields: readonly string[]
}

interface TalkOptions {
  readonly answer?: RequestListener
  readonly greets?: boolean
}

async function talkTo(t: TestContext, { answer = saying('hello'), greets = true }: TalkOptions = {}): Promise<Talk> {
  const seen: string[] = []
  const fields: string[] = []
  const backend = await startBackend(t, (request, response) => {
    seen.push(`${request.method} ${request.url} HTTP/${request.httpVersion}`)
    fields.push(...Object.keys(request.headers))
    answer(request, response)
  })
  const { port } = await startProxy(t, forwardingTo(backend.port))
  const client = new RawHttp2Client(t, port)
  if (greets) client.greet()
  return { client, port, seen, fields }
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

/** What the minor version of HTTP/1 means on the two sides of the proxy (RFC 9110 §2.5, RFC 9112 §6.1). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { startHttp2Backend } from '../support/http2-backend.ts'
import { ask, http2Session } from '../support/http2-client.ts'
import {
  RawClient,
  cluster,
  forwardingTo,
  route,
  snapshotOf,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import { onHead } from '../support/raw-endpoint.ts'

/** Answers each request with these bytes; `asked` are the heads that came. */
async function startAnswering(t: TestContext, bytes: string) {
  const asked: string[] = []
  const backend = await startRawBackend(t, (socket) =>
    onHead(socket, (head) => {
      asked.push(head)
      socket.write(bytes, 'latin1')
    }),
  )
  const { port } = await startProxy(t, forwardingTo(backend.port))
  return { port, asked }
}

const CHUNKED = 'transfer-encoding: chunked\r\n'

describe('a client of HTTP/1.0', () => {
  const answers = {
    'to HEAD': ['HEAD', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n`],
    'of 304': ['GET', `HTTP/1.1 304 Not Modified\r\n${CHUNKED}\r\n`],
    'of 204': ['GET', `HTTP/1.1 204 No Content\r\n${CHUNKED}\r\n`],
    'with a body': ['GET', `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n2\r\nhi\r\n0\r\n\r\n`],
  } as const
  for (const [which, [method, bytes]] of Object.entries(answers)) {
    test(`gets no transfer-encoding in an answer ${which}`, async (t) => {
      const { port } = await startAnswering(t, bytes)
      const text = await new RawClient(t, port).send(`${method} / HTTP/1.0\r\n\r\n`).untilClosed()
      assert.doesNotMatch(text, /transfer-encoding/i)
      assert.match(text, which === 'with a body' ? /\r\n\r\nhi$/ : /\r\n\r\n$/)
    })
  }

  test('gets the plain content of an endpoint of HTTP/2', async (t) => {
    const backend = await startHttp2Backend(t, (stream) => {
      stream.respond({ ':status': 200 })
      stream.end('hi')
    })
    const snapshot = snapshotOf([route('all', { v2: 1 })], [cluster('v2', [backend.port], { protocol: 'http2' })])
    const { port } = await startProxy(t, snapshot)
    const text = await new RawClient(t, port).send('GET / HTTP/1.0\r\n\r\n').untilClosed()
    assert.doesNotMatch(text, /transfer-encoding/i)
    assert.match(text, /\r\n\r\nhi$/)
  })

  test('keeps its connection after a chunked answer without a body', async (t) => {
    const { port } = await startAnswering(t, `HTTP/1.1 304 Not Modified\r\n${CHUNKED}\r\n`)
    const client = new RawClient(t, port)
    for (const count of [1, 2]) {
      client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      await client.until((text) => text.split('\r\n\r\n').length > count)
    }
  })
})

describe('a later HTTP/1.x', () => {
  test('of a client is served as HTTP/1.1, and the endpoint asked in HTTP/1.1', async (t) => {
    const { port, asked } = await startAnswering(t, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    const client = new RawClient(t, port).send('GET /a?b HTTP/1.2\r\nhost: a\r\n\r\n')
    assert.match(await client.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200 /)
    assert.match(asked[0] ?? '', /^GET \/a\?b HTTP\/1\.1\r\n/)
  })

  test('of an endpoint is passed on as HTTP/1.1', async (t) => {
    const { port } = await startAnswering(t, 'HTTP/1.2 200 OK\r\ncontent-length: 2\r\n\r\nok')
    const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    assert.match(await client.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200 OK\r\n/)
  })

  test('is none where the major version is another', async (t) => {
    const { port } = await startAnswering(t, '')
    const text = await new RawClient(t, port).send('GET / HTTP/2.0\r\nhost: a\r\n\r\n').untilClosed()
    assert.match(text, /^HTTP\/1\.1 505 /)
  })
})

describe('a 426 of an endpoint', () => {
  const UPGRADE_REQUIRED =
    'HTTP/1.1 426 Upgrade Required\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 0\r\n\r\n'
  const wish = 'connection: upgrade\r\nupgrade: websocket\r\n'

  for (const [who, fields] of [
    ['asks for no upgrade', ''],
    ['asks for one', wish],
  ] as const) {
    test(`tells a client that ${who} which protocol to ask for`, async (t) => {
      const { port } = await startAnswering(t, UPGRADE_REQUIRED)
      const client = new RawClient(t, port).send(`GET / HTTP/1.1\r\nhost: a\r\n${fields}\r\n`)
      const text = await client.until((seen) => seen.endsWith('\r\n\r\n'))
      assert.match(text, /^upgrade: websocket\r$/m)
      assert.match(text, /^connection: upgrade\r$/m)
    })
  }

  test('says beside it that the connection ends', async (t) => {
    const { port } = await startAnswering(t, UPGRADE_REQUIRED)
    const text = await new RawClient(t, port)
      .send('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
      .untilClosed()
    assert.match(text, /^connection: close, upgrade\r$/m)
  })

  test('has neither field for a client of HTTP/1.0 or HTTP/2', async (t) => {
    const { port } = await startAnswering(t, UPGRADE_REQUIRED)
    const old = await new RawClient(t, port).send('GET / HTTP/1.0\r\n\r\n').untilClosed()
    assert.doesNotMatch(old, /upgrade:|: upgrade/i)
    const { status, headers } = await ask(http2Session(t, port))
    assert.deepEqual([status, headers['upgrade'], headers['connection']], [426, undefined, undefined])
  })

  test('is the only answer that keeps it', async (t) => {
    const { port } = await startAnswering(t, UPGRADE_REQUIRED.replace('426', '200'))
    const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    assert.doesNotMatch(await client.until((text) => text.endsWith('\r\n\r\n')), /upgrade:/i)
  })
})

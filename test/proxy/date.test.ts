/** Every final response has one `date` (RFC 9110 §6.6.1): the endpoint's, or the proxy's. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import { ask, http2Session } from '../support/http2-client.ts'
import {
  RawClient,
  cluster,
  forwardingTo,
  route,
  snapshotOf,
  startProxy,
  startRawBackend,
  withHttpLimits,
} from '../support/live-proxy.ts'
import { onHead } from '../support/raw-endpoint.ts'
import type { Route } from '../../src/routing/route-model.ts'

const NOW = Date.UTC(2026, 2, 4, 5, 6, 7, 890)
const DATE = 'Wed, 04 Mar 2026 05:06:07 GMT'

const dates = (text: string): string[] => [...text.matchAll(/^date: (.*)\r$/gim)].map(([, date]) => date ?? '')

const at = (path: string) => ({ match: { path: { kind: 'exact' as const, value: path, caseSensitive: true } } })

describe('the date', () => {
  const own: readonly Route[] = [
    {
      ...route('moved', {}, at('/moved')),
      action: { kind: 'redirect', status: 302, host: 'b.test', stripQuery: false },
    },
    { ...route('hello', {}, at('/hello')), action: { kind: 'respond', status: 200, headers: [], body: 'hello' } },
    route('empty', { empty: 1 }, at('/empty')),
  ]

  for (const path of ['/moved', '/hello', '/empty', '/nowhere']) {
    test(`is in the proxy’s own answer for ${path}, over both protocols`, async (t) => {
      const { port } = await startProxy(t, snapshotOf(own, [cluster('empty', [])]), { clock: new FakeClock(NOW) })
      const client = new RawClient(t, port).send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
      assert.deepEqual(dates(await client.untilClosed()), [DATE])
      const session = http2Session(t, port)
      assert.equal((await ask(session, { headers: { ':path': path } })).headers.date, DATE)
      const call = { ':path': path, ':method': 'POST', 'content-type': 'application/grpc' }
      assert.equal((await ask(session, { headers: call })).headers.date, DATE)
    })
  }

  const early = {
    'a malformed head': ['GET\r\n\r\n', 400],
    'a head that is too large': [`GET /${'a'.repeat(70_000)} HTTP/1.1\r\n\r\n`, 431],
    'another major version': ['GET / HTTP/3.0\r\nhost: a\r\n\r\n', 505],
    'a malformed chunk': ['POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx', 400],
    CONNECT: ['CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n', 405],
  } as const
  for (const [what, [bytes, status]] of Object.entries(early)) {
    test(`is in the refusal of ${what}`, async (t) => {
      const { port } = await startProxy(t, snapshotOf(own, [cluster('empty', [])]), { clock: new FakeClock(NOW) })
      const text = await new RawClient(t, port).send(bytes).untilClosed()
      assert.ok(text.startsWith(`HTTP/1.1 ${status} `), text)
      assert.deepEqual(dates(text), [DATE])
    })
  }

  test('is in the refusal of a head that HTTP/2 brings', async (t) => {
    const snapshot = withHttpLimits(snapshotOf(own, [cluster('empty', [])]), { headBytesMax: 1_000 })
    const { port } = await startProxy(t, snapshot, { clock: new FakeClock(NOW) })
    const { status, headers } = await ask(http2Session(t, port), { headers: { 'x-long': 'a'.repeat(1_200) } })
    assert.deepEqual([status, headers.date], [431, DATE])
  })

  test('is added to a response that has none, once, and moves with the clock', async (t) => {
    const backend = await startRawBackend(t, (socket) =>
      onHead(socket, () =>
        socket.write('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
      ),
    )
    const clock = new FakeClock(NOW)
    const { port } = await startProxy(t, forwardingTo(backend.port), { clock })
    const client = new RawClient(t, port)
    const get = async (): Promise<string[]> => {
      client.clear()
      client.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      return dates(await client.until((text) => text.endsWith('ok')))
    }
    assert.deepEqual(await get(), [DATE])
    await clock.advance(1_000)
    assert.deepEqual(await get(), ['Wed, 04 Mar 2026 05:06:08 GMT'])
    assert.equal((await ask(http2Session(t, port))).headers.date, 'Wed, 04 Mar 2026 05:06:08 GMT')
  })

  test('of the endpoint stays as it is, also where its connection field names it', async (t) => {
    const fields = 'Connection: date\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 2\r\n\r\n'
    const backend = await startRawBackend(t, (socket) =>
      onHead(socket, () => socket.write(`HTTP/1.1 200 OK\r\n${fields}ok`)),
    )
    const { port } = await startProxy(t, forwardingTo(backend.port), { clock: new FakeClock(NOW) })
    const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    const text = await client.until((seen) => seen.endsWith('ok'))
    assert.deepEqual(dates(text), ['Sun, 06 Nov 1994 08:49:37 GMT'])
    assert.equal((await ask(http2Session(t, port))).headers.date, 'Sun, 06 Nov 1994 08:49:37 GMT')
  })

  test('of a direct response is the one that its route gives', async (t) => {
    const headers = [{ name: 'Date', value: 'Sun, 06 Nov 1994 08:49:37 GMT' }]
    const only = { ...route('r', {}), action: { kind: 'respond' as const, status: 200, headers, body: '' } }
    const { port } = await startProxy(t, snapshotOf([only], []), { clock: new FakeClock(NOW) })
    const client = new RawClient(t, port).send('GET / HTTP/1.0\r\n\r\n')
    assert.deepEqual(dates(await client.untilClosed()), ['Sun, 06 Nov 1994 08:49:37 GMT'])
  })
})

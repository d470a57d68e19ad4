/** Trailers are a field section as a head is: they pass up to the same limits, whatever the two sides speak. */
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
  withHttpLimits,
} from '../support/live-proxy.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const LARGE = 'e'.repeat(60_000)
const TOO_LARGE = 'e'.repeat(62_000)

interface Endpoint {
  readonly snapshot: RoutingSnapshot
  /** The `x-note` of the trailers of the first request. */
  readonly noted: Promise<string>
}

type Start = (t: TestContext, note: string) => Promise<Endpoint>

/** Takes a chunked request, and answers with this trailer once all of it is there. */
const http1Endpoint: Start = async (t, note) => {
  const noted = Promise.withResolvers<string>()
  const { port } = await startRawBackend(t, (socket) => {
    let input = ''
    socket.on('data', (chunk: Buffer) => {
      input += chunk.toString('latin1')
      const found = /\r\n0\r\n(?:x-note: (.*)\r\n)?\r\n$/.exec(input)
      if (found === null) return
      noted.resolve(found[1] ?? '')
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-note: ${note}\r\n\r\n`)
    })
  })
  return { snapshot: forwardingTo(port), noted: noted.promise }
}

const http2Endpoint: Start = async (t, note) => {
  const noted = Promise.withResolvers<string>()
  const { port } = await startHttp2Backend(
    t,
    (stream) => {
      stream.on('trailers', (trailers) => noted.resolve(String(trailers['x-note'])))
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-note': note }))
      stream.resume().on('end', () => {
        // The proxy has given the request up.
        if (stream.destroyed) return
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.end('hi')
      })
    },
    { maxSendHeaderBlockLength: 1_000_000, settings: { maxHeaderListSize: 1_000_000 } },
  )
  return {
    snapshot: snapshotOf([route('all', { v2: 1 })], [cluster('v2', [port], { protocol: 'http2' })]),
    noted: noted.promise,
  }
}

interface Answer {
  readonly status: number
  /** The `x-note` of its trailers. */
  readonly note: string
}

type Call = (t: TestContext, port: number, note: string) => Promise<Answer>

const http1Call: Call = async (t, port, note) => {
  const client = new RawClient(t, port)
  client.send(`POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-note: ${note}\r\n\r\n`)
  const text = await client.until((seen) => /\r\n0\r\n[^]*\r\n\r\n$|\(\w+\)\n$/.test(seen))
  return { status: Number(text.slice(9, 12)), note: /^x-note: (.*)$/m.exec(text)?.[1]?.trim() ?? '' }
}

const http2Call: Call = async (t, port, note) => {
  const session = http2Session(t, port, {
    maxSendHeaderBlockLength: 1_000_000,
    settings: { maxHeaderListSize: 1_000_000 },
  })
  const reply = await ask(session, { headers: { ':method': 'POST' }, body: 'hi', trailers: { 'x-note': note } })
  return { status: reply.status, note: String(reply.trailers['x-note']) }
}

describe('trailers as large as a head', { timeout: 20_000 }, () => {
  for (const [client, call] of [
    ['HTTP/1.1', http1Call],
    ['HTTP/2', http2Call],
  ] as const) {
    for (const [endpoint, start] of [
      ['HTTP/1.1', http1Endpoint],
      ['HTTP/2', http2Endpoint],
    ] as const) {
      test(`pass both ways between a client of ${client} and an endpoint of ${endpoint}`, async (t) => {
        const { snapshot, noted } = await start(t, LARGE)
        const { port } = await startProxy(t, snapshot)
        const { status, note } = await call(t, port, LARGE)
        assert.deepEqual([status, note.length, (await noted).length], [200, LARGE.length, LARGE.length])
      })
    }

    test(`beyond the limit of heads are 431 in a request by ${client}`, async (t) => {
      const { snapshot } = await http1Endpoint(t, 'short')
      const live = await startProxy(t, snapshot)
      assert.equal((await call(t, live.port, TOO_LARGE)).status, 431)
      assert.deepEqual(live.counted(), { '431 DPE': 1 })
    })

    test(`have the limit of their listener in a request by ${client}`, async (t) => {
      const { snapshot } = await http2Endpoint(t, 'short')
      const wide = await startProxy(t, withHttpLimits(snapshot, { headBytesMax: 100_000 }))
      assert.equal((await call(t, wide.port, TOO_LARGE)).status, 200)
      const narrow = await startProxy(t, withHttpLimits(snapshot, { headBytesMax: 1_000 }))
      assert.equal((await call(t, narrow.port, 'e'.repeat(1_500))).status, 431)
    })
  }

  test('beyond the limit of heads break a response off', async (t) => {
    for (const start of [http1Endpoint, http2Endpoint]) {
      const { snapshot } = await start(t, TOO_LARGE)
      const live = await startProxy(t, snapshot)
      const { status, code } = await ask(http2Session(t, live.port), { headers: { ':method': 'POST' }, body: 'hi' })
      // All of an HTTP/1.1 response may come at once, before anything of it was passed on.
      assert.ok(status === 502 || code !== 0, `${status} ${code}`)
    }
  })
})

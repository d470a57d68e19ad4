/**
 * Bodies of any size pass through a bounded proxy in HTTP/2, too: its memory follows neither their length nor the slowness of
 * either side. `LONG=1` sends 1 GB instead of 100 MB each way.
 */
import assert from 'node:assert/strict'
import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2'
import { describe, test } from 'node:test'
import { PatternCheck, sendPattern } from '../support/http1-pattern.ts'
import type { PatternSource } from '../support/http1-pattern.ts'
import { startProxyProcess } from '../support/http1-proxy-process.ts'
import type { ProxyProcess } from '../support/http1-proxy-process.ts'
import { startHttp2Backend } from '../support/http2-backend.ts'
import { ask, http2Session } from '../support/http2-client.ts'
import { RawClient, cluster, fetchFrom, route, snapshotOf } from '../support/live-proxy.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const MIB = 1024 * 1024
const BODY_BYTES = (process.env['LONG'] === undefined ? 100 : 1024) * MIB
/** Whatever the length. */
const RSS_GROWTH_BYTES_MAX = 64 * MIB
/** What may be on its way unread: windows of two sessions, the kernel's buffers, and little of our own. */
const UNREAD_BYTES_MAX = 32 * MIB
/** For so many requests of others nothing moved: it stands still. */
const STILL_REQUESTS = 50
const options = { timeout: 60_000, skip: process.platform !== 'linux' && 'reads /proc' }

function overHttp2(port: number): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', [port], { protocol: 'http2' })])
}

/** Until the content has arrived, all of it and nothing else. */
async function checked(stream: ClientHttp2Stream | ServerHttp2Stream): Promise<void> {
  const check = new PatternCheck()
  stream.on('data', (chunk: Buffer) => check.take(chunk))
  await new Promise((resolve) => {
    stream.on('end', resolve)
  })
  assert.deepEqual([check.received, check.isIntact], [BODY_BYTES, true])
}

function assertSmall(proxy: ProxyProcess, before: number): void {
  const growth = proxy.peakRssBytes() - before
  assert.ok(growth <= RSS_GROWTH_BYTES_MAX, `grew by ${growth / MIB} MB`)
}

/** Asks for something small until the source has not moved for many answers. */
async function untilStill(port: number, source: () => PatternSource | undefined): Promise<number> {
  let last = -1
  for (let still = 0; still < STILL_REQUESTS; still++) {
    assert.equal((await fetchFrom(port, { path: '/small' })).status, 200)
    const sent = source()?.sent ?? -1
    if (sent === -1 || sent !== last) still = 0
    last = sent
  }
  return last
}

describe('memory in HTTP/2', options, () => {
  test('does not follow a response, at full speed or for a client that does not read for a while', async (t) => {
    const sources: PatternSource[] = []
    const backend = await startHttp2Backend(t, (stream, headers) => {
      if (headers[':path'] === '/small') return stream.respond({ ':status': 200 }, { endStream: true })
      stream.respond({})
      return sources.push(sendPattern(stream, BODY_BYTES, { onDone: () => stream.end() }))
    })
    const proxy = await startProxyProcess(t, overHttp2(backend.port))
    const session = http2Session(t, proxy.port)
    await ask(session, { headers: { ':path': '/small' } })
    const before = proxy.rssBytes()
    await checked(session.request({ ':path': '/' }))
    assertSmall(proxy, before)

    const slow = session.request({ ':path': '/' })
    const sent = await untilStill(proxy.port, () => sources[1])
    assert.ok(sent <= UNREAD_BYTES_MAX, `${sent} bytes were taken`)
    await checked(slow)
    assertSmall(proxy, before)

    const client = new RawClient(t, proxy.port)
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const sentToOld = await untilStill(proxy.port, () => sources[2])
    assert.ok(sentToOld <= UNREAD_BYTES_MAX, `${sentToOld} bytes were taken`)
    assertSmall(proxy, before)
  })

  test('does not follow a request, at full speed or for an endpoint that does not read for a while', async (t) => {
    const streams: ServerHttp2Stream[] = []
    const backend = await startHttp2Backend(t, (stream, headers) => {
      if (headers[':path'] === '/slow') return streams.push(stream)
      if (headers[':path'] === '/small') return stream.respond({ ':status': 200 }, { endStream: true })
      return void checked(stream).then(() => stream.respond({ ':status': 200 }, { endStream: true }))
    })
    const proxy = await startProxyProcess(t, overHttp2(backend.port))
    const session = http2Session(t, proxy.port)
    await ask(session, { headers: { ':path': '/small' } })
    const before = proxy.rssBytes()
    const send = (path: string): { readonly source: PatternSource; readonly done: Promise<unknown> } => {
      const stream = session.request({ ':method': 'POST', ':path': path })
      const done = new Promise((resolve, reject) => stream.on('response', resolve).on('error', reject))
      return { source: sendPattern(stream, BODY_BYTES, { onDone: () => stream.end() }), done }
    }
    await send('/').done
    assertSmall(proxy, before)

    const { source, done } = send('/slow')
    const sent = await untilStill(proxy.port, () => source)
    assert.ok(sent <= UNREAD_BYTES_MAX, `${sent} bytes were taken`)
    const [stream] = streams
    assert.ok(stream !== undefined)
    await checked(stream)
    stream.respond({ ':status': 200 }, { endStream: true })
    await done
    assertSmall(proxy, before)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  cluster,
  echoing,
  eventually,
  fetchFrom,
  readBody,
  refusePort,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { Mirror } from '../../src/routing/policy-model.ts'

interface Copy {
  readonly method: string
  readonly url: string
  readonly host: string
  readonly body: string
}

/** Remembers what it was sent, and says something that nobody may see. */
async function startMirror(t: Parameters<typeof startBackend>[0], copies: Copy[]) {
  return startBackend(t, (request, response) => {
    void readBody(request).then((body) => {
      const { method = '', url = '', headers } = request
      copies.push({ method, url, host: headers.host ?? '', body })
      response.writeHead(500).end('from the mirror')
    })
  })
}

function mirrored(ports: { readonly live: number; readonly mirror: number }, mirrors: readonly Mirror[]) {
  return snapshotOf(
    [route('all', { live: 1 }, { policy: { mirrors } })],
    [cluster('live', [ports.live]), cluster('mirror', [ports.mirror])],
  )
}

const everything: readonly Mirror[] = [{ cluster: 'mirror', share: 1 }]

test('a mirror gets a copy of the whole request under a shadow of its host, and its answer goes nowhere', async (t) => {
  const copies: Copy[] = []
  const live = await startBackend(t, echoing)
  const mirror = await startMirror(t, copies)
  const proxy = await startProxy(t, mirrored({ live: live.port, mirror: mirror.port }, everything))
  const reply = await fetchFrom(proxy.port, {
    method: 'POST',
    path: '/a?b=c',
    headers: { host: 'shop.example:80' },
    body: 'hello',
  })
  assert.equal(reply.status, 200)
  assert.equal(reply.body, 'hello')
  await eventually(() => copies.length === 1)
  assert.deepEqual(copies, [{ method: 'POST', url: '/a?b=c', host: 'shop.example-shadow:80', body: 'hello' }])
})

test('a request without a host has a mirror without one', async (t) => {
  const copies: Copy[] = []
  const live = await startBackend(t, echoing)
  const mirror = await startMirror(t, copies)
  const proxy = await startProxy(t, mirrored({ live: live.port, mirror: mirror.port }, everything))
  await new RawClient(t, proxy.port).send('GET / HTTP/1.0\r\n\r\n').untilClosed()
  await eventually(() => copies.length === 1)
  assert.equal(copies[0]?.host, '')
})

test('a body that comes in parts is copied too, once it is complete', async (t) => {
  const copies: Copy[] = []
  const live = await startBackend(t, echoing)
  const mirror = await startMirror(t, copies)
  const proxy = await startProxy(t, mirrored({ live: live.port, mirror: mirror.port }, everything))
  const client = new RawClient(t, proxy.port)
  client.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n')
  await eventually(() => live.accepted === 1)
  client.send('4\r\ndefg\r\n0\r\n\r\n')
  await client.until((text) => text.includes('abcdefg'))
  await eventually(() => copies.length === 1)
  assert.equal(copies[0]?.body, 'abcdefg')
})

test('the share of copies is exact', async (t) => {
  const copies: Copy[] = []
  const live = await startBackend(t, saying('live'))
  const mirror = await startMirror(t, copies)
  const proxy = await startProxy(
    t,
    mirrored({ live: live.port, mirror: mirror.port }, [{ cluster: 'mirror', share: 0.1 }]),
  )
  for (let index = 0; index < 50; index++) await fetchFrom(proxy.port)
  await eventually(() => copies.length >= 5)
  assert.equal(copies.length, 5)
})

test('a mirror that does not answer, refuses or is not there costs the original nothing', async (t) => {
  const clock = new FakeClock()
  const live = await startBackend(t, saying('live'))
  const silent = await startRawBackend(t, (socket) => socket.resume())
  const gone = refusePort(t)
  const proxy = await startProxy(
    t,
    snapshotOf(
      [
        route(
          'all',
          { live: 1 },
          {
            policy: {
              mirrors: [
                { cluster: 'silent', share: 1 },
                { cluster: 'gone', share: 1 },
                { cluster: 'empty', share: 1 },
              ],
            },
          },
        ),
      ],
      [
        cluster('live', [live.port]),
        cluster('silent', [silent.port]),
        cluster('gone', [gone.port]),
        cluster('empty', []),
      ],
    ),
    { clock },
  )
  for (let index = 0; index < 3; index++) assert.equal((await fetchFrom(proxy.port)).body, 'live')
  await eventually(() => silent.accepted === 3)
  await clock.advance(20_000)
  const told = (): string[] =>
    proxy
      .series()
      .filter(({ labels }) => labels.protocol === 'mirror')
      .map(({ labels, requests }) => `${labels.workload || 'nobody'} ${labels.flag} ${requests}`)
      .toSorted()
  await eventually(() => told().length === 3)
  assert.deepEqual(told(), ['gone UF 3', 'nobody UH 3', 'silent UT 3'])
})

test('a body that is too large to be kept is not copied, and that is counted', async (t) => {
  const copies: Copy[] = []
  const live = await startBackend(t, (request, response) => {
    request.resume().on('end', () => response.end('live'))
  })
  const mirror = await startMirror(t, copies)
  const proxy = await startProxy(t, mirrored({ live: live.port, mirror: mirror.port }, everything))
  const reply = await fetchFrom(proxy.port, { method: 'POST', body: Buffer.alloc(300 * 1024) })
  assert.equal(reply.body, 'live')
  assert.equal(copies.length, 0)
  const lost = proxy.series().filter(({ labels }) => labels.protocol === 'mirror')
  assert.deepEqual(
    lost.map(({ labels, requests }) => `${labels.flag} ${requests}`),
    ['UO 1'],
  )
})

test('copies count for no workload’s traffic', async (t) => {
  const copies: Copy[] = []
  const live = await startBackend(t, saying('live'))
  const mirror = await startMirror(t, copies)
  const proxy = await startProxy(t, mirrored({ live: live.port, mirror: mirror.port }, everything))
  await fetchFrom(proxy.port)
  const counted = (): readonly string[] =>
    proxy
      .series()
      .map(({ labels, requests }) => `${labels.protocol ?? 'http'} ${labels.workload} ${labels.status} ${requests}`)
  await eventually(() => counted().length === 2)
  assert.deepEqual(counted().toSorted(), ['http live 200 1', 'mirror mirror 500 1'])
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import {
  RawClient,
  cluster,
  fetchFrom,
  forwardingTo,
  refusePort,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const CONNECT = 'CONNECT db.example.com:5432 HTTP/1.1\r\nHost: db.example.com:5432\r\n\r\n'

/** Tunnels to the first port for one host, requests to the second for all. */
function tunnelling(tunnelPort: number, requestPort: number): RoutingSnapshot {
  const snapshot = snapshotOf([], [cluster('db', [tunnelPort]), cluster('v1', [requestPort])])
  const all = route('all', { v1: 1 })
  const tunnel = route('tunnel', { db: 1 }, { match: { methods: ['CONNECT'] } })
  return {
    ...snapshot,
    routeTables: [
      {
        id: 'table',
        virtualHosts: [
          { name: 'db', domains: ['db.example.com:5432'], routes: [all, tunnel] },
          { name: 'others', domains: ['*'], routes: [{ ...all, id: 'others' }] },
        ],
      },
    ],
  }
}

async function startTunnel(t: TestContext): Promise<LiveProxy> {
  const database = await startRawBackend(t, (socket) => {
    socket.write('ready:')
    socket.pipe(socket)
  })
  const backend = await startBackend(t, saying('web'))
  return startProxy(t, tunnelling(database.port, backend.port))
}

describe('CONNECT', () => {
  test('a route that names it opens a tunnel, in which both sides may speak first', async (t) => {
    const live = await startTunnel(t)
    const client = new RawClient(t, live.port).send(`${CONNECT}early`)
    const text = await client.until((all) => all.includes('early'))
    assert.match(text, /^HTTP\/1\.1 200 OK\r\ndate: [^\r]+\r\n\r\nready:early$/)
    client.socket.end()
    await client.untilClosed()
    assert.deepEqual(live.counted(), { '200': 1 })
  })

  test('the target counts, not the Host field', async (t) => {
    const live = await startTunnel(t)
    const client = new RawClient(t, live.port).send('CONNECT db.example.com:5432 HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until((text) => text.includes('ready:'))
  })

  test('a route for any method is no route for tunnels', async (t) => {
    const live = await startTunnel(t)
    const client = new RawClient(t, live.port).send('CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n')
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 405/)
  })

  test('the same host still serves requests, also in absolute form', async (t) => {
    const live = await startTunnel(t)
    const path = 'http://db.example.com:5432/hello'
    assert.equal((await fetchFrom(live.port, { path, headers: { host: 'other.test' } })).body, 'web')
  })

  test('an endpoint that cannot be reached is 503', async (t) => {
    const gone = refusePort(t)
    const live = await startProxy(t, tunnelling(gone.port, gone.port))
    const client = new RawClient(t, live.port).send(CONNECT)
    assert.match(await client.untilClosed(), /^HTTP\/1\.1 503/)
    assert.deepEqual(live.counted(), { '503 UF': 1 })
  })

  const malformed = [
    'CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n',
    'CONNECT http://a.test:443/ HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc',
  ]
  for (const head of malformed) {
    test(`${JSON.stringify(head.slice(0, 40))} is refused`, async (t) => {
      const live = await startProxy(t, forwardingTo(1))
      assert.match(await new RawClient(t, live.port).send(head).untilClosed(), /^HTTP\/1\.1 400/)
    })
  }
})

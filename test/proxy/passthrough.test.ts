import assert from 'node:assert/strict'
import { test } from 'node:test'

import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  cluster,
  fetchFrom,
  refusePort,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RouteTable } from '../../src/routing/route-model.ts'

/** One virtual host, `known.test`, whose requests go to the port. */
function knownHost(port: number, unknownHost?: RouteTable['unknownHost']): RoutingSnapshot {
  const snapshot = snapshotOf([route('known', { v1: 1 })], [cluster('v1', [port])])
  const routeTables = snapshot.routeTables.map((table) => ({
    ...table,
    ...(unknownHost !== undefined && { unknownHost }),
    virtualHosts: table.virtualHosts.map((host) => ({ ...host, domains: ['known.test'] })),
  }))
  return { ...snapshot, routeTables }
}

test('with passthrough a request goes to the host that it names, whatever form its target has; known hosts are routed', async (t) => {
  const known = await startBackend(t, saying('known'))
  const outside = await startBackend(t, (request, response) =>
    response.end(`${request.url} of ${request.headers.host} from ${String(request.headers['x-forwarded-for'])}`),
  )
  const { port } = await startProxy(t, knownHost(known.port, 'passthrough'))
  const host = `127.0.0.1:${outside.port}`
  assert.equal((await fetchFrom(port, { path: '/a?b', headers: { host } })).body, `/a?b of ${host} from 127.0.0.1`)
  assert.equal((await fetchFrom(port, { path: `http://${host}/c` })).body, `/c of ${host} from 127.0.0.1`)
  assert.equal((await fetchFrom(port, { path: 'http://known.test/' })).body, 'known')
  assert.equal((await fetchFrom(port, { path: '/', headers: { host: 'known.test' } })).body, 'known')
  assert.equal(outside.accepted, 1, 'the connection is kept for the next request')
})

test('CONNECT to an unknown host opens a tunnel to it, which outlives snapshots', async (t) => {
  const outside = await startRawBackend(t, (socket) => {
    socket.on('data', (chunk) => socket.write(`heard ${String(chunk)}`))
  })
  const clock = new FakeClock()
  const live = await startProxy(t, knownHost(1, 'passthrough'), { clock })
  const client = new RawClient(t, live.port).send(`CONNECT 127.0.0.1:${outside.port} HTTP/1.1\r\nhost: x\r\n\r\n`)
  assert.match(await client.until((text) => text.endsWith('\r\n\r\n')), /^HTTP\/1\.1 200 /)
  client.clear()
  await live.apply(knownHost(2, 'passthrough'))
  await clock.advance(60_000)
  await client.send('one').until((text) => text === 'heard one')
})

test('a request that comes back to the proxy is refused instead of going round for ever', async (t) => {
  const live = await startProxy(t, knownHost(1, 'passthrough'))
  const reply = await fetchFrom(live.port, { headers: { host: `127.0.0.1:${live.port}` } })
  assert.equal(reply.status, 502)
  assert.match(reply.body, /there is no way from here to this host/)
  assert.deepEqual(live.counted(), { '502': 1, '502 NR': 1 })
})

test('a host that cannot be reached is 503 UF, and one that is no address 502', async (t) => {
  const gone = refusePort(t)
  const live = await startProxy(t, knownHost(1, 'passthrough'))
  assert.equal((await fetchFrom(live.port, { headers: { host: `127.0.0.1:${gone.port}` } })).status, 503)
  assert.equal((await fetchFrom(live.port, { headers: { host: 'example.test:0' } })).status, 502)
  assert.deepEqual(live.counted(), { '503 UF': 1, '502 NR': 1 })
})

test('an endpoint that left the snapshot while a request was on its way to it can still be asked by its address', async (t) => {
  let answer = (): void => {}
  const backend = await startBackend(t, (request, response) => {
    if (request.url === '/slow') answer = () => response.end('slow')
    else response.end('fast')
    if (request.url === '/slow') began()
  })
  let began = (): void => {}
  const isUnderWay = new Promise<void>((resolve) => {
    began = resolve
  })
  const live = await startProxy(t, knownHost(backend.port, 'passthrough'))
  const slow = fetchFrom(live.port, { path: '/slow', headers: { host: 'known.test' } })
  await isUnderWay
  await live.apply(knownHost(1, 'passthrough'))
  assert.equal((await fetchFrom(live.port, { headers: { host: `127.0.0.1:${backend.port}` } })).body, 'fast')
  answer()
  assert.equal((await slow).body, 'slow')
})

test('unknown hosts are refused with 502 where that is asked for, and not found by default', async (t) => {
  const live = await startProxy(t, knownHost(1, 'refuse'))
  assert.equal((await fetchFrom(live.port, { headers: { host: 'other.test' } })).status, 502)
  await live.apply(knownHost(1))
  assert.equal((await fetchFrom(live.port, { headers: { host: 'other.test' } })).status, 404)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import {
  cluster,
  fetchFrom,
  refusePort,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import type { OutlierDetection } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const SETTINGS: OutlierDetection = {
  consecutive5xx: 2,
  consecutiveGatewayErrors: 0,
  intervalMs: 1_000,
  baseEjectionMs: 5_000,
  maxEjectionMs: 60_000,
  ejectedShareMax: 0.5,
}

function detecting(ports: readonly number[], change: Partial<OutlierDetection> = {}): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', ports, { outlier: { ...SETTINGS, ...change } })])
}

test('an endpoint that fails is left out, over snapshots too, and comes back after its time', async (t) => {
  const clock = new FakeClock()
  let isBad = true
  const bad = await startBackend(t, (_request, response) => {
    response.statusCode = isBad ? 500 : 200
    response.end('bad')
  })
  const good = await startBackend(t, saying('good'))
  const live = await startProxy(t, detecting([bad.port, good.port]), { clock })
  const bodies = async (count: number): Promise<Set<string>> => {
    const seen = new Set<string>()
    for (let index = 0; index < count; index++) seen.add((await fetchFrom(live.port)).body)
    return seen
  }
  await bodies(4)
  assert.deepEqual(live.proxy.ejected.get('v1'), [`127.0.0.1:${bad.port}`])
  assert.deepEqual([...(await bodies(6))], ['good'])
  await live.apply(detecting([bad.port, good.port]))
  assert.deepEqual([...(await bodies(6))], ['good'])
  isBad = false
  await clock.advance(6_100)
  assert.deepEqual(live.proxy.ejected.get('v1'), [])
  assert.deepEqual([...(await bodies(4))].toSorted(), ['bad', 'good'])
})

test('an endpoint that refuses connections is ejected, and requests do not notice', async (t) => {
  const gone = refusePort(t)
  const good = await startBackend(t, saying('good'))
  const clock = new FakeClock()
  const snapshot = detecting([gone.port, good.port], { consecutive5xx: 0, consecutiveGatewayErrors: 1 })
  const live = await startProxy(t, snapshot, { clock })
  for (let index = 0; index < 4; index++) assert.equal((await fetchFrom(live.port)).body, 'good')
  assert.deepEqual(live.proxy.ejected.get('v1'), [`127.0.0.1:${gone.port}`])
  assert.deepEqual(live.counted(), { '200': 4 })
})

test('where the others refuse, an ejected endpoint is better than none', async (t) => {
  const bad = await startBackend(t, (_request, response) => {
    response.statusCode = 500
    response.end('bad')
  })
  const other = await startBackend(t, saying('other'))
  const live = await startProxy(t, detecting([bad.port, other.port]), { clock: new FakeClock() })
  for (let index = 0; index < 4; index++) await fetchFrom(live.port)
  assert.equal(live.proxy.ejected.get('v1')?.length, 1)
  await other.close()
  assert.equal((await fetchFrom(live.port)).body, 'bad')
})

test('the only endpoint is never ejected', async (t) => {
  const bad = await startBackend(t, (_request, response) => {
    response.statusCode = 503
    response.end('bad')
  })
  const live = await startProxy(t, detecting([bad.port]))
  for (let index = 0; index < 5; index++) assert.equal((await fetchFrom(live.port)).body, 'bad')
  assert.deepEqual(live.proxy.ejected.get('v1'), [])
})

test('settings that would count nothing, or eject for no time, are refused', async (t) => {
  const live = await startProxy(t, detecting([1]))
  await assert.rejects(live.apply(detecting([1], { consecutive5xx: 0 })), /outlier\.consecutive5xx/)
  await assert.rejects(live.apply(detecting([1], { baseEjectionMs: 0 })), /outlier\.baseEjectionMs/)
  await assert.rejects(live.apply(detecting([1], { ejectedShareMax: 2 })), /outlier\.ejectedShareMax/)
})

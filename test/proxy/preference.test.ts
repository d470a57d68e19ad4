import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import type { Backend, LiveProxy } from '../support/live-proxy.ts'
import { cluster, fetchFrom, route, saying, snapshotOf, startBackend, startProxy } from '../support/live-proxy.ts'
import type { Cluster, Locality, OutlierDetection } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import { reportClusters } from '../../src/proxy/cluster-report.ts'

const HERE: Locality = { region: 'eu', zone: 'a', subzone: '' }
const NEXT_DOOR: Locality = { ...HERE, zone: 'b' }
const slowStart = { windowMs: 10_000, aggression: 1, minWeightShare: 0.1 }
const outlier: OutlierDetection = {
  consecutive5xx: 1,
  consecutiveGatewayErrors: 0,
  intervalMs: 1_000,
  baseEjectionMs: 5_000,
  maxEjectionMs: 5_000,
  ejectedShareMax: 1,
}

interface Lab {
  readonly live: LiveProxy
  readonly clock: FakeClock
  /** How many of so many requests each backend answered. */
  readonly serve: (requests: number) => Promise<number[]>
}

function start(t: TestContext, snapshot: RoutingSnapshot): Promise<Lab> {
  const clock = new FakeClock()
  return startProxy(t, snapshot, { clock }).then((live) => ({ live, clock, serve: (count) => spread(live, count) }))
}

async function spread({ port }: LiveProxy, requests: number): Promise<number[]> {
  const counts: number[] = []
  for (let request = 0; request < requests; request++) {
    const index = Number((await fetchFrom(port)).body)
    for (let missing = counts.length; missing <= index; missing++) counts.push(0)
    counts[index] = (counts[index] ?? 0) + 1
  }
  return counts
}

function startBackends(t: TestContext, count: number): Promise<Backend[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => startBackend(t, saying(String(index)))))
}

function snapshotWith(backends: readonly Backend[], change: Partial<Cluster>, at: readonly Locality[] = []) {
  const v1 = cluster(
    'v1',
    backends.map(({ port }) => port),
    change,
  )
  const endpoints = v1.endpoints.map((endpoint, index) => {
    const locality = at[index]
    return locality === undefined ? endpoint : { ...endpoint, locality }
  })
  return { ...snapshotOf([route('r', { v1: 1 })], [{ ...v1, endpoints }]), locality: HERE }
}

test('an endpoint that joins gets a growing part of its share, over snapshots, and /clusters says why', async (t) => {
  const backends = await startBackends(t, 2)
  const { live, clock, serve } = await start(t, snapshotWith(backends.slice(0, 1), { slowStart }))
  const both = (): RoutingSnapshot => snapshotWith(backends, { slowStart })
  await live.apply(both())
  assert.deepEqual(await serve(22), [20, 2])
  await clock.advance(5_050)
  await live.apply(both())
  assert.deepEqual(await serve(30), [20, 10])
  const [v1] = reportClusters(both(), [live.proxy.describe()]).clusters
  assert.deepEqual(
    v1?.endpoints.map((endpoint) => endpoint.slowStart),
    [undefined, 0.5],
  )
  await clock.advance(6_000)
  assert.deepEqual(await serve(20), [10, 10])
})

test('an endpoint that comes back from its ejection starts slowly', async (t) => {
  let status = 200
  const good = await startBackend(t, saying('0'))
  const bad = await startBackend(t, (_request, response) => {
    response.statusCode = status
    response.end('1')
  })
  const { live, clock, serve } = await start(t, snapshotWith([good, bad], { slowStart, outlier }))
  assert.deepEqual(await serve(10), [5, 5])
  status = 500
  while (live.proxy.ejected.get('v1')?.length === 0) await fetchFrom(live.port)
  status = 200
  assert.deepEqual(await serve(10), [10])
  await clock.advance(7_000)
  assert.deepEqual(live.proxy.ejected.get('v1'), [])
  const [much = 0, little = 0] = await serve(22)
  assert.ok(little >= 2 && little <= 6 && much > 15, `${much} ${little}`)
  await clock.advance(11_000)
  assert.deepEqual(await serve(10), [5, 5])
})

test('near endpoints get everything, and what they cannot take goes next door', async (t) => {
  const backends = await startBackends(t, 3)
  const at = [HERE, HERE, NEXT_DOOR]
  const settings = { outlier, preferLocal: { overprovisioning: 1.4 } }
  const snapshot = snapshotWith(backends, settings, at)
  const { live, serve } = await start(t, snapshot)
  assert.deepEqual(await serve(20), [10, 10])
  await backends[0]?.close()
  // The first request finds out, and is served all the same.
  await serve(2)
  assert.equal(live.proxy.ejected.get('v1')?.length, 1)
  assert.deepEqual(await serve(20), [0, 14, 6])
  const [v1] = reportClusters(snapshot, [live.proxy.describe()]).clusters
  assert.deepEqual(v1?.levels, [
    { nearness: 'same-zone', endpoints: 2, usable: 1, share: 0.7 },
    { nearness: 'same-region', endpoints: 1, usable: 1, share: 0.3 },
  ])
  assert.deepEqual(
    v1?.endpoints.map(({ nearness, locality }) => [nearness, locality]),
    [
      ['same-zone', HERE],
      ['same-zone', HERE],
      ['same-region', NEXT_DOOR],
    ],
  )
  await backends[1]?.close()
  await serve(2)
  assert.deepEqual(await serve(10), [0, 0, 10])
})

test('without a place of its own a proxy has no near endpoints', async (t) => {
  const backends = await startBackends(t, 2)
  const { locality, ...nowhere } = snapshotWith(backends, { preferLocal: { overprovisioning: 1.4 } }, [HERE, NEXT_DOOR])
  const { serve } = await start(t, nowhere)
  assert.deepEqual([locality, await serve(10)], [HERE, [5, 5]])
})

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import type { Backend, LiveProxy } from '../support/live-proxy.ts'
import {
  RawClient,
  cluster,
  eventually,
  route,
  snapshotOf,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { Cluster } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RoutePolicy } from '../../src/routing/policy-model.ts'

const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** Agrees to every upgrade, says its name, and sends back what comes. */
function startEcho(t: TestContext, name: string): Promise<Backend> {
  return startRawBackend(t, (socket: Socket) => {
    socket.once('data', () => {
      socket.write(`${SWITCHING}${name}:`)
      socket.pipe(socket)
    })
  })
}

interface Lab {
  readonly live: LiveProxy
  readonly clock: FakeClock
  readonly clusters: readonly Cluster[]
  readonly v1: Backend
  /** An upgraded connection to v1. */
  readonly client: RawClient
}

function weighing(
  weights: Readonly<Record<string, number>>,
  clusters: readonly Cluster[],
  policy: Partial<RoutePolicy> = {},
): RoutingSnapshot {
  return snapshotOf([route('r', weights, { policy })], clusters)
}

async function tunnelled(t: TestContext, policy: Partial<RoutePolicy> = {}): Promise<Lab> {
  const clock = new FakeClock()
  const [v1, v2] = [await startEcho(t, 'v1'), await startEcho(t, 'v2')]
  const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
  const live = await startProxy(t, weighing({ v1: 1, v2: 0 }, clusters, policy), { clock })
  const client = new RawClient(t, live.port).send(UPGRADE)
  await client.until((text) => text.endsWith('v1:'))
  return { live, clock, clusters, v1, client }
}

/** Open tunnels, and those of them that drain, by `/clusters` and by the metrics, which agree. */
function openOf(live: LiveProxy): string {
  const sum = (counts: readonly (number | undefined)[]): number => counts.reduce<number>((so, n = 0) => so + n, 0)
  const { pools } = live.proxy
  const shown = [sum(pools.map(({ tunnels }) => tunnels)), sum(pools.map((each) => each.drainingTunnels))]
  const told = live.report().tunnels ?? []
  assert.deepEqual(shown, [sum(told.map(({ active }) => active)), sum(told.map(({ draining }) => draining))])
  return shown.join(' ')
}

const tunnelsOf = ({ proxy }: LiveProxy): number => proxy.pools.reduce((sum, { tunnels = 0 }) => sum + tunnels, 0)

describe('tunnels', () => {
  test('one whose destination lost its weight has some time left, then it is closed', async (t) => {
    const { live, clock, clusters, client } = await tunnelled(t)
    assert.equal(tunnelsOf(live), 1)
    await live.apply(weighing({ v1: 0, v2: 1 }, clusters))
    await clock.advance(19_900)
    await client.send('still here').until((text) => text.endsWith('still here'))
    await clock.advance(200)
    await client.untilClosed()
    await eventually(() => tunnelsOf(live) === 0)
    assert.deepEqual(live.counted(), { '101': 1 })
  })

  test('those that are open are told by destination, and which of them drain', async (t) => {
    const { live, clock, clusters, client } = await tunnelled(t)
    const steps: string[] = []
    for (const v1 of [1, 0, 1, 0]) {
      await live.apply(weighing({ v1, v2: 1 }, clusters))
      await clock.advance(100)
      steps.push(openOf(live))
    }
    assert.deepEqual(steps, ['1 0', '1 1', '1 0', '1 1'])
    assert.equal(live.report().tunnels?.[0]?.labels.workload, 'v1')
    await clock.advance(20_000)
    await client.untilClosed()
    assert.equal(openOf(live), '0 0')
  })

  test('the time is that of its route', async (t) => {
    const { live, clock, clusters, client } = await tunnelled(t, { tunnelDrainMs: 3_000 })
    await live.apply(weighing({ v1: 0, v2: 1 }, clusters))
    await clock.advance(2_900)
    await client.send('here').until((text) => text.endsWith('here'))
    await clock.advance(200)
    await client.untilClosed()
  })

  test('one goes on where its destination keeps some weight, or gets it back in time', async (t) => {
    const { live, clock, clusters, client } = await tunnelled(t)
    await live.apply(weighing({ v1: 1, v2: 99 }, clusters))
    await clock.advance(60_000)
    await live.apply(weighing({ v1: 0, v2: 1 }, clusters))
    await clock.advance(10_000)
    await live.apply(weighing({ v1: 1, v2: 1 }, clusters))
    await clock.advance(60_000)
    await client.send('still here').until((text) => text.endsWith('still here'))
    await live.apply(weighing({ v1: 0, v2: 1 }, clusters))
    await clock.advance(20_100)
    await client.untilClosed()
  })

  test('an endpoint that left is draining until its tunnels are over', async (t) => {
    const { live, clock, clusters, v1, client } = await tunnelled(t)
    const [, other] = clusters
    await live.apply(weighing({ v1: 1, v2: 1 }, [cluster('v1', []), other ?? cluster('v2', [])]))
    assert.deepEqual(live.proxy.draining, [`127.0.0.1:${v1.port}`])
    await clock.advance(20_100)
    await client.untilClosed()
    assert.deepEqual(live.proxy.draining, [])
  })

  test('one whose endpoint now serves another cluster only is drained too', async (t) => {
    const { live, clock, clusters, v1, client } = await tunnelled(t)
    const [, other] = clusters
    const elsewhere = cluster('v3', [v1.port])
    const routes = [route('r', { v1: 1, v2: 1 }), route('elsewhere', { v3: 1 })]
    await live.apply(snapshotOf(routes, [cluster('v1', []), other ?? cluster('v2', []), elsewhere]))
    assert.deepEqual(live.proxy.draining, [])
    await clock.advance(20_100)
    await client.untilClosed()
  })

  test('one whose route is gone is drained', async (t) => {
    const { live, clock, clusters, client } = await tunnelled(t)
    await live.apply(snapshotOf([route('another', { v1: 1 })], clusters))
    await clock.advance(20_100)
    await client.untilClosed()
  })

  test('one whose listener is gone is drained', async (t) => {
    const { live, clock, clusters, client } = await tunnelled(t)
    const { listeners, ...others } = weighing({ v1: 1 }, clusters)
    await live.apply({ ...others, listeners: listeners.map((listener) => ({ ...listener, id: 'another' })) })
    await clock.advance(19_000)
    await client.send('still here').until((text) => text.endsWith('still here'))
    await clock.advance(2_000)
    await client.untilClosed()
  })

  test('a CONNECT tunnel is drained in the same way', async (t) => {
    const clock = new FakeClock()
    const greeting = (name: string): Promise<Backend> =>
      startRawBackend(t, (socket) => {
        socket.write(`${name}:`)
        socket.pipe(socket)
      })
    const clusters = [cluster('v1', [(await greeting('v1')).port]), cluster('v2', [(await greeting('v2')).port])]
    const connecting = (weights: Readonly<Record<string, number>>): RoutingSnapshot =>
      snapshotOf([route('db', weights, { match: { methods: ['CONNECT'] } })], clusters)
    const live = await startProxy(t, connecting({ v1: 1, v2: 0 }), { clock })
    const client = new RawClient(t, live.port).send('CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n')
    await client.until((text) => text.endsWith('v1:'))
    await live.apply(connecting({ v1: 0, v2: 1 }))
    await clock.advance(19_900)
    await client.send('still here').until((text) => text.endsWith('still here'))
    await clock.advance(200)
    await client.untilClosed()
    await eventually(() => tunnelsOf(live) === 0)
  })
})

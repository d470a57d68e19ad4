import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'
import { cluster, route } from '../../../test/support/live-proxy.ts'
import type { Cluster } from '../../routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import type { RouteTable, VirtualHost } from '../../routing/route-model.ts'
import { deltaMessages, SnapshotReceiver, wholeMessages } from './snapshot-messages.ts'
import type { SnapshotMessage } from './snapshot-messages.ts'

/** As it comes over the socket. */
function sent(message: SnapshotMessage): SnapshotMessage {
  return JSON.parse(JSON.stringify(message)) as SnapshotMessage
}

function plain(value: RoutingSnapshot): RoutingSnapshot {
  return JSON.parse(JSON.stringify(value)) as RoutingSnapshot
}

function receiveAll(receiver: SnapshotReceiver, messages: readonly SnapshotMessage[]): RoutingSnapshot {
  const received = messages.map((message) => receiver.receive(sent(message))).at(-1)
  assert.equal(received?.kind, 'snapshot')
  return received.snapshot
}

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const virtualHost = fc.record({ name, weight: fc.nat(2) }).map((host): VirtualHost => ({
  name: host.name,
  domains: [`${host.name}.test`],
  routes: [route(host.name, { [host.name]: host.weight })],
}))
const endpoints = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 })
const anyCluster = fc
  .record({ name, endpoints, connectTimeoutMs: fc.constantFrom(1, 2) })
  .map((each): Cluster => cluster(each.name, each.endpoints, { connectTimeoutMs: each.connectTimeoutMs }))
const table = fc
  .record({ id: name, virtualHosts: fc.array(virtualHost) })
  .chain((each): fc.Arbitrary<RouteTable> => fc.constantFrom(each, { ...each, unknownHost: 'refuse' as const }))
const listener = fc.record({ id: name, port: fc.nat(2) }).map(({ id, port }) => ({ id, address: '127.0.0.1', port }))
const locality = fc.constantFrom(
  {},
  { locality: { region: 'r', zone: 'z', subzone: '' } },
  {
    locality: { region: 'r', zone: 'y', subzone: '' },
  },
)
/** Wrong ones too, with a name twice: a proxy must get what it refuses as it is. */
const snapshot = fc
  .record({
    sources: fc.array(fc.record({ group: name, kind: name, namespace: name, name, uid: name, generation: fc.nat(2) })),
    listeners: fc.array(listener.map((each) => ({ ...each, protocol: 'http' as const, routeTable: 't' }))),
    tcp: fc.array(listener.map((each) => ({ ...each, protocol: 'tcp' as const, routes: [] }))),
    routeTables: fc.array(table, { maxLength: 4 }),
    clusters: fc.array(anyCluster),
    locality,
  })
  .map(({ tcp, locality: where, ...rest }): Omit<RoutingSnapshot, 'generation'> => ({
    ...rest,
    ...where,
    ...(tcp.length === 0 ? {} : { tcpListeners: tcp }),
  }))

test('a chain of changes gives the same snapshots as sending each whole', () => {
  fc.assert(
    fc.property(fc.array(snapshot, { minLength: 2, maxLength: 6 }), (contents) => {
      const [first, ...others] = contents.map((each, index) => plain({ ...each, generation: index + 1 }))
      assert(first !== undefined)
      const receiver = new SnapshotReceiver()
      assert.deepEqual(receiveAll(receiver, wholeMessages(first, true)), first)
      let before = first
      for (const next of others) {
        assert.deepEqual(receiveAll(receiver, deltaMessages(before, next)), next)
        before = next
      }
    }),
  )
})

function many(count: number): RoutingSnapshot {
  const names = Array.from({ length: count }, (_, index) => `host-${index}`)
  return {
    generation: 1,
    sources: [],
    listeners: [{ id: 'l', address: '127.0.0.1', port: 0, protocol: 'http', routeTable: 'table' }],
    routeTables: [
      {
        id: 'table',
        virtualHosts: names.map((each) => ({ name: each, domains: [each], routes: [route(each, { [each]: 1 })] })),
      },
    ],
    clusters: names.map((each) => cluster(each, [1, 2, 3])),
  }
}

test('what did not change is the same object as before', () => {
  const first = many(20)
  const receiver = new SnapshotReceiver()
  const before = receiveAll(receiver, wholeMessages(first, true))
  const [gone, ...clusters] = first.clusters
  assert(gone !== undefined)
  // All objects are new to control, and equal: a file that was read again.
  const read = plain({ ...first, generation: 2 })
  const next = { ...read, clusters: [...clusters, cluster('new', [1])] }
  const after = receiveAll(receiver, deltaMessages(first, next))
  assert.equal(after.routeTables, before.routeTables)
  assert.equal(after.listeners, before.listeners)
  assert.deepEqual(after.clusters.slice(0, -1), clusters)
  for (const [index, each] of after.clusters.slice(0, -1).entries()) assert.equal(each, before.clusters[index + 1])
})

test('an endpoint that goes changes one cluster and no route, and costs its name', () => {
  const first = many(1_000)
  const receiver = new SnapshotReceiver()
  const before = receiveAll(receiver, wholeMessages(first, true))
  const less = { ...first, generation: 2, clusters: first.clusters.with(7, cluster('host-7', [1, 3])) }
  const messages = deltaMessages(first, less)
  const bytes = messages.reduce((sum, message) => sum + JSON.stringify(message).length, 0)
  assert(bytes < 200, `${bytes} bytes`)
  const after = receiveAll(receiver, messages)
  assert.deepEqual(after, less)
  assert.equal(after.routeTables, before.routeTables)
  const others = after.clusters.filter((each, index) => each !== before.clusters[index])
  assert.deepEqual(
    others.map((each) => each.name),
    ['host-7'],
  )
  assert.equal(others[0]?.endpoints[0], before.clusters[7]?.endpoints[0])
})

test('a large change goes in pieces', () => {
  const first = many(1_000)
  const receiver = new SnapshotReceiver()
  receiveAll(receiver, wholeMessages(first, true))
  const slower = first.clusters.map((each) => ({ ...each, connectTimeoutMs: 7 }))
  const next = { ...first, generation: 2, clusters: slower }
  const messages = deltaMessages(first, next)
  assert.deepEqual(
    messages.map(({ kind }) => kind),
    [...Array.from({ length: 5 }, () => 'delta-piece'), 'delta'],
  )
  assert.deepEqual(receiveAll(receiver, messages), next)
})

test('a change that was made for another snapshot is not applied, and only a whole one is taken then', () => {
  const [first, second, third] = [1, 2, 3].map((generation) => ({ ...many(generation), generation }))
  assert(first !== undefined && second !== undefined && third !== undefined)
  const receiver = new SnapshotReceiver()
  receiveAll(receiver, wholeMessages(first, true))
  const lost = { kind: 'lost' }
  assert.deepEqual(
    deltaMessages(second, third).map((message) => receiver.receive(message)),
    [lost],
  )
  assert.deepEqual(
    deltaMessages(first, third).map((message) => receiver.receive(message)),
    [lost],
  )
  assert.deepEqual(receiveAll(receiver, wholeMessages(third, true)), third)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { cluster, route, snapshotOf } from '../../../test/support/live-proxy.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import { SnapshotReceiver, wholeMessages } from './snapshot-messages.ts'

function sized(hosts: number, clusters: number): RoutingSnapshot {
  const small = snapshotOf(
    [],
    Array.from({ length: clusters }, (_, index) => cluster(`c${index}`, [1])),
  )
  const virtualHosts = Array.from({ length: hosts }, (_, index) => ({
    name: `h${index}`,
    domains: [`h${index}.test`],
    routes: [route(`r${index}`, { c0: 1 })],
  }))
  return {
    ...small,
    routeTables: [
      { id: 'empty', virtualHosts: [] },
      { id: 'table', virtualHosts },
    ],
  }
}

test('a large snapshot is the same again after its way in pieces, and so is the next, smaller one', () => {
  const receiver = new SnapshotReceiver()
  for (const snapshot of [sized(1_001, 1), sized(3, 2), sized(0, 450)]) {
    const received = wholeMessages(snapshot, true).map((message) => receiver.receive(message))
    assert.deepEqual(received.at(-1), { kind: 'snapshot', snapshot })
  }
  assert.equal(wholeMessages(sized(3, 2), true).length, 1)
  assert.equal(wholeMessages(sized(1_001, 1), true).length, 1 + 6 + 1)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { cluster, route, snapshotOf } from '../../../test/support/live-proxy.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import { cutSnapshot, SnapshotAssembly } from './snapshot-pieces.ts'

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
  const assembly = new SnapshotAssembly()
  for (const snapshot of [sized(1_001, 1), sized(3, 2), sized(0, 450)]) {
    const { pieces, rest } = cutSnapshot(snapshot)
    for (const piece of pieces) assembly.add(piece)
    assert.deepEqual(assembly.complete(rest), snapshot)
  }
  assert.deepEqual(cutSnapshot(sized(3, 2)).pieces, [])
  assert.equal(cutSnapshot(sized(1_001, 1)).pieces.length, 1 + 6)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { cluster } from '../../../test/support/live-proxy.ts'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { seededRandom } from '../../base/random.ts'
import { finish } from '../../base/steps.ts'
import type { Cluster } from '../../routing/cluster-model.ts'
import { ContinuityStore } from '../balance/continuity.ts'
import { HealthChecker } from '../health/health-checker.ts'
import { TlsContexts } from '../tls/tls-contexts.ts'
import { UpstreamPools } from '../upstream/pools.ts'
import type { ServingCluster } from './serving-cluster.ts'
import { ServingClusters } from './serving-clusters.ts'

class Lab {
  readonly pools = new UpstreamPools(() => {})
  readonly continuity = new ContinuityStore()
  readonly clusters: ServingClusters
  #generation = 0

  constructor() {
    const [clock, random, log] = [systemClock, seededRandom(1), silentLog]
    const health = new HealthChecker({ clock, random })
    const deps = {
      clock,
      random,
      log,
      health,
      pools: this.pools,
      tls: new TlsContexts(log),
      continuity: this.continuity,
    }
    this.clusters = new ServingClusters(deps)
  }

  /** Serves a snapshot with these clusters, of which routes reach some. */
  serve(clusters: readonly Cluster[], reached: readonly string[] = []): void {
    this.prepare(clusters, reached)
    this.pools.settle()
    for (const holdings of this.clusters.settle()) holdings.release()
    this.continuity.settle(this.clusters.names)
  }

  prepare(clusters: readonly Cluster[], reached: readonly string[] = []): readonly ServingCluster[] {
    const generation = ++this.#generation
    finish(this.clusters.begin({ generation, sources: [], listeners: [], routeTables: [], clusters }))
    return reached.map((name) => this.clusters.use(name))
  }

  portsOf(name: string): readonly number[] | undefined {
    return this.clusters.get(name)?.endpoints.map(({ pool }) => pool.port)
  }

  get endpoints(): readonly string[] {
    return this.pools.states(0).map(({ endpoint }) => endpoint)
  }
}

test('a cluster that no route reaches is not prepared, and stays prepared once one has', () => {
  const lab = new Lab()
  const [a, b] = [cluster('a', [1]), cluster('b', [2])]
  lab.serve([a, b], ['a'])
  assert.deepEqual([lab.portsOf('a'), lab.portsOf('b')], [[1], undefined])
  assert.deepEqual(lab.endpoints, ['127.0.0.1:1'])
  lab.serve([cluster('a', [1, 3]), b])
  assert.deepEqual(lab.portsOf('a'), [1, 3])
  lab.serve([b])
  assert.deepEqual([lab.portsOf('a'), lab.endpoints], [undefined, []])
})

test('a cluster that changes stays the same object, and is seen changed from the swap on', () => {
  const lab = new Lab()
  const other = cluster('b', [2])
  lab.serve([cluster('a', [1]), other], ['a', 'b'])
  const before = lab.clusters.get('a')
  const unchanged = lab.clusters.get('b')?.chooser
  lab.prepare([cluster('a', [3]), other])
  assert.deepEqual(lab.portsOf('a'), [1])
  lab.pools.settle()
  for (const holdings of lab.clusters.settle()) holdings.release()
  assert.deepEqual(lab.portsOf('a'), [3])
  assert.equal(lab.clusters.get('a'), before)
  assert.equal(lab.clusters.get('b')?.chooser, unchanged)
  assert.deepEqual(lab.endpoints, ['127.0.0.1:2', '127.0.0.1:3'])
})

test('a snapshot that is given up leaves nothing behind', () => {
  const lab = new Lab()
  lab.serve([cluster('a', [1])], ['a'])
  lab.prepare([cluster('a', [3]), cluster('b', [2])], ['a', 'b'])
  lab.clusters.abandon()
  assert.deepEqual([lab.portsOf('a'), lab.portsOf('b'), lab.endpoints], [[1], undefined, ['127.0.0.1:1']])
  lab.serve([cluster('a', [4]), cluster('b', [2])], ['a', 'b'])
  assert.deepEqual([lab.portsOf('a'), lab.portsOf('b')], [[4], [2]])
})

test('a cluster without endpoints follows those of the one that it falls back to', () => {
  const lab = new Lab()
  const [a, c] = [cluster('a', [], { fallback: 'b' }), cluster('c', [5])]
  lab.serve([a, cluster('b', [2]), c], ['a'])
  assert.deepEqual(lab.portsOf('a'), [2])
  lab.serve([a, cluster('b', [3]), c])
  assert.deepEqual(lab.portsOf('a'), [3])
  lab.serve([a, cluster('b', [], { fallback: 'c' }), c])
  assert.deepEqual(lab.portsOf('a'), [5])
  lab.serve([cluster('a', [6], { fallback: 'b' }), cluster('b', [3]), c])
  assert.deepEqual(lab.portsOf('a'), [6])
})

test('what a cluster remembers of its endpoints goes on while it is not reached and another one changes', () => {
  const lab = new Lab()
  const outlier = {
    consecutive5xx: 1,
    consecutiveGatewayErrors: 0,
    intervalMs: 10_000,
    baseEjectionMs: 60_000,
    maxEjectionMs: 60_000,
    ejectedShareMax: 0.5,
  }
  const a = cluster('a', [1, 2], { outlier })
  lab.serve([a, cluster('b', [3])], ['a', 'b'])
  lab.clusters.get('a')?.endpoints[0]?.outlier?.onFailure(0)
  const out = (): unknown => [...lab.continuity.ejected()]
  assert.deepEqual(out(), [['a', ['127.0.0.1:1']]])
  lab.serve([a, cluster('b', [4])], ['b'])
  assert.deepEqual(out(), [['a', ['127.0.0.1:1']]])
  lab.serve([cluster('a', [1, 2, 5], { outlier }), cluster('b', [4])], ['b'])
  assert.deepEqual(out(), [['a', ['127.0.0.1:1']]])
  lab.serve([cluster('b', [4])], ['b'])
  assert.deepEqual(out(), [])
})

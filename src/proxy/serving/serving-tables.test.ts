import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'
import { cluster, route } from '../../../test/support/live-proxy.ts'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { seededRandom } from '../../base/random.ts'
import { finish } from '../../base/steps.ts'
import { prepareRouteTable } from '../../routing/decide.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import type { RouteTable, VirtualHost } from '../../routing/route-model.ts'
import { ContinuityStore } from '../balance/continuity.ts'
import { ServingClusters } from '../cluster/serving-clusters.ts'
import { HealthChecker } from '../health/health-checker.ts'
import { TlsContexts } from '../tls/tls-contexts.ts'
import { UpstreamPools } from '../upstream/pools.ts'
import { ServingTables } from './serving-tables.ts'
import type { ServingTable } from './serving-tables.ts'

const CLUSTERS = ['a', 'b', 'c', 'd'].map((name, index) => cluster(name, [index + 1]))

class Lab {
  readonly continuity = new ContinuityStore()
  readonly tables: ServingTables
  readonly #clusters: ServingClusters

  constructor() {
    const shared = { clock: systemClock, random: seededRandom(1), log: silentLog, continuity: this.continuity }
    const surroundings = { pools: new UpstreamPools(() => {}), tls: new TlsContexts(silentLog) }
    this.#clusters = new ServingClusters({ ...shared, ...surroundings, health: new HealthChecker(shared) })
    this.tables = new ServingTables({ ...shared, clusters: this.#clusters })
  }

  prepare(routeTables: readonly RouteTable[], use: readonly string[]): readonly ServingTable[] {
    // Only what routes name, so clusters go and come back.
    const named = new Set(routeTables.flatMap(({ virtualHosts }) => virtualHosts.flatMap(clusterNames)))
    const clusters = CLUSTERS.filter(({ name }) => named.has(name))
    const snapshot: RoutingSnapshot = { generation: 1, sources: [], listeners: [], routeTables, clusters }
    finish(this.#clusters.begin(snapshot))
    this.tables.begin(snapshot)
    return use.map((id) => finish(this.tables.use(id)))
  }

  settle(): void {
    for (const holdings of [...this.#clusters.settle(), ...this.tables.settle()]) holdings.release()
    this.continuity.settle(this.#clusters.names)
  }

  abandon(): void {
    this.#clusters.abandon()
    this.tables.abandon()
    this.continuity.abandon()
  }

  isCurrent({ routes }: ServingTable): boolean {
    const destinations = routes.flatMap(({ forward }) => forward?.destinations ?? [])
    return destinations.every(
      (each) => each.kind === 'cluster' && this.#clusters.get(each.cluster.name) === each.cluster,
    )
  }

  get splits(): readonly string[] {
    return [...this.continuity.splits].map(([key]) => key).toSorted()
  }
}

function clusterNames({ routes }: VirtualHost): readonly string[] {
  return routes.flatMap(({ action }) =>
    action.kind === 'forward'
      ? action.destinations.flatMap((each) => (each.kind === 'cluster' ? [each.cluster] : []))
      : [],
  )
}

const host = (name: string, domain: string, weights: readonly Readonly<Record<string, number>>[]): VirtualHost => ({
  name,
  domains: [domain],
  routes: weights.map((each, index) => route(`${name}-${index}`, each)),
})

/** The same object wherever it stands: unchanged. */
const HOSTS = [
  host('one', 'one.test', [{ a: 1 }]),
  host('one', 'one.test', [{ a: 2, b: 1 }]),
  host('one', 'one.test', [{ a: 1 }, { b: 1 }]),
  host('two', 'two.test', [{ c: 1 }]),
  host('two', '*.two.test', [{ c: 1 }]),
  host('three', 'three.test', []),
  host('three', '*', [{ d: 1, a: 1 }]),
  host('four', 'one.test', [{ b: 1 }]),
]
const hosts = fc
  .shuffledSubarray(HOSTS)
  .map((some) => some.filter((each, at) => some.findIndex((other) => other.name === each.name) === at))
const step = fc.record({ first: hosts, second: hosts, usesSecond: fc.boolean(), isAbandoned: fc.boolean() })

test('whatever came before, a table is as if it had been prepared alone, and nothing of what is gone is kept', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) => {
      const lab = new Lab()
      for (const { first, second, usesSecond, isAbandoned } of steps) {
        const tables = [
          { id: 'first', virtualHosts: first },
          { id: 'second', virtualHosts: second },
        ]
        const used = tables.slice(0, usesSecond ? 2 : 1)
        const before = lab.splits
        const prepared = lab.prepare(
          tables,
          used.map(({ id }) => id),
        )
        if (isAbandoned) {
          lab.abandon()
          assert.deepEqual(lab.splits, before)
          continue
        }
        lab.settle()
        for (const [index, table] of used.entries()) assertAlike(prepared[index], table, lab)
        const alone = new Lab()
        alone.prepare(
          tables,
          used.map(({ id }) => id),
        )
        assert.deepEqual(lab.splits, alone.splits)
      }
    }),
    { numRuns: 300 },
  )
})

function assertAlike(prepared: ServingTable | undefined, source: RouteTable, lab: Lab): void {
  const alone = prepareRouteTable(source)
  assert(prepared !== undefined)
  const { exact, suffixes, any, firstRoutes, routes } = prepared.table
  assert.deepEqual([exact, suffixes, any, firstRoutes], [alone.exact, alone.suffixes, alone.any, alone.firstRoutes])
  assert.deepEqual(
    routes.map((each) => each.route),
    alone.routes.map((each) => each.route),
  )
  assert.deepEqual(
    prepared.table.tests.map((tests) => tests.map(({ text }) => text)),
    alone.tests.map((tests) => tests.map(({ text }) => text)),
  )
  assert.deepEqual(
    prepared.routes.map((each) => each.route),
    alone.routes.map((each) => each.route),
  )
  assert(lab.isCurrent(prepared))
}

test('a virtual host that did not change keeps its prepared routes, and a table that did not change is the same', () => {
  const lab = new Lab()
  const [one, other, , two] = HOSTS
  assert(one !== undefined && other !== undefined && two !== undefined)
  const table = { id: 'first', virtualHosts: [one, two] }
  const [before] = lab.prepare([table], ['first'])
  lab.settle()
  assert.equal(lab.prepare([table], ['first'])[0], before)
  lab.settle()
  const [after] = lab.prepare([{ id: 'first', virtualHosts: [other, two] }], ['first'])
  lab.settle()
  assert.notEqual(after?.routes[0], before?.routes[0])
  assert.equal(after?.routes[1], before?.routes[1])
  assert.equal(after?.table.exact, before?.table.exact)
})

test('two listeners with one table share it', () => {
  const lab = new Lab()
  const [first, second] = lab.prepare([{ id: 'first', virtualHosts: HOSTS.slice(0, 1) }], ['first', 'first'])
  assert.equal(first, second)
})

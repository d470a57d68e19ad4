import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { cluster } from '../../../test/support/live-proxy.ts'
import { silentLog } from '../../base/log.ts'
import { seededRandom } from '../../base/random.ts'
import type { Cluster, Endpoint } from '../../routing/cluster-model.ts'
import { DestinationCounters } from './destination-counters.ts'

import { prepareChooser } from '../balance/cluster-chooser.ts'
import { Holdings } from '../../base/holdings.ts'
import { ContinuityStore } from '../balance/continuity.ts'
import { EndpointPool } from '../upstream/endpoint-pool.ts'
import { pickEndpoint } from './pick-endpoint.ts'
import type { ServingEndpoint } from './serving-cluster.ts'

const HERE = { region: 'eu', zone: 'a', subzone: '' }
const DESTINATION = { service: '', workloadNamespace: '', workload: '', version: '' }

interface Member {
  readonly weight: number
  readonly zone: string
  readonly isHealthy: boolean
  readonly isEjected: boolean
  readonly isAvoided: boolean
  readonly isRetired: boolean
  readonly wasTried: boolean
  readonly isNew: boolean
}

const seldom = fc.integer({ min: 0, max: 3 }).map((drawn) => drawn === 0)
const member: fc.Arbitrary<Member> = fc.record({
  weight: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1_000_000 })),
  zone: fc.constantFrom('a', 'b', ''),
  isHealthy: fc.boolean(),
  isEjected: seldom,
  isAvoided: seldom,
  isRetired: seldom,
  wasTried: seldom,
  isNew: fc.boolean(),
})
const key = { kind: 'source-address' } as const
const slowStart = { windowMs: 1_000, aggression: 1, minWeightShare: 0 }
const settings: fc.Arbitrary<Partial<Cluster>> = fc
  .record({
    balance: fc.constantFrom<NonNullable<Cluster['balance']>>(
      { kind: 'round-robin' },
      { kind: 'random' },
      { kind: 'least-request' },
      { kind: 'ring-hash', key },
      { kind: 'maglev', key },
    ),
    preferLocal: fc.option(fc.constant({ overprovisioning: 1.4 }), { nil: undefined }),
    slow: fc.boolean(),
  })
  .map(({ balance, preferLocal, slow }) => ({
    balance,
    ...(preferLocal === undefined ? {} : { preferLocal }),
    ...(slow && !('key' in balance) && balance.kind !== 'random' ? { slowStart } : {}),
  }))

const NOW_MS = 10_000

function servingOf(members: readonly Member[], change: Partial<Cluster>) {
  const store = new ContinuityStore()
  const continuity = store.heldBy(new Holdings())
  const all = members.map((each, index) => {
    const at = { address: `10.0.0.${index}`, port: 80, tls: null, protocol: 'http1' } as const
    const pool = new EndpointPool(at, { onConnect: () => {}, onDrained: () => {} }, silentLog)
    if (each.isAvoided) pool.avoid(NOW_MS)
    if (each.isRetired) pool.retire()
    const endpoint: Endpoint = { ...at, weight: each.weight, locality: { ...HERE, zone: each.zone } }
    const outlier = { isEjected: each.isEjected, onStatus: () => {}, onFailure: () => {} }
    const counters = new DestinationCounters(DESTINATION)
    return { ...each, endpoint, pool, outlier, checked: { isHealthy: each.isHealthy }, counters }
  })
  const deps = { continuity, random: seededRandom(1), here: HERE, changes: () => 0 }
  const prepare = (some: typeof all) => {
    const chooser = prepareChooser({ ...cluster('v1', []), ...change }, some, deps)
    store.settle(new Set(['v1']))
    return chooser
  }
  prepare(all.filter(({ isNew }) => !isNew))
  const endpoints: readonly ServingEndpoint[] = all
  return { all, endpoints, chooser: prepare(all) }
}

test('whatever balances: one that is good is found if there is one, any other only where there is none', () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 8 }), settings, fc.nat(), (members, change, hash) => {
      const { all, endpoints, chooser } = servingOf(members, change)
      const tried = all.flatMap(({ pool, wasTried }) => (wasTried ? [pool] : []))
      for (let round = 0; round < 5; round++) {
        const found = pickEndpoint({ endpoints, chooser, again: chooser }, hash % 2 ** 32, NOW_MS, tried)
        const open = all.filter(({ isRetired, wasTried }) => !isRetired && !wasTried)
        const good = open.filter(({ isHealthy, isEjected, isAvoided }) => isHealthy && !isEjected && !isAvoided)
        const allowed = good.length > 0 ? good : open
        if (allowed.length === 0) assert.equal(found, undefined)
        else assert.ok(allowed.some(({ pool }) => pool === found?.pool))
      }
    }),
    { numRuns: 150 },
  )
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { Holdings } from '../../base/holdings.ts'
import { seededRandom } from '../../base/random.ts'
import type { Cluster, Locality } from '../../routing/cluster-model.ts'

import type { Chooser } from './chooser.ts'
import { prepareChooser } from './cluster-chooser.ts'
import type { Candidate } from './cluster-chooser.ts'
import { ContinuityStore } from './continuity.ts'

const HERE: Locality = { region: 'eu', zone: 'a', subzone: '' }
const ZONES: readonly Locality[] = [HERE, { ...HERE, zone: 'b' }, { ...HERE, region: 'us' }]
const slowStart = { windowMs: 10_000, aggression: 1, minWeightShare: 0.1 }
const preferLocal = { overprovisioning: 1.4 }

type Settings = Omit<Cluster, 'name' | 'service' | 'endpoints' | 'connectTimeoutMs'>

interface Member {
  readonly weight?: number
  readonly locality?: Locality
  readonly checked?: { isHealthy: boolean }
}

class Lab {
  readonly continuity = new ContinuityStore()
  #held = new Holdings()
  changes = 0
  readonly #random = seededRandom(3)

  /** As a snapshot that has this cluster only. */
  prepare(settings: Settings, members: readonly Member[]): Chooser {
    const candidates = members.map(({ weight = 1, locality, checked }, index): Candidate => {
      const name = `10.0.0.${index}:80`
      const endpoint = { address: `10.0.0.${index}`, port: 80, weight, ...(locality === undefined ? {} : { locality }) }
      return { endpoint, pool: { endpoint: name, active: 0 }, outlier: null, checked: checked ?? null }
    })
    const before = this.#held
    this.#held = new Holdings()
    const deps = {
      continuity: this.continuity.heldBy(this.#held),
      random: this.#random,
      here: HERE,
      changes: () => this.changes,
    }
    const chooser = prepareChooser({ name: 'v1', ...settings }, candidates, deps)
    this.continuity.settle(new Set(['v1']))
    before.release()
    return chooser
  }
}

function sharesOf(chooser: Chooser, count: number, picks: number): number[] {
  const counts = Array.from({ length: count }, () => 0)
  for (let pick = 0; pick < picks; pick++) {
    const picked = chooser.choose(0, 0)
    counts[picked] = (counts[picked] ?? 0) + 1
  }
  return counts
}

/** So many in our zone, in our region, elsewhere. */
function membersAt(counts: readonly number[], checked: readonly { isHealthy: boolean }[] = []): Member[] {
  const members = counts.flatMap((count, level) =>
    Array.from({ length: count }, (): Member => ({ locality: ZONES[level] ?? HERE })),
  )
  return members.map((member, index) => {
    const state = checked[index]
    return state === undefined ? member : { ...member, checked: state }
  })
}

describe('slow start', () => {
  test('round robin follows the weights exactly while an endpoint starts', () => {
    const lab = new Lab()
    lab.prepare({ slowStart }, [{}, {}, {}])
    const chooser = lab.prepare({ slowStart }, [{}, {}, {}, {}])
    assert.deepEqual(sharesOf(chooser, 4, 310), [100, 100, 100, 10])
    lab.continuity.sweep(1_000)
    lab.continuity.sweep(6_000)
    assert.deepEqual(sharesOf(chooser, 4, 350), [100, 100, 100, 50])
    lab.continuity.sweep(11_000)
    assert.deepEqual(sharesOf(chooser, 4, 400), [100, 100, 100, 100])
  })

  test('the endpoints of the first snapshot get everything at once', () => {
    const chooser = new Lab().prepare({ slowStart }, [{ weight: 3 }, { weight: 1 }])
    assert.deepEqual(sharesOf(chooser, 2, 40), [30, 10])
  })

  test('endpoints that are all new get their weights, also when the least share is 0', () => {
    const lab = new Lab()
    lab.continuity.settle(new Set())
    const chooser = lab.prepare({ slowStart: { ...slowStart, minWeightShare: 0 } }, [{ weight: 3 }, { weight: 1 }])
    assert.deepEqual(sharesOf(chooser, 2, 40), [30, 10])
  })

  test('least request draws and compares by the weight of the time', () => {
    const lab = new Lab()
    const settings: Settings = { slowStart, balance: { kind: 'least-request' } }
    lab.prepare(settings, [{}])
    const chooser = lab.prepare(settings, [{}, {}])
    lab.continuity.sweep(1_000)
    const [, starting = 0] = sharesOf(chooser, 2, 2_200)
    // With equal load, what is drawn first: 0.1 of 1.1.
    assert.ok(starting > 140 && starting < 260, String(starting))
    lab.continuity.sweep(20_000)
    const [, warm = 0] = sharesOf(chooser, 2, 2_000)
    assert.ok(warm > 900 && warm < 1_100, String(warm))
  })

  test('in the long run all get their weights, whoever started when', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(
        weights,
        fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 1, maxLength: 5 }),
        (all, steps) => {
          const lab = new Lab()
          const members = all.map((weight) => ({ weight }))
          lab.prepare({ slowStart }, members.slice(0, 1))
          let nowMs = 0
          let chooser = lab.prepare({ slowStart }, members.slice(0, 1))
          for (const [index] of members.entries()) {
            chooser = lab.prepare({ slowStart }, members.slice(0, index + 1))
            lab.continuity.sweep((nowMs += steps[index % steps.length] ?? 0))
            sharesOf(chooser, all.length, 7)
          }
          lab.continuity.sweep(nowMs + 1_000)
          lab.continuity.sweep(nowMs + 20_000)
          const sum = all.reduce((total, weight) => total + weight, 0)
          const counts = sharesOf(chooser, all.length, sum * 20)
          for (const [index, weight] of all.entries()) assert.ok(Math.abs((counts[index] ?? 0) - weight * 20) < 1)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('near endpoints first', () => {
  test('the nearest get everything, in turn', () => {
    const chooser = new Lab().prepare({ preferLocal }, membersAt([2, 2, 2]))
    assert.deepEqual(sharesOf(chooser, 6, 100), [50, 50, 0, 0, 0, 0])
  })

  test('where all are far, they get everything', () => {
    const chooser = new Lab().prepare({ preferLocal }, membersAt([0, 0, 2]))
    assert.deepEqual(sharesOf(chooser, 2, 100), [50, 50])
  })

  test('what the nearest cannot take goes to the next nearest, exactly, as soon as their health changes', () => {
    const lab = new Lab()
    const health = Array.from({ length: 14 }, () => ({ isHealthy: true }))
    const chooser = lab.prepare({ preferLocal }, membersAt([10, 2, 2], health))
    const byLevel = (): number[] => {
      const counts = sharesOf(chooser, 14, 100)
      const sum = (from: number, to: number): number => counts.slice(from, to).reduce((so, each) => so + each, 0)
      return [sum(0, 10), sum(10, 12), sum(12, 14)]
    }
    assert.deepEqual(byLevel(), [100, 0, 0])
    for (const host of health.slice(0, 5)) host.isHealthy = false
    lab.changes++
    assert.deepEqual(byLevel(), [70, 30, 0])
    for (const host of health.slice(10, 12)) host.isHealthy = false
    lab.changes++
    assert.deepEqual(byLevel(), [70, 0, 30])
    for (const host of health) host.isHealthy = true
    lab.changes++
    assert.deepEqual(byLevel(), [100, 0, 0])
  })

  test('every endpoint is proposed before a request gives up, those of the chosen distance first', () => {
    const chooser = new Lab().prepare({ preferLocal }, membersAt([3, 2, 2]))
    const proposed = Array.from({ length: chooser.steps }, (_, step) => chooser.choose(0, step))
    assert.deepEqual(new Set(proposed.slice(0, 9)), new Set([0, 1, 2]))
    assert.deepEqual(new Set(proposed), new Set([0, 1, 2, 3, 4, 5, 6]))
  })

  test('a key keeps its distance, and its endpoint in it', () => {
    const lab = new Lab()
    const health = Array.from({ length: 6 }, (_, index) => ({ isHealthy: index > 0 }))
    const key = { kind: 'source-address' } as const
    const settings: Settings = { preferLocal, balance: { kind: 'maglev', key } }
    const chooser = lab.prepare(settings, membersAt([2, 4], health))
    const random = seededRandom(5)
    let near = 0
    for (let index = 0; index < 2_000; index++) {
      const hash = Math.floor(random() * 2 ** 32)
      const first = chooser.choose(hash, 0)
      assert.equal(chooser.choose(hash, 0), first)
      if (first < 2) near++
    }
    assert.ok(near > 1_300 && near < 1_500, String(near))
  })

  test('slow start goes on within a distance', () => {
    const lab = new Lab()
    lab.prepare({ preferLocal, slowStart }, membersAt([1, 1]))
    const chooser = lab.prepare({ preferLocal, slowStart }, [...membersAt([1, 1]), ...membersAt([1])])
    assert.deepEqual(sharesOf(chooser, 3, 110), [100, 0, 10])
  })
})

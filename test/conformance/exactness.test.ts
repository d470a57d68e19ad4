/** Splits through a live proxy: after every single request each destination has had its share to within less than one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Cluster } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import { RawClient, cluster, route, saying, snapshotOf, startBackend, startProxy } from '../support/live-proxy.ts'

const DESTINATIONS = Array.from({ length: 10 }, (_, index) => `d${index}`)
const REQUESTS = 400
/** Sent together; in between, snapshots come that leave the weights as they are. */
const BATCH = 50
const WEIGHTS_RUNS = 8

const weight = fc.integer({ min: 0, max: 6 }).chain((power) => fc.integer({ min: 0, max: 10 ** power }))
const weights = fc.array(weight, { minLength: 2, maxLength: DESTINATIONS.length })

test('through a live proxy every prefix is within one request of the shares, whatever comes between', async (t) => {
  const clusters = await Promise.all(
    DESTINATIONS.map(async (name) => cluster(name, [(await startBackend(t, saying(`${name};`))).port])),
  )
  const live = await startProxy(t, snapshotOf([], clusters))
  const client = new RawClient(t, live.port)
  let run = 0
  await fc.assert(
    fc.asyncProperty(weights, async (drawn) => {
      fc.pre(drawn.some((each) => each > 0))
      // Another split each time: one of the same weights would go on where it was.
      const id = `run-${run++}`
      const seen: string[] = []
      for (let sent = 0; sent < REQUESTS; sent += BATCH) {
        await live.apply(splitting(id, drawn, clusters))
        client.clear()
        client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(BATCH))
        const text = await client.until((received) => countOf(received) === BATCH)
        seen.push(...(text.match(/d[0-9];/g) ?? []))
      }
      assertExact(seen, drawn)
    }),
    // Shrinking would send too many requests.
    { numRuns: WEIGHTS_RUNS, seed: 7, endOnFailure: true },
  )
})

function splitting(id: string, drawn: readonly number[], clusters: readonly Cluster[]): RoutingSnapshot {
  return snapshotOf([route(id, Object.fromEntries(drawn.map((each, index) => [`d${index}`, each])))], clusters)
}

function countOf(text: string): number {
  return text.match(/d[0-9];/g)?.length ?? 0
}

function assertExact(seen: readonly string[], drawn: readonly number[]): void {
  const sum = drawn.reduce((total, each) => total + each, 0)
  const counts = drawn.map(() => 0)
  for (const [index, name] of seen.entries()) {
    const picked = Number(name[1])
    counts[picked] = (counts[picked] ?? 0) + 1
    for (const [destination, each] of drawn.entries()) {
      const difference = Math.abs((counts[destination] ?? 0) - ((index + 1) * each) / sum)
      assert.ok(difference < 1, `d${destination} after ${index + 1} of ${drawn.join(':')}: off by ${difference}`)
    }
  }
}

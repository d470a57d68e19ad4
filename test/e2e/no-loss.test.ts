/** A thousand changes of everything under constant load: no request is lost, and none follows what was before. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { untilWatched } from '../../src/base/watched.ts'
import { untilEndpointDrained } from '../../src/proxy/control-link.ts'
import { ChangingWorld } from '../support/changing-world.ts'
import { startKeptLoad } from '../support/kept-load.ts'
import type { LoadAnswer, LoadRequest } from '../support/kept-load.ts'
import { startLinkedProxy } from '../support/linked-proxy.ts'

const SNAPSHOTS = 1_000
const CONNECTIONS = 8
/** Connections whose answers are held back over some snapshots. */
const SLOW_CONNECTIONS = 2
/** Requests that must be sent and answered before the next change. */
const REQUESTS_BETWEEN = 6
const HELD_SNAPSHOTS = 5
const REFUSED_EVERY = 50
const PATHS = ['/', '/x', '/x/y', '/x/y/z/1', '/w', '/w/v?a=b', '/other']
const SMALL = 'small'
const LARGE = 'large '.repeat(20_000)
/** An event that never comes is a failure, not a test that hangs. */
const options = {
  timeout: 90_000,
  skip: process.platform !== 'linux' && 'every endpoint has a loopback address of its own',
}

/** GET, POST with a length and in chunks, by turns; small bodies, now and then a large one. */
function nextRequest(sequence: number, connection: number): LoadRequest {
  const path = PATHS[sequence % PATHS.length] ?? '/'
  const headers = connection < SLOW_CONNECTIONS ? { headers: { 'x-held': '1' } } : {}
  const body = sequence % 40 === 0 ? LARGE : SMALL
  if (sequence % 3 === 0) return { path, ...headers }
  return { path, method: 'POST', body, chunks: sequence % 3 === 1 ? 0 : 3, ...headers }
}

test(
  'a thousand snapshots under load: no request fails, and none is on a stale route after the acknowledgement',
  options,
  async (t) => {
    const world = await ChangingWorld.start(seededRandom(4))
    t.after(() => world.stop())
    const first = world.snapshot()
    const proxy = await startLinkedProxy(t, first)
    let acknowledged = first.generation
    let published = first.generation
    const acknowledgedAt: number[] = []
    const wrong: unknown[] = []
    const onAnswer = (answer: LoadAnswer): void => {
      try {
        world.judge(answer, acknowledgedAt[answer.sequence] ?? 0, published)
      } catch (error) {
        wrong.push(error)
      }
    }
    const next = (sequence: number, connection: number): LoadRequest => {
      acknowledgedAt[sequence] = acknowledged
      return nextRequest(sequence, connection)
    }
    const load = startKeptLoad({ port: proxy.port, connections: CONNECTIONS, next, onAnswer })
    const closing: Promise<void>[] = []

    for (let index = 1; index <= SNAPSHOTS; index++) {
      const pod = await world.next()
      const snapshot = world.snapshot()
      published = snapshot.generation
      await proxy.publish(snapshot)
      acknowledged = snapshot.generation
      if (pod !== undefined) {
        closing.push(untilEndpointDrained(proxy.link, pod.address, t.signal).then(() => pod.close()))
      }
      if (index % REFUSED_EVERY === 0) {
        const broken = world.broken()
        published = broken.generation
        proxy.link.publish(broken)
        await untilWatched(proxy.link.state, ({ proxies }) => proxies[0]?.refused?.generation === broken.generation)
      }
      if (index % HELD_SNAPSHOTS === 0) world.release()
      await load.more(REQUESTS_BETWEEN)
      if (wrong.length > 0) break
    }
    world.release()
    const stopped = load.stop()
    while (load.underWay > 0) {
      world.release()
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    await stopped
    assert.deepEqual(wrong.slice(0, 3), [])
    await Promise.all(closing)
    assert.ok(load.sent > SNAPSHOTS * REQUESTS_BETWEEN)
    assert.equal(load.broken, 0, 'no connection of a client was closed')
    assert.equal(
      [...world.made.values()].every((count) => count > 50),
      true,
      JSON.stringify([...world.made]),
    )
    t.diagnostic(`${load.sent} requests, ${closing.length} endpoints left, ${JSON.stringify([...world.made])}`)
  },
)

/** A thousand changes of everything under constant load: no request is lost, and none follows what was before. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { untilWatched } from '../../src/base/watched.ts'
import { untilEndpointDrained } from '../../src/proxy/control-link.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import { ChangingWorld } from '../support/changing-world.ts'
import { startKeptLoad } from '../support/kept-load.ts'
import type { KeptLoad, LoadAnswer, LoadRequest } from '../support/kept-load.ts'
import { startLinkedProxy } from '../support/linked-proxy.ts'
import type { LinkedProxy } from '../support/linked-proxy.ts'
import { eventually } from '../support/live-proxy.ts'

const SNAPSHOTS = 1_000
const CONNECTIONS = 6
/** Connections whose answers are held back over some snapshots. */
const SLOW_CONNECTIONS = 2
/** Requests under way on one HTTP/2 connection. */
const STREAMS = 6
/** Requests of either protocol that must be sent and answered before the next change. */
const REQUESTS_BETWEEN = 4
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

/** What the proxy is known to serve at least, and at most. */
interface Marks {
  acknowledged: number
  published: number
}

interface Judged {
  readonly loads: readonly KeptLoad[]
  /** What was wrong with answers. */
  readonly wrong: readonly unknown[]
}

function startJudgedLoads(world: ChangingWorld, marks: Marks, port: number): Judged {
  const wrong: unknown[] = []
  const start = (connections: number, isHttp2: boolean): KeptLoad => {
    const acknowledgedAt: number[] = []
    const onAnswer = (answer: LoadAnswer): void => {
      try {
        world.judge(answer, acknowledgedAt[answer.sequence] ?? 0, marks.published)
      } catch (error) {
        wrong.push(error)
      }
    }
    const next = (sequence: number, connection: number): LoadRequest => {
      acknowledgedAt[sequence] = marks.acknowledged
      return nextRequest(sequence, connection)
    }
    return startKeptLoad({ port, connections, next, onAnswer, isHttp2 })
  }
  return { loads: [start(CONNECTIONS, false), start(STREAMS, true)], wrong }
}

test(
  'a thousand snapshots under load: no request fails, and none is on a stale route after the acknowledgement',
  options,
  async (t) => {
    const world = await ChangingWorld.start(seededRandom(4))
    t.after(() => world.stop())
    const first = world.snapshot()
    const proxy = await startLinkedProxy(t, first)
    const marks: Marks = { acknowledged: first.generation, published: first.generation }
    const { loads, wrong } = startJudgedLoads(world, marks, proxy.port)
    const closing: Promise<void>[] = []

    for (let index = 1; index <= SNAPSHOTS && wrong.length === 0; index++) {
      const pod = await world.next()
      const snapshot = world.snapshot()
      marks.published = snapshot.generation
      await proxy.publish(snapshot)
      marks.acknowledged = snapshot.generation
      if (pod !== undefined) {
        closing.push(untilEndpointDrained(proxy.link, pod.address, t.signal).then(() => pod.close()))
      }
      if (index % REFUSED_EVERY === 0) await refuse(proxy, world.broken(), marks)
      if (index % HELD_SNAPSHOTS === 0) world.release()
      await Promise.all(loads.map((load) => load.more(REQUESTS_BETWEEN)))
    }
    const stopped = Promise.all(loads.map((load) => load.stop()))
    await eventually(() => {
      world.release()
      return loads.every(({ underWay }) => underWay === 0)
    })
    await stopped
    assert.deepEqual(wrong.slice(0, 3), [])
    await Promise.all(closing)
    for (const { sent, broken } of loads) {
      assert.ok(sent > SNAPSHOTS * REQUESTS_BETWEEN)
      assert.equal(broken, 0, 'no connection of a client was closed')
    }
    const made = JSON.stringify([...world.made])
    assert.ok(
      [...world.made.values()].every((count) => count > 50),
      made,
    )
    t.diagnostic(`${loads.map(({ sent }) => sent).join(' and ')} requests, ${closing.length} endpoints left, ${made}`)
  },
)

/** A snapshot that is not taken over changes nothing. */
async function refuse({ link }: LinkedProxy, broken: RoutingSnapshot, marks: Marks): Promise<void> {
  marks.published = broken.generation
  link.publish(broken)
  await untilWatched(link.state, ({ proxies }) => proxies[0]?.refused?.generation === broken.generation)
}

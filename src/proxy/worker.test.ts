import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { untilWatched } from '../base/watched.ts'
import { FakeClock } from '../../test/support/fake-clock.ts'
import {
  RawClient,
  eventually,
  everyRequest,
  fetchFrom,
  forwardingTo,
  route,
  saying,
  snapshotOf,
  startBackend,
} from '../../test/support/live-proxy.ts'
import { liveGeneration } from '../routing/data-plane.ts'
import type { DataPlaneState } from '../routing/data-plane.ts'
import type { TrafficReport } from '../telemetry/report.ts'
import { startControlLink, untilEndpointDrained } from './control-link.ts'
import type { ControlLink } from './control-link.ts'
import { readMessages, sendMessage } from './link-protocol.ts'
import type { FromProxy, ToProxy } from './link-protocol.ts'
import { runProxyWorker } from './worker.ts'

async function socketIn(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-link-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'run', 'proxy.sock')
}

interface Control {
  readonly link: ControlLink
  readonly reports: TrafficReport[]
  /** Ends control as a crash would: connections drop, nothing is said. */
  kill(): Promise<void>
}

async function startControl(t: TestContext, socketPath: string, expected = 1): Promise<Control> {
  const reports: TrafficReport[] = []
  const end = new AbortController()
  const link = await startControlLink({
    socketPath,
    expected,
    clock: systemClock,
    log: silentLog,
    onReport: (report) => reports.push(report),
    signal: end.signal,
  })
  const kill = (): Promise<void> => {
    end.abort()
    return link.closed
  }
  t.after(kill)
  return { link, reports, kill }
}

function startWorker(
  t: TestContext,
  socketPath: string,
  { id = 'proxy-0', clock }: { readonly id?: string; readonly clock?: FakeClock } = {},
): { stop(): Promise<void>; readonly ended: Promise<void> } {
  const end = new AbortController()
  const time = clock === undefined ? { clock: systemClock } : { clock, monotonicMs: () => clock.now() }
  const options = { ...time, random: seededRandom(1), log: silentLog, signal: end.signal }
  const ended = runProxyWorker({ socketPath, id, ...options })
  const stop = (): Promise<void> => {
    end.abort()
    return ended
  }
  t.after(stop)
  return { stop, ended }
}

const untilLive = (link: ControlLink, generation: number): Promise<DataPlaneState> =>
  untilWatched(link.state, (state) => liveGeneration(state) === generation)

const portOf = (link: ControlLink): number => link.state.value.proxies[0]?.listeners[0]?.port ?? 0

test('a proxy acknowledges a snapshot once it serves it, and says where it listens', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await startControl(t, socketPath)
  assert.equal((await stat(socketPath)).mode & 0o777, 0o600)
  startWorker(t, socketPath)
  const snapshot = forwardingTo(backend.port)
  link.publish(snapshot)
  await untilLive(link, snapshot.generation)
  assert.equal((await fetchFrom(portOf(link))).body, 'v1')
})

test('a proxy serves on while control is gone, and acknowledges again when a new one comes', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const before = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const snapshot = { ...forwardingTo(backend.port), generation: 40 }
  before.link.publish(snapshot)
  await untilLive(before.link, 40)
  const port = portOf(before.link)
  await before.kill()
  assert.equal((await fetchFrom(port)).body, 'v1')
  const after = await startControl(t, socketPath)
  await untilWatched(after.link.state, ({ proxies }) => proxies[0]?.connected === true)
  assert.equal(liveGeneration(after.link.state.value), null, 'what the control before published does not count')
  after.link.publish({ ...snapshot, generation: 1 })
  await untilLive(after.link, 1)
  assert.equal(portOf(after.link), port)
  assert.equal((await fetchFrom(port)).body, 'v1')
})

test('a snapshot that is refused is reported with its reason, and the one before stays acknowledged', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const good = forwardingTo(backend.port)
  link.publish(good)
  await untilLive(link, good.generation)
  const bad = snapshotOf([route('r', { missing: 1 })], [])
  link.publish(bad)
  const { proxies } = await untilWatched(link.state, (state) => state.proxies[0]?.refused !== undefined)
  assert.equal(proxies[0]?.refused?.generation, bad.generation)
  assert.match(proxies[0]?.refused?.reason ?? '', /there is no cluster "missing"/)
  assert.equal(proxies[0]?.acknowledged, good.generation)
  assert.equal((await fetchFrom(portOf(link))).body, 'v1')
  const better = forwardingTo(backend.port)
  link.publish(better)
  const healed = await untilLive(link, better.generation)
  assert.equal(healed.proxies[0]?.refused, undefined)
})

test('a snapshot that is too large to be sent is refused, and the link holds', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const good = forwardingTo(backend.port)
  link.publish(good)
  await untilLive(link, good.generation)
  const body = Buffer.alloc(64 * 1024 * 1024, 'x').toString('latin1')
  const large = snapshotOf([{ ...route('r', {}), action: { kind: 'respond', status: 200, body, headers: [] } }], [])
  link.publish(large)
  const { proxies } = await untilWatched(link.state, (state) => state.proxies[0]?.refused !== undefined)
  assert.equal(proxies[0]?.refused?.generation, large.generation)
  assert.match(proxies[0]?.refused?.reason ?? '', /larger than 64 MB; divide/)
  assert.deepEqual([proxies[0]?.connected, proxies[0]?.acknowledged], [true, good.generation])
  const better = forwardingTo(backend.port)
  link.publish(better)
  await untilLive(link, better.generation)
})

test('of snapshots that come faster than they can be applied the last one is served', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await startControl(t, socketPath)
  startWorker(t, socketPath)
  await untilWatched(link.state, ({ proxies }) => proxies.length === 1)
  const snapshots = Array.from({ length: 200 }, () => forwardingTo(backend.port))
  for (const snapshot of snapshots) link.publish(snapshot)
  await untilLive(link, snapshots.at(-1)?.generation ?? 0)
})

test('an address is drained when the proxies have left it and its last request is over', async (t) => {
  const socketPath = await socketIn(t)
  const finish = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const old = await startBackend(t, (_request, response) => {
    arrived.resolve()
    void finish.promise.then(() => response.end('old'))
  })
  const { link } = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const snapshot = forwardingTo(old.port)
  link.publish(snapshot)
  await untilLive(link, snapshot.generation)
  const reply = fetchFrom(portOf(link))
  await arrived.promise
  let isDrained = false
  const drained = untilEndpointDrained(link, '127.0.0.1', AbortSignal.timeout(10_000)).then(() => (isDrained = true))
  const without = snapshotOf([], [])
  link.publish(without)
  await untilLive(link, without.generation)
  assert.equal(isDrained, false)
  finish.resolve()
  assert.equal((await reply).body, 'old')
  await drained
})

test('waiting for an address to be drained can be given up', async (t) => {
  const { link } = await startControl(t, await socketIn(t))
  const end = new AbortController()
  const waiting = untilEndpointDrained(link, '127.0.0.1', end.signal)
  end.abort(new Error('enough'))
  await assert.rejects(waiting, /enough/)
})

test('a worker that ends sends its last counts', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const { link, reports } = await startControl(t, socketPath)
  const worker = startWorker(t, socketPath)
  const snapshot = forwardingTo(backend.port)
  link.publish(snapshot)
  await untilLive(link, snapshot.generation)
  for (let index = 0; index < 7; index++) await fetchFrom(portOf(link))
  await worker.stop()
  await untilWatched(link.state, ({ proxies }) => proxies[0]?.connected === false)
  assert.deepEqual(
    reports.at(-1)?.series.map(({ labels, requests }) => [labels.workload, labels.status, requests]),
    [['v1', 200, 7]],
  )
})

test('a refused snapshot does not make the next change wrong', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const first = forwardingTo(backend.port)
  link.publish(first)
  await untilLive(link, first.generation)
  const bad = snapshotOf([route('all', { v1: 1 }), route('more', { missing: 1 })], first.clusters)
  link.publish(bad)
  await untilWatched(link.state, ({ proxies }) => proxies[0]?.refused?.generation === bad.generation)
  // Only what was wrong is changed: the rest of what is served then was in the refused snapshot.
  const [table] = bad.routeTables
  const [host] = table?.virtualHosts ?? []
  assert(table !== undefined && host !== undefined)
  const answer = { kind: 'respond', status: 299, body: 'more', headers: [] } as const
  const more = { ...route('more', {}), action: answer, match: { ...everyRequest, methods: ['PUT'] } }
  const next = {
    ...bad,
    generation: bad.generation + 1,
    routeTables: [{ ...table, virtualHosts: [{ ...host, routes: [more, ...host.routes.slice(0, 1)] }] }],
  }
  link.publish(next)
  await untilLive(link, next.generation)
  assert.equal((await fetchFrom(portOf(link))).body, 'v1')
  assert.equal((await fetchFrom(portOf(link), { method: 'PUT' })).body, 'more')
})

test('a proxy gets what changed, one of an older release the whole each time, one that has lost track too', async (t) => {
  const socketPath = await socketIn(t)
  const control = await startControl(t, socketPath, 2)
  const connected = (id: string): Promise<DataPlaneState> =>
    untilWatched(control.link.state, ({ proxies }) => proxies.some((proxy) => proxy.id === id))
  const [older, newer] = [anyProxy(t, socketPath), anyProxy(t, socketPath)]
  older.say({ kind: 'hello', id: 'older', pid: 1, startedAtMs: 1, pieces: true })
  newer.say({ kind: 'hello', id: 'newer', pid: 2, startedAtMs: 1, pieces: true, deltas: true })
  await Promise.all([connected('older'), connected('newer')])
  const first = forwardingTo(1)
  control.link.publish(first)
  control.link.publish({ ...first, generation: first.generation + 1 })
  await eventually(() => older.told.length === 2 && newer.told.length === 2)
  assert.deepEqual(older.told, ['snapshot', 'snapshot'])
  assert.deepEqual(newer.told, ['snapshot', 'delta'])
  newer.say({ kind: 'lost-track' })
  await eventually(() => newer.told.length === 3)
  assert.equal(newer.told[2], 'snapshot')
  // On a new connection nothing is known.
  newer.end()
  const again = anyProxy(t, socketPath)
  again.say({ kind: 'hello', id: 'newer', pid: 2, startedAtMs: 1, pieces: true, deltas: true })
  await eventually(() => again.told.length === 1)
  assert.deepEqual(again.told, ['snapshot'])
})

/** Somebody who has connected to control, and what kinds of messages came. */
function anyProxy(
  t: TestContext,
  socketPath: string,
): { readonly told: readonly string[]; say(message: FromProxy): void; end(): void } {
  const socket = connect(socketPath)
  t.after(() => socket.destroy())
  const told: string[] = []
  readMessages<ToProxy>(socket, { onMessage: ({ kind }) => told.push(kind), onBroken: () => {} })
  return { told, say: (message) => void sendMessage(socket, message), end: () => socket.destroy() }
}

/** Another process under the first one's name, as far as the link can tell. */
function secondProcess(
  t: TestContext,
  socketPath: string,
  startedAtMs = Date.now() + 1_000,
  startedUptimeMs?: number,
): { readonly told: readonly string[]; say(message: FromProxy): void; end(): void } {
  const socket = connect(socketPath)
  t.after(() => socket.destroy())
  const told: string[] = []
  const say = (message: FromProxy): void => {
    sendMessage(socket, message)
  }
  const onMessage = ({ kind }: ToProxy): void => {
    told.push(kind)
    if (kind === 'describe') say({ kind: 'description', description: { pools: [], clusters: [] } })
  }
  readMessages<ToProxy>(socket, { onMessage, onBroken: () => {} })
  const uptime = startedUptimeMs === undefined ? {} : { startedUptimeMs }
  say({ kind: 'hello', id: 'proxy-0', pid: 1, startedAtMs, ...uptime })
  return { told, say, end: () => socket.destroy() }
}

const stateOf = ({ link }: Control): unknown =>
  link.state.value.proxies.map(({ id, connected, acknowledged }) => [id, connected, acknowledged])

test('a second process of the same name takes the place once it serves the same, and the first one ends', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const control = await startControl(t, socketPath)
  const first = startWorker(t, socketPath)
  const snapshot = forwardingTo(backend.port)
  control.link.publish(snapshot)
  await untilLive(control.link, snapshot.generation)
  const port = portOf(control.link)
  const second = secondProcess(t, socketPath)
  const { generation } = snapshot
  const inTheWay = { id: 'gateway-http', address: '127.0.0.1', port, error: 'EADDRINUSE' }
  second.say({ kind: 'ack', generation, listeners: [inTheWay], draining: [] })
  const next = forwardingTo(backend.port)
  control.link.publish(next)
  await untilLive(control.link, next.generation)
  assert.equal((await fetchFrom(port)).body, 'v1', 'who cannot listen takes over nothing')
  const { error: _, ...bound } = inTheWay
  second.say({ kind: 'ack', generation, listeners: [bound], draining: [] })
  const newest = forwardingTo(backend.port)
  control.link.publish(newest)
  await untilLive(control.link, newest.generation)
  assert.deepEqual(stateOf(control), [['proxy-0', true, newest.generation]], 'nor who serves what is older')
  second.say({ kind: 'ack', generation: newest.generation, listeners: [bound], draining: [] })
  await first.ended
  assert.deepEqual(stateOf(control), [['proxy-0', true, newest.generation]])
})

test('an older process that connects last does not take the place of the newer one', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const control = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const early = secondProcess(t, socketPath, 1)
  const snapshot = forwardingTo(backend.port)
  await eventually(() => control.link.state.value.proxies.length > 0)
  early.say({ kind: 'standing', listeners: [], draining: [] })
  control.link.publish(snapshot)
  early.say({ kind: 'ack', generation: snapshot.generation, listeners: [], draining: [] })
  await untilWatched(control.link.state, ({ proxies }) => proxies[0]?.listeners[0]?.port !== undefined)
  await eventually(() => early.told.includes('stop'))
  const late = secondProcess(t, socketPath, 2)
  await eventually(() => late.told.includes('stop'))
  assert.deepEqual(stateOf(control), [['proxy-0', true, snapshot.generation]])
})

test('a process that starts after the wall clock was set back is the newer one', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const control = await startControl(t, socketPath)
  const first = startWorker(t, socketPath)
  const snapshot = forwardingTo(backend.port)
  control.link.publish(snapshot)
  const { proxies } = await untilLive(control.link, snapshot.generation)
  const second = secondProcess(t, socketPath, 1, Number.MAX_SAFE_INTEGER)
  const { listeners = [] } = proxies[0] ?? {}
  second.say({ kind: 'ack', generation: snapshot.generation, listeners, draining: [] })
  await first.ended
  assert.deepEqual(second.told, ['snapshot'])
})

test('a second process that ends before it took over changes nothing', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const control = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const snapshot = forwardingTo(backend.port)
  control.link.publish(snapshot)
  await untilLive(control.link, snapshot.generation)
  secondProcess(t, socketPath).end()
  const next = forwardingTo(backend.port)
  control.link.publish(next)
  await untilLive(control.link, next.generation)
  assert.deepEqual(stateOf(control), [['proxy-0', true, next.generation]])
})

test('an address is in use as long as a process that was replaced has a request there', async (t) => {
  const socketPath = await socketIn(t)
  const finish = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const old = await startBackend(t, (_request, response) => {
    arrived.resolve()
    void finish.promise.then(() => response.end('old'))
  })
  const control = await startControl(t, socketPath)
  const first = startWorker(t, socketPath)
  const snapshot = forwardingTo(old.port)
  control.link.publish(snapshot)
  await untilLive(control.link, snapshot.generation)
  const reply = fetchFrom(portOf(control.link))
  await arrived.promise
  const second = secondProcess(t, socketPath)
  second.say({ kind: 'ack', generation: snapshot.generation, listeners: [], draining: [] })
  const key = `127.0.0.1:${old.port}`
  await untilWatched(control.link.state, ({ proxies }) => proxies[0]?.draining.join() === key)
  const open = (await control.link.describe()).flatMap(({ pools }) => pools)
  assert.deepEqual(
    open.map(({ endpoint, active }) => [endpoint, active]),
    [[key, 1]],
  )
  const without = snapshotOf([], [])
  control.link.publish(without)
  second.say({ kind: 'ack', generation: without.generation, listeners: [], draining: [] })
  await untilLive(control.link, without.generation)
  let isDrained = false
  const drained = untilEndpointDrained(control.link, '127.0.0.1', AbortSignal.timeout(10_000)).then(
    () => (isDrained = true),
  )
  assert.equal(isDrained, false)
  finish.resolve()
  assert.equal((await reply).body, 'old')
  await Promise.all([drained, first.ended])
})

for (const end of ['by itself', 'told to'] as const) {
  test(`a process that was replaced lets what is long go on, until it ends ${end}`, async (t) => {
    const socketPath = await socketIn(t)
    const clock = new FakeClock()
    const finish = Promise.withResolvers<void>()
    const backend = await startBackend(t, (_request, response) => {
      response.write('begun ')
      void finish.promise.then(() => response.end('and done'))
    })
    const control = await startControl(t, socketPath)
    const first = startWorker(t, socketPath, { clock })
    const snapshot = forwardingTo(backend.port, { timeoutMs: 0 })
    control.link.publish(snapshot)
    await untilLive(control.link, snapshot.generation)
    const client = new RawClient(t, portOf(control.link)).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until((text) => text.includes('begun'))
    const second = secondProcess(t, socketPath)
    second.say({ kind: 'ack', generation: snapshot.generation, listeners: [], draining: [] })
    await untilWatched(control.link.state, ({ proxies }) => proxies[0]?.draining.length === 1)
    await clock.advance(60_000)
    if (end === 'by itself') {
      finish.resolve()
      await client.until((text) => text.includes('and done'))
    } else {
      const stopped = first.stop()
      await clock.advance(4_000)
      await stopped
      assert.doesNotMatch(await client.untilClosed(), /and done/)
    }
    // Sweeps that close what is idle then, and let go of a client that does not close its side.
    await clock.advance(5_000)
    await first.ended
  })
}

test('what is not a message ends only the link it came on', async (t) => {
  const socketPath = await socketIn(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await startControl(t, socketPath)
  startWorker(t, socketPath)
  const snapshot = forwardingTo(backend.port)
  link.publish(snapshot)
  await untilLive(link, snapshot.generation)
  const stranger = connect(socketPath)
  let isClosed = false
  stranger.on('close', () => {
    isClosed = true
  })
  stranger.write('GET / HTTP/1.1\r\n\r\n')
  await eventually(() => isClosed)
  assert.equal(liveGeneration(link.state.value), snapshot.generation)
})

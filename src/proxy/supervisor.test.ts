import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { untilWatched } from '../base/watched.ts'
import { startLoad } from '../../test/support/load.ts'
import { messageOf } from '../base/errors.ts'
import { processesOf } from '../../test/support/sluice.ts'
import { eventually, fetchFrom, forwardingTo, saying, startBackend } from '../../test/support/live-proxy.ts'
import { liveGeneration } from '../routing/data-plane.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import { startControlLink } from './control-link.ts'
import type { ControlLink } from './control-link.ts'
import { startProxySupervisor } from './supervisor.ts'
import type { ProxySupervisor, ProxySupervisorOptions } from './supervisor.ts'
import { socketFlags } from './worker-group.ts'
import { claimPort } from './shared-port.ts'
import { isRunning } from '../base/process-identity.ts'

const MAIN = resolve(import.meta.dirname, '../main.ts')

interface Lab {
  readonly dataDir: string
  readonly socketPath: string
  /** Ends, without its proxies, when `signal` aborts. */
  readonly supervise: (signal?: AbortSignal, change?: Partial<ProxySupervisorOptions>) => Promise<ProxySupervisor>
  readonly control: (expected?: number) => Promise<{ readonly link: ControlLink; readonly kill: () => Promise<void> }>
}

async function lab(t: TestContext): Promise<Lab> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-supervisor-'))
  const socketPath = join(dataDir, 'proxy.sock')
  const end = new AbortController()
  const supervisors: ProxySupervisor[] = []
  t.after(async () => {
    end.abort()
    for (const supervisor of supervisors) await supervisor.stopAll()
    await rm(dataDir, { recursive: true, force: true })
  })
  return {
    dataDir,
    socketPath,
    async supervise(signal = end.signal, change = {}) {
      const supervisor = startProxySupervisor({
        keeperCommand: [process.execPath, MAIN, 'proxy', 'keep'],
        command: [process.execPath, MAIN, 'proxy', 'run', '--socket', socketPath, ...socketFlags(process.platform)],
        dataDir,
        count: 1,
        version: '1',
        clock: systemClock,
        random: seededRandom(1),
        log: silentLog,
        signal,
        ...change,
      })
      supervisors.push(supervisor)
      return supervisor
    },
    async control(expected = 1) {
      const ending = new AbortController()
      const link = await startControlLink({
        socketPath,
        expected,
        clock: systemClock,
        log: silentLog,
        onReport: () => {},
        signal: ending.signal,
      })
      const kill = (): Promise<void> => {
        ending.abort()
        return link.closed
      }
      t.after(kill)
      return { link, kill }
    },
  }
}

test('a proxy outlives control, is adopted and not doubled, and ends when told', async (t) => {
  const { dataDir, supervise, control } = await lab(t)
  const backend = await startBackend(t, saying('v1'))
  const first = await control()
  const firstEnd = new AbortController()
  const supervisor = await supervise(firstEnd.signal)
  const snapshot = forwardingTo(backend.port)
  first.link.publish(snapshot)
  const state = await untilWatched(first.link.state, (each) => liveGeneration(each) === snapshot.generation)
  const port = state.proxies[0]?.listeners[0]?.port ?? 0
  const { keeper } = supervisor
  const original = supervisor.processes

  await first.kill()
  firstEnd.abort()
  assert.equal((await fetchFrom(port)).body, 'v1')
  const second = await control()
  const adopting = await supervise()
  assert.deepEqual([adopting.keeper, adopting.processes], [keeper, original])
  await untilWatched(second.link.state, ({ proxies }) => proxies[0]?.connected === true)
  assert.match(await readFile(join(dataDir, 'proxy', 'proxy-0.log'), 'utf8'), /connected to control/)

  await adopting.stopAll()
  assert.ok(![keeper, ...original].some(isRunning))
  assert.match(await readFile(join(dataDir, 'proxy', 'processes.json'), 'utf8'), /"processes":\[\]\}$/)
})

for (const count of [1, 2]) {
  test(`clients that wait for one of ${count} proxies when it dies are served by another, control or not`, async (t) => {
    const { supervise, control } = await lab(t)
    const backend = await startBackend(t, saying('v1'))
    const { link } = await control(count)
    const end = new AbortController()
    const supervisor = await supervise(end.signal, { count })
    const snapshot = await published(link, backend.port)
    const port = snapshot.listeners[0]?.port ?? 0
    end.abort()
    for (let round = 0; round < 2; round++) {
      const [victim] = supervisor.processes
      process.kill(victim?.pid ?? 0, 'SIGSTOP')
      const waiting = Array.from({ length: 20 }, () => fetchFrom(port))
      // The others of them are answered: those that are not wait in the queue of the one that stands still.
      await Promise.race([...(count === 1 ? [] : waiting), connected(port)])
      process.kill(victim?.pid ?? 0, 'SIGKILL')
      assert.equal((await fetchFrom(port)).body, 'v1')
      for (const { body } of await Promise.all(waiting)) assert.equal(body, 'v1')
      await eventually(
        () => supervisor.processes.length === count && supervisor.processes.every(({ pid }) => pid !== victim?.pid),
      )
      await untilWatched(link.state, (state) => liveGeneration(state) === snapshot.generation)
    }
  })
}

test('when their keeper dies the proxies serve on, and another one takes over', async (t) => {
  const { supervise, control } = await lab(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await control()
  const supervisor = await supervise()
  const snapshot = await published(link, backend.port)
  const older = supervisor.processes
  process.kill(supervisor.keeper.pid, 'SIGKILL')
  assert.equal((await fetchFrom(snapshot.listeners[0]?.port ?? 0)).body, 'v1')
  await eventually(() => !older.some(isRunning))
  await untilWatched(link.state, (state) => liveGeneration(state) === snapshot.generation)
  assert.equal((await fetchFrom(snapshot.listeners[0]?.port ?? 0)).body, 'v1')
  assert.equal(supervisor.processes.length, 1)
})

/** A snapshot with a definite port, served by all. */
async function published(link: ControlLink, backendPort: number): Promise<RoutingSnapshot> {
  const port = await claimPort('127.0.0.1', 0)
  const base = forwardingTo(backendPort)
  const snapshot = { ...base, listeners: base.listeners.map((listener) => ({ ...listener, port })) }
  link.publish(snapshot)
  await untilWatched(link.state, (state) => liveGeneration(state) === snapshot.generation)
  return snapshot
}

async function connected(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}

/** One request after the other, each on a connection of its own, until told to stop; resolves with what went wrong. */
function startNewcomers(port: number): { readonly count: number; stop(): Promise<readonly string[]> } {
  const failures: string[] = []
  let count = 0
  let isStopping = false
  const drive = async (): Promise<void> => {
    while (!isStopping) {
      count++
      const outcome = await fetchFrom(port).then(({ status }) => String(status), messageOf)
      if (outcome !== '200') failures.push(outcome)
    }
  }
  const drivers = Promise.all([drive(), drive()])
  return {
    get count() {
      return count
    },
    async stop() {
      isStopping = true
      await drivers
      return failures
    },
  }
}

test('a disk that takes nothing more ends neither the keeper nor its proxies', async (t) => {
  const { dataDir, supervise, control } = await lab(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await control()
  const supervisor = await supervise()
  const snapshot = await published(link, backend.port)
  const port = snapshot.listeners[0]?.port ?? 0
  const [first] = supervisor.processes
  // As good as a full disk, to those that write there.
  const folder = join(dataDir, 'proxy')
  const blocks = ['processes.json.new', 'keeper.json.new'].map((name) => join(folder, name))
  await Promise.all(blocks.map((path) => mkdir(path)))
  await rename(join(folder, 'proxy-0.log'), join(folder, 'old.log'))
  await mkdir(join(folder, 'proxy-0.log'))
  process.kill(first?.pid ?? 0, 'SIGKILL')
  assert.equal((await fetchFrom(port)).body, 'v1')
  const { keeper } = supervisor
  assert.ok(isRunning(keeper))
  process.kill(keeper.pid, 'SIGKILL')
  await eventually(() => supervisor.keeper.pid !== keeper.pid)
  const next = supervisor.keeper
  await Promise.all(blocks.map((path) => rm(path, { recursive: true })))
  await eventually(() => supervisor.processes.some(({ pid }) => pid !== first?.pid))
  await eventually(() => readFileSync(join(folder, 'keeper.json'), 'utf8').includes(`"pid":${next.pid},`))
  assert.equal(supervisor.keeper, next)
  // The proxy of the keeper before is written down nowhere: it ends as it is replaced.
  await eventually(() => processesOf(dataDir).length === 2)
})

test('control of another version replaces the proxies, again and again, and no client notices', async (t) => {
  const { supervise, control } = await lab(t)
  const backend = await startBackend(t, saying('v1'))
  const { link } = await control(2)
  let end = new AbortController()
  let supervisor = await supervise(end.signal, { count: 2 })
  const snapshot = await published(link, backend.port)
  const port = snapshot.listeners[0]?.port ?? 0
  const kept = startLoad({ url: `http://127.0.0.1:${port}/`, connections: 4, pauseMs: 1 })
  const newcomers = startNewcomers(port)
  for (let round = 2; round <= 3; round++) {
    const older = supervisor.processes
    end.abort()
    end = new AbortController()
    supervisor = await supervise(end.signal, { count: 2, version: String(round) })
    await eventually(() => !older.some(isRunning))
    await untilWatched(link.state, (state) => liveGeneration(state) === snapshot.generation)
    assert.deepEqual(
      supervisor.processes.map(({ id, version }) => [id, version]),
      [
        ['proxy-0', String(round)],
        ['proxy-1', String(round)],
      ],
    )
  }
  await kept.until(kept.answers.length + 100)
  await kept.stop()
  assert.deepEqual(await newcomers.stop(), [])
  assert.deepEqual(kept.failures(), [])
  t.diagnostic(`${newcomers.count} new connections`)
})

test('a command that cannot be run is said at once', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-supervisor-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const start = (): ProxySupervisor =>
    startProxySupervisor({
      keeperCommand: [join(dataDir, 'missing')],
      command: [],
      dataDir,
      count: 1,
      version: '1',
      clock: systemClock,
      random: seededRandom(1),
      log: silentLog,
      signal: AbortSignal.abort(),
    })
  assert.throws(start, /Cannot start proxy "keeper"/)
})

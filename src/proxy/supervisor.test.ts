import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { untilWatched } from '../base/watched.ts'
import { fetchFrom, forwardingTo, saying, startBackend } from '../../test/support/live-proxy.ts'
import { liveGeneration } from '../routing/data-plane.ts'
import { startControlLink } from './control-link.ts'
import type { ControlLink } from './control-link.ts'
import { startProxySupervisor } from './supervisor.ts'
import type { ProxySupervisor } from './supervisor.ts'
import { isAlive } from './supervisor/proxy-process.ts'

const MAIN = resolve(import.meta.dirname, '../main.ts')

interface Lab {
  readonly dataDir: string
  readonly socketPath: string
  /** Ends, without its proxies, when `signal` aborts. */
  readonly supervise: (signal?: AbortSignal) => Promise<ProxySupervisor>
  readonly control: () => Promise<{ readonly link: ControlLink; readonly kill: () => Promise<void> }>
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
    async supervise(signal = end.signal) {
      const supervisor = await startProxySupervisor({
        command: [process.execPath, MAIN, 'proxy', 'run', '--socket', socketPath],
        dataDir,
        count: 1,
        clock: systemClock,
        random: seededRandom(1),
        log: silentLog,
        signal,
      })
      supervisors.push(supervisor)
      return supervisor
    },
    async control() {
      const ending = new AbortController()
      const link = await startControlLink({
        socketPath,
        expected: 1,
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

test('a proxy outlives control, is adopted and not doubled, is replaced when it dies, and ends when told', async (t) => {
  const { dataDir, supervise, control } = await lab(t)
  const backend = await startBackend(t, saying('v1'))
  const first = await control()
  const firstEnd = new AbortController()
  const supervisor = await supervise(firstEnd.signal)
  const snapshot = forwardingTo(backend.port)
  first.link.publish(snapshot)
  const state = await untilWatched(first.link.state, (each) => liveGeneration(each) === snapshot.generation)
  const port = state.proxies[0]?.listeners[0]?.port ?? 0
  const [original] = supervisor.processes

  await first.kill()
  firstEnd.abort()
  assert.equal((await fetchFrom(port)).body, 'v1')
  const second = await control()
  const adopting = await supervise()
  assert.deepEqual(adopting.processes, [original])
  await untilWatched(second.link.state, ({ proxies }) => proxies[0]?.connected === true)

  process.kill(original?.pid ?? 0, 'SIGKILL')
  await untilWatched(second.link.state, ({ proxies }) => proxies[0]?.connected === false)
  await untilWatched(second.link.state, ({ proxies }) => proxies[0]?.connected === true)
  const [replacement] = adopting.processes
  assert.notEqual(replacement?.pid, original?.pid)
  assert.match(await readFile(join(dataDir, 'proxy', 'proxy-0.log'), 'utf8'), /connected to control/)

  await adopting.stopAll()
  assert.ok(replacement !== undefined && !isAlive(replacement))
  assert.equal(await readFile(join(dataDir, 'proxy', 'processes.json'), 'utf8'), '[]')
})

test('a command that cannot be run is said at once', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'sluice-supervisor-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const starting = startProxySupervisor({
    command: [join(dataDir, 'missing')],
    dataDir,
    count: 1,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    signal: AbortSignal.abort(),
  })
  await assert.rejects(starting, /Cannot start proxy "proxy-0"/)
})

/** Processes of the data plane that are killed under load: what they were at is lost, nothing else is. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startKeptLoad } from '../support/kept-load.ts'
import type { LoadAnswer, LoadRequest } from '../support/kept-load.ts'
import { eventually, fetchFrom, saying, startBackend } from '../support/live-proxy.ts'
import { startLoneProxy } from '../support/lone-proxy.ts'
import type { LoneProxy } from '../support/lone-proxy.ts'
import { run, sluiceCommand, startSluice, temporaryDataDir } from '../support/sluice.ts'
import { sluiceTeller } from '../support/sluice-teller.ts'
import { storyFile } from '../support/story.ts'

/** So many that no worker of two can be without one. */
const CONNECTIONS = 24
const FRESH_CONNECTIONS = 4
/** An event that never comes is a failure, not a test that hangs. */
const options = { timeout: 45_000 }
/** Longer than a test may take: a worker that does not end fails it. */
const DRAIN_TIMEOUT = '50s'

const routing = (port: number): string => `
listeners: [{ port: 0 }]
routeTables: [{ virtualHosts: [{ routes: [{ action: { destinations: [{ cluster: all }] } }] }] }]
clusters: [{ name: all, endpoints: ['127.0.0.1:${port}'] }]
`

const next = (): LoadRequest => ({ path: '/' })

/** Load of both kinds, and what must be true of those of its requests that failed. */
interface Watch {
  /** A process is about to be killed. */
  beforeKill(): void
  /** Requests of both kinds, sent from now on, are over. */
  more(): Promise<void>
  /** Ends the load and judges it: how many requests were lost in all. */
  stop(): Promise<number>
}

function startWatch(t: TestContext, port: number): Watch {
  const failed: LoadAnswer[] = []
  const onAnswer = (answer: LoadAnswer): void => {
    if (answer.status !== 200) failed.push(answer)
  }
  const freshFailed: LoadAnswer[] = []
  const onFresh = (answer: LoadAnswer): void => {
    if (answer.status !== 200) freshFailed.push(answer)
  }
  const kept = startKeptLoad({ port, connections: CONNECTIONS, next, onAnswer })
  const fresh = startKeptLoad({ port, connections: FRESH_CONNECTIONS, next, onAnswer: onFresh, isFresh: true })
  const stop = (): Promise<unknown> => Promise.all([kept.stop(), fresh.stop()])
  t.after(stop)
  const kills: { readonly kept: number; readonly fresh: number }[] = []
  return {
    beforeKill: () => void kills.push({ kept: kept.sent, fresh: fresh.sent }),
    more: async () => void (await Promise.all([kept.more(CONNECTIONS * 4), fresh.more(FRESH_CONNECTIONS * 4)])),
    async stop() {
      const { broken } = kept
      await stop()
      const codes = [...failed, ...freshFailed].map(({ status, body }) => `${status} ${body}`)
      assert.deepEqual(
        codes.filter((code) => !/^0 (ECONNRESET|EPIPE|aborted)$/.test(code)),
        [],
        'others than cut off',
      )
      assert.ok(failed.length <= broken, `${failed.length} requests failed, ${broken} connections broke`)
      assertOlder(
        failed,
        kills.map((kill) => kill.kept),
      )
      assertOlder(
        freshFailed,
        kills.map((kill) => kill.fresh),
      )
      return failed.length + freshFailed.length
    },
  }
}

/** Each failure is on a connection from before a kill, and no more of them after each than there were connections. */
function assertOlder(failed: readonly LoadAnswer[], kills: readonly number[]): void {
  for (const { sequence, connectedAt } of failed) {
    const isInFlight = kills.some((sentBefore) => connectedAt < sentBefore && sequence < sentBefore + CONNECTIONS)
    assert.ok(isInFlight, `request ${sequence} on a connection since ${connectedAt}, kills before ${kills.join(', ')}`)
  }
}

/** Pids that a worker of this name has had, the newest last. */
function pidsOf({ log }: LoneProxy, worker: string): readonly number[] {
  return [...log.matchAll(new RegExp(`proxy connected proxy=${worker} pid=(\\d+)`, 'g'))].map(([, pid]) => Number(pid))
}

const listening = ({ log }: LoneProxy): number => (log.match(/listening listener=/g) ?? []).length

for (const workers of [2, 1]) {
  test(
    `of ${workers} workers each is killed under load: only requests on their way there are lost`,
    options,
    async (t) => {
      const held: (() => void)[] = []
      const answer: RequestListener = (request, response) => {
        if (request.url !== '/held') response.end('ok')
        else held.push(() => response.end('ok'))
      }
      const backend = await startBackend(t, answer)
      const flags = ['--workers', `${workers}`, '--drain-timeout', DRAIN_TIMEOUT]
      const sluice = await startLoneProxy(t, { text: routing(backend.port), flags })
      const watch = startWatch(t, sluice.port)
      const onItsWay = Array.from({ length: CONNECTIONS }, () =>
        fetchFrom(sluice.port, { path: '/held' }).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      await eventually(() => held.length === CONNECTIONS)
      for (let index = 0; index < workers; index++) {
        const bound = listening(sluice)
        watch.beforeKill()
        process.kill(pidsOf(sluice, `worker-${index}`)[0] ?? 0, 'SIGKILL')
        await watch.more()
        if (index === 0) for (const go of held) go()
        await eventually(() => pidsOf(sluice, `worker-${index}`).length === 2 && listening(sluice) > bound)
      }
      // None of the first workers is left: the second ones serve.
      await watch.more()
      const lost = (await Promise.all(onItsWay)).filter((status) => status !== 200).length
      assert.ok(
        workers === 1 ? lost === CONNECTIONS : lost > 0 && lost < CONNECTIONS,
        `${lost} held requests were lost`,
      )
      const more = await watch.stop()
      // They end by themselves: there is nothing left to drain.
      process.kill(sluice.pid, 'SIGTERM')
      assert.equal(await sluice.ended, 0)
      t.diagnostic(`${lost} held requests and ${more} others were lost`)
    },
  )
}

test('a change of the file while the only worker starts again is what the new one serves', options, async (t) => {
  const [before, after] = await Promise.all([startBackend(t, saying('before')), startBackend(t, saying('after'))])
  const sluice = await startLoneProxy(t, { text: routing(before.port), flags: ['--workers', '1', '--watch'] })
  assert.equal((await fetchFrom(sluice.port)).body, 'before')
  process.kill(pidsOf(sluice, 'worker-0')[0] ?? 0, 'SIGKILL')
  await sluice.untilLogged('worker died')
  sluice.write(routing(after.port))
  await sluice.untilLogged('generation=2')
  // Where the worker was quicker than the file, it has taken over the change as any other.
  await eventually(() => pidsOf(sluice, 'worker-0').length === 2)
  while ((await fetchFrom(sluice.port)).body !== 'after');
  process.kill(pidsOf(sluice, 'worker-0')[1] ?? 0, 'SIGKILL')
  // Nobody knows the old file any more.
  for (let count = 0; count < 20; count++) assert.equal((await fetchFrom(sluice.port)).body, 'after')
})

test(
  'each of two proxies of sluice up is killed under load: only requests on their way there are lost',
  options,
  async (t) => {
    const dataDir = temporaryDataDir()
    const sluice = await startSluice(t, { dataDir, flags: ['--proxies', '2'] })
    const applied = await run(sluiceCommand(sluice, 'apply', '-f', storyFile('1-setup')))
    assert.equal(applied.code, 0, applied.stderr)
    const teller = await sluiceTeller(sluice)
    await teller.untilProgrammed()
    await teller.untilAvailable('echo-v1')
    const port = Number(new URL(teller.gateway).port)
    await untilBothServe(port)
    const watch = startWatch(t, port)
    await watch.more()
    for (const id of ['proxy-0', 'proxy-1']) {
      const pid = proxyPid(dataDir, id)
      watch.beforeKill()
      process.kill(pid, 'SIGKILL')
      await watch.more()
      await eventually(() => proxyPid(dataDir, id) !== pid && servesAgain(sluice.log(), proxyPid(dataDir, id)))
    }
    await watch.more()
    t.diagnostic(`${await watch.stop()} requests were lost`)
  },
)

/** A pod may be available before every proxy has heard of it. Connections come to one or the other by chance. */
async function untilBothServe(port: number): Promise<void> {
  for (let inRow = 0; inRow < 20;) inRow = (await fetchFrom(port)).status === 200 ? inRow + 1 : 0
}

function proxyPid(dataDir: string, id: string): number {
  const text = readFileSync(join(dataDir, 'proxy', 'processes.json'), 'utf8')
  const { processes } = JSON.parse(text) as {
    readonly processes: readonly { readonly id: string; readonly pid: number }[]
  }
  return processes.find((each) => each.id === id)?.pid ?? 0
}

function servesAgain(log: string, pid: number): boolean {
  return log.includes(`pid=${pid}`)
}

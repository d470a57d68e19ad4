/** A bad version does not look good because retries are answered by the good one: proxy, reports, store and judge together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { judge } from '../../src/release/analysis.ts'
import type { WindowNumbers } from '../../src/release/model.ts'
import type { RetryPolicy } from '../../src/routing/policy-model.ts'
import { TelemetryStore } from '../../src/telemetry/store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import type { LiveProxy } from '../support/live-proxy.ts'
import { cluster, fetchFrom, route, saying, snapshotOf, startBackend, startProxy } from '../support/live-proxy.ts'

const RETRY: RetryPolicy = {
  attempts: 2,
  on: ['5xx'],
  statuses: [],
  perTryTimeoutMs: 0,
  backoff: { initialMs: 0, maxMs: 0 },
  budget: 1,
}

/** One service whose pods are of both versions, as in a rolling update. */
async function bothVersions(t: TestContext): Promise<LiveProxy> {
  const canary = await startBackend(t, (_request, response) => {
    response.writeHead(500).end()
  })
  const stable = await startBackend(t, saying('stable'))
  const endpoints = [cluster('canary', [canary.port]), cluster('stable', [stable.port])].flatMap(
    (each) => each.endpoints,
  )
  return startProxy(
    t,
    snapshotOf([route('r', { echo: 1 }, { policy: { retry: RETRY } })], [cluster('echo', [], { endpoints })]),
  )
}

test('a canary whose failures are sent again to the stable side fails its gate, though no client saw one', async (t) => {
  const clock = new FakeClock(1_000_000)
  const store = new TelemetryStore({ clock })
  const live = await bothVersions(t)
  store.ingest({ ...live.report(), startedAtMs: clock.now() })
  const fromMs = clock.now()
  for (let request = 0; request < 40; request++) assert.equal((await fetchFrom(live.port)).status, 200)
  await clock.advance(1_000)
  store.ingest({ ...live.report(), startedAtMs: fromMs })
  const verdictOf = (workload: string): string => {
    const { tries, latency } = store.window({ workloadNamespace: 'echo', workload }, fromMs, clock.now())
    const seen: WindowNumbers = { ...tries, latency }
    const { kind, message } = judge({ minRequests: 10, successRateMin: 99, windowMs: 30_000 }, seen, seen)
    return `${kind}: ${message}`
  }
  assert.match(verdictOf('canary'), /^fail: success rate 0\.00 % \((\d+) of \1 failed, \1 were tried again\)/)
  assert.equal(verdictOf('stable'), 'pass: success rate 100.00 % (0 of 40 failed)')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import type { Backend, LiveProxy } from '../support/live-proxy.ts'
import {
  cluster,
  eventually,
  fetchFrom,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { Cluster, HealthCheck } from '../../src/routing/cluster-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const CHECK: HealthCheck = {
  kind: 'http',
  path: '/health',
  host: 'echo.test',
  intervalMs: 1_000,
  timeoutMs: 200,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
}

function checking(ports: readonly number[], change: Partial<Cluster> = {}): RoutingSnapshot {
  return snapshotOf([route('r', { v1: 1 })], [cluster('v1', ports, { healthCheck: CHECK, ...change })])
}

interface Checked extends Backend {
  isHealthy: boolean
  readonly checks: string[]
}

async function startChecked(t: TestContext, text: string): Promise<Checked> {
  const checks: string[] = []
  const backend = await startBackend(t, (request, response) => {
    if (request.url !== '/health') return response.end(text)
    checks.push(request.headers.host ?? '')
    response.statusCode = checked.isHealthy ? 204 : 500
    return response.end()
  })
  const checked: Checked = Object.assign(Object.create(backend) as Backend, { isHealthy: true, checks })
  return checked
}

/** Lets time pass until it is so: checks are real requests, and each waits for the one before. */
async function pass(clock: FakeClock, isSo: () => boolean): Promise<void> {
  while (!isSo()) await clock.advance(20)
}

async function bodies(live: LiveProxy): Promise<string[]> {
  const seen = new Set<string>()
  for (let index = 0; index < 6; index++) seen.add((await fetchFrom(live.port)).body)
  return [...seen].toSorted()
}

test('an endpoint that fails its checks is left out, over snapshots too, until it passes them again', async (t) => {
  const clock = new FakeClock()
  const [first, second] = [await startChecked(t, 'first'), await startChecked(t, 'second')]
  const snapshot = (): RoutingSnapshot => checking([first.port, second.port])
  const live = await startProxy(t, snapshot(), { clock })
  assert.deepEqual(await bodies(live), ['first', 'second'])
  first.isHealthy = false
  await pass(clock, () => live.proxy.unhealthy.size === 1)
  assert.deepEqual(live.proxy.unhealthy.get('v1'), [`127.0.0.1:${first.port}`])
  assert.equal(first.checks.at(-1), 'echo.test')
  await live.apply(snapshot())
  assert.deepEqual(await bodies(live), ['second'])
  first.isHealthy = true
  await pass(clock, () => live.proxy.unhealthy.size === 0)
  assert.deepEqual(await bodies(live), ['first', 'second'])
})

test('where all fail, all are used', async (t) => {
  const clock = new FakeClock()
  const only = await startChecked(t, 'only')
  only.isHealthy = false
  const live = await startProxy(t, checking([only.port]), { clock })
  await pass(clock, () => live.proxy.unhealthy.size === 1)
  assert.deepEqual(await bodies(live), ['only'])
})

test('an endpoint that does not answer in time fails; by tcp it is enough that it connects', async (t) => {
  const clock = new FakeClock()
  const silent = await startRawBackend(t, () => {})
  const live = await startProxy(t, checking([silent.port]), { clock })
  await pass(clock, () => live.proxy.unhealthy.size === 1)
  await live.apply(checking([silent.port], { healthCheck: { ...CHECK, kind: 'tcp' } }))
  await pass(clock, () => live.proxy.unhealthy.size === 0)
  await silent.close()
  await pass(clock, () => live.proxy.unhealthy.size === 1)
})

test('checks end with the cluster that asks for them, and with the proxy', async (t) => {
  const clock = new FakeClock()
  const backend = await startChecked(t, 'ok')
  const live = await startProxy(t, checking([backend.port]), { clock })
  await pass(clock, () => backend.checks.length === 2)
  await live.apply(snapshotOf([route('r', { v1: 1 })], [cluster('v1', [backend.port])]))
  const made = backend.checks.length
  await clock.advance(20_000)
  await fetchFrom(live.port)
  assert.equal(backend.checks.length, made)
  await live.apply(checking([backend.port]))
  await pass(clock, () => backend.checks.length > made)
  await live.proxy.close(0)
  await eventually(() => clock.pending === 0)
})

test('checks follow a new interval at once', async (t) => {
  const clock = new FakeClock()
  const backend = await startChecked(t, 'ok')
  const every = (intervalMs: number): RoutingSnapshot =>
    checking([backend.port], { healthCheck: { ...CHECK, intervalMs } })
  const live = await startProxy(t, every(100_000_000), { clock })
  const { pending } = clock
  await live.apply(every(1_000))
  assert.equal(clock.pending, pending)
  const changedMs = clock.now()
  await pass(clock, () => backend.checks.length === 1)
  assert.ok(clock.now() - changedMs <= 2_000)
})

test('a check that cannot be made is refused', async (t) => {
  const plain = await startBackend(t, saying('plain'))
  const live = await startProxy(t, checking([plain.port]))
  const refusal = async (change: Partial<HealthCheck>, where: RegExp): Promise<void> =>
    assert.rejects(live.apply(checking([plain.port], { healthCheck: { ...CHECK, ...change } })), where)
  await refusal({ path: 'health' }, /healthCheck\.path/)
  await refusal({ host: 'a b' }, /healthCheck\.host/)
  await refusal({ intervalMs: 0 }, /healthCheck\.intervalMs/)
  await refusal({ kind: 'grpc' }, /healthCheck\.kind: .*gRPC needs HTTP\/2/)
  await refusal({ service: 'echo' }, /healthCheck\.service/)
  await refusal({ unhealthyThreshold: 0.5 }, /healthCheck\.unhealthyThreshold/)
})

test('endpoints that are spoken to over TLS are checked over TLS', async (t) => {
  const clock = new FakeClock()
  const plain = await startBackend(t, saying('ok'))
  const tls = { insecureSkipVerify: true }
  const live = await startProxy(t, checking([plain.port], { tls }), { clock })
  await pass(clock, () => live.proxy.unhealthy.size === 1)
  await live.apply(checking([plain.port]))
  await pass(clock, () => live.proxy.unhealthy.size === 0)
})

import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { deployments } from '../kinds/deployment.ts'
import { events } from '../kinds/event.ts'
import { virtualServices } from '../dialects/gloo/kinds/virtual-service.ts'
import type { Release } from '../kinds/release.ts'
import { releases } from '../kinds/release.ts'
import type { Patch } from '../kube/client.ts'
import {
  CANARY,
  RELEASE,
  ROUTE,
  STABLE,
  deployment,
  release,
  routeTo,
  startReleaseLab,
} from '../../test/support/release-lab.ts'
import type { ReleaseLab } from '../../test/support/release-lab.ts'

const METRICS = { minRequests: 50, successRate: { min: 99 } }

let lab: ReleaseLab
let stop: AbortController
let controller: Promise<void>

beforeEach(async () => {
  lab = await startReleaseLab()
  stop = new AbortController()
  controller = lab.startController(lab.client, stop.signal)
})

afterEach(async () => {
  stop.abort()
  await controller
  await lab.close()
})

function annotate(annotations: Readonly<Record<string, string>>): Promise<unknown> {
  return lab.client.patch(releases, RELEASE, { kind: 'merge', body: { metadata: { annotations } } } satisfies Patch)
}

function hasEnded({ status, metadata }: Release): boolean {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'RolledBack'
  return isOver && (metadata.finalizers ?? []).length === 0
}

test('a release runs through its steps, each live before its gate, and leaves one route to the canary', async () => {
  await lab.client.create(deployments, deployment('v3'))
  const steps = [
    {
      name: 'smoke',
      weight: 0,
      matches: [{ headers: [{ name: 'stage', value: 'canary' }] }],
      gates: [{ approval: {} }],
    },
    { name: 'ten-percent', weight: 10, gates: [{ metrics: METRICS }] },
    { name: 'half', weight: 50, gates: [{ wait: { duration: '1s' } }] },
  ]
  await lab.client.create(releases, release(steps))
  const waiting = await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  assert.equal(waiting.status?.phase, 'Paused')
  assert.match(waiting.status?.waitsForPerson?.reason ?? '', /approval of step "smoke"/)
  const smoke = (await lab.route()).spec?.virtualHost?.routes ?? []
  assert.deepEqual(smoke[0]?.matchers, [{ prefix: '/', headers: [{ name: 'stage', value: 'canary' }] }])
  assert.deepEqual(smoke[1], routeTo('v2'))

  await annotate({ 'sluice.dev/approve': 'smoke' })
  const done = await lab.untilRelease(hasEnded)
  assert.equal(done.status?.phase, 'Succeeded')
  assert.deepEqual(
    done.status?.steps?.map(({ name, shiftMs, verdict }) => [name, typeof shiftMs, verdict?.startsWith('passed')]),
    [
      ['smoke', 'number', true],
      ['ten-percent', 'number', true],
      ['half', 'number', true],
      ['all', 'number', true],
    ],
  )
  assert.equal(done.status?.conditions?.find(({ type }) => type === 'Succeeded')?.status, 'True')
  assert.equal(done.metadata.annotations?.['sluice.dev/approve'], undefined)
  // The numbers of the last look before a gate passed are not its verdict.
  assert.equal(done.status?.analysis, undefined)
  const route = await lab.route()
  assert.deepEqual(route.spec?.virtualHost?.routes, [routeTo('v3')])
  assert.equal(route.metadata.annotations, undefined)
  assert.equal((await lab.client.get(deployments, STABLE)).spec.replicas, 0)
  const recorded = await lab.untilAll(events, 'echo', (list) => list.some(({ reason }) => reason === 'Succeeded'))
  assert.ok(recorded.some(({ reason, message }) => reason === 'StepLive' && message?.includes('"ten-percent" is live')))
})

test('a bad version is taken back by itself, its numbers are kept, and the route is as it was', async () => {
  const before = await lab.route()
  lab.answers = { requestsPerSecond: 100, failureRate: 0.5 }
  await lab.client.create(deployments, deployment('v3'))
  await lab.client.create(releases, release([{ name: 'ten-percent', weight: 10, gates: [{ metrics: METRICS }] }]))
  const done = await lab.untilRelease(hasEnded)
  assert.equal(done.status?.phase, 'RolledBack')
  assert.match(done.status?.message ?? '', /^Rolled back: Deployment echo\/echo-v3: /)
  assert.ok((done.status?.analysis?.failures ?? 0) > 0)
  const after = await lab.route()
  assert.deepEqual(after.spec, before.spec)
  assert.equal(after.metadata.annotations, undefined)
  assert.equal((await lab.client.get(deployments, CANARY)).spec.replicas, 0)
})

test('objects may be applied in any order: what is missing is named with its field, and waited for', async () => {
  await lab.client.delete(virtualServices, ROUTE)
  await lab.client.create(releases, release([{ name: 'all', weight: 100 }]))
  const waiting = await lab.untilRelease(({ status }) => status?.message?.includes('VirtualService') ?? false)
  const expected =
    'Cannot start release "echo/echo-v3": spec.targets[0].canary: Deployment echo/echo-v3 does not exist; create it or correct the name; spec.targets[0].routes[0]: VirtualService gloo-system/echo does not exist; create it or correct the name'
  assert.equal(waiting.status?.message, expected)
  assert.equal(waiting.status?.phase, 'Pending')
  await lab.client.create(virtualServices, {
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'echo', namespace: 'gloo-system' },
    spec: { virtualHost: { domains: ['*'], routes: [routeTo('v2')] } },
  })
  await lab.client.create(deployments, deployment('v3'))
  const done = await lab.untilRelease(hasEnded)
  assert.equal(done.status?.phase, 'Succeeded')
})

test('what never comes fails at the deadline', async () => {
  await lab.client.create(releases, release([{ name: 'all', weight: 100 }], { progressDeadlineSeconds: 5 }))
  const done = await lab.untilRelease(hasEnded)
  assert.equal(done.status?.phase, 'RolledBack')
  assert.match(done.status?.message ?? '', /spec\.targets\[0\]\.canary: Deployment echo\/echo-v3 does not exist/)
  assert.equal(done.status?.conditions?.find(({ type }) => type === 'Succeeded')?.reason, 'NeverStarted')
})

test('a step is not live before every proxy says so', async () => {
  await lab.client.create(deployments, deployment('v3'))
  lab.acknowledges = false
  await lab.client.create(releases, release([{ name: 'half', weight: 50, gates: [{ approval: {} }] }]))
  const shifting = await lab.untilRelease(({ status }) => status?.traffic?.canaryWeight === 50)
  assert.equal(shifting.status?.currentStep?.state, 'Shifting')
  assert.match(shifting.status?.message ?? '', /not yet acknowledged VirtualService gloo-system\/echo/)
  lab.acknowledges = true
  await lab.client.patch(virtualServices, ROUTE, { kind: 'merge', body: { metadata: { labels: { touched: 'yes' } } } })
  await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
})

test('deleting a release in the middle takes everything back before it goes', async () => {
  const before = await lab.route()
  await lab.client.create(deployments, deployment('v3'))
  await lab.client.create(releases, release([{ name: 'half', weight: 50, gates: [{ approval: {} }] }]))
  await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  await lab.client.delete(releases, RELEASE)
  await lab.until(releases, RELEASE, (object) => object === undefined)
  const after = await lab.route()
  assert.deepEqual(after.spec, before.spec)
  assert.equal(after.metadata.annotations, undefined)
})

test('a person aborts, with a reason', async () => {
  await lab.client.create(deployments, deployment('v3'))
  await lab.client.create(releases, release([{ name: 'half', weight: 50, gates: [{ approval: {} }] }]))
  await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  await annotate({ 'sluice.dev/abort': 'the colours are wrong' })
  const done = await lab.untilRelease(hasEnded)
  assert.match(done.status?.message ?? '', /^Rolled back: aborted: the colours are wrong\. /)
  assert.deepEqual((await lab.route()).spec?.virtualHost?.routes, [routeTo('v2')])
})

test('a route that is edited by hand in the middle is written again; unrelated edits stay', async () => {
  await lab.client.create(deployments, deployment('v3'))
  await lab.client.create(releases, release([{ name: 'half', weight: 50, gates: [{ approval: {} }] }]))
  await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  const redirect = { matchers: [{ exact: '/old' }], redirectAction: { pathRedirect: '/new' } }
  const body = { spec: { virtualHost: { domains: ['example.com'], routes: [redirect, routeTo('v2')] } } }
  await lab.client.patch(virtualServices, ROUTE, { kind: 'merge', body })
  const again = await lab.until(
    virtualServices,
    ROUTE,
    (object) => object?.spec?.virtualHost?.routes?.[1]?.routeAction?.multi?.destinations?.[1]?.weight === 50,
  )
  assert.deepEqual(again?.spec?.virtualHost?.domains, ['example.com'])
  assert.deepEqual(again?.spec?.virtualHost?.routes?.[0], redirect)
  await annotate({ 'sluice.dev/abort': 'enough' })
  await lab.untilRelease(hasEnded)
  assert.deepEqual((await lab.route()).spec, body.spec)
})

test('of two releases over one route object the second waits for the first', async () => {
  await lab.client.create(deployments, deployment('v3'))
  await lab.client.create(releases, release([{ name: 'half', weight: 50, gates: [{ approval: {} }] }]))
  await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  const second = release([{ name: 'all', weight: 100 }])
  const key = RELEASE.replace('echo-v3', 'other') as typeof RELEASE
  await lab.client.create(releases, { ...second, metadata: { ...second.metadata, name: 'other' } })
  const waiting = await lab.until(releases, key, (object) => object?.status?.message !== undefined)
  assert.match(waiting?.status?.message ?? '', /VirtualService gloo-system\/echo is held by release echo\/echo-v3/)
})

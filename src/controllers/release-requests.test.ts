/** What a person asks of a release by its object: retry, promote, pause; and what a failed try leaves behind. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { deployments } from '../kinds/deployment.ts'
import { events } from '../kinds/event.ts'
import type { Release } from '../kinds/release.ts'
import { releases } from '../kinds/release.ts'
import {
  CANARY,
  GATED,
  JUDGED,
  RELEASE,
  deployment,
  release,
  routeTo,
  startReleaseLab,
} from '../../test/support/release-lab.ts'
import type { ReleaseLab } from '../../test/support/release-lab.ts'

let lab: ReleaseLab
let stop: AbortController
let controller: Promise<void>

beforeEach(async () => {
  lab = await startReleaseLab()
  stop = new AbortController()
  controller = lab.startController(lab.client, stop.signal)
  await lab.client.create(deployments, deployment('v3'))
})

afterEach(async () => {
  stop.abort()
  await controller
  await lab.close()
})

function patch(body: unknown): Promise<unknown> {
  return lab.client.patch(releases, RELEASE, { kind: 'merge', body })
}

function annotate(annotations: Readonly<Record<string, string>>): Promise<unknown> {
  return patch({ metadata: { annotations } })
}

function waitsIn(name: string): (release: Release) => boolean {
  return ({ status }) => status?.currentStep?.name === name && status.currentStep.state === 'WaitingForApproval'
}

function isBack({ status, metadata }: Release): boolean {
  return status?.phase === 'RolledBack' && (metadata.finalizers ?? []).length === 0
}

async function failOnce(): Promise<Release> {
  lab.answers = { requestsPerSecond: 100, failureRate: 0.5 }
  await lab.client.create(releases, release(JUDGED))
  return lab.untilRelease(isBack)
}

test('a person passes one step without its gates, and only the current one', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  await annotate({ 'sluice.dev/promote': 'half' })
  await lab.untilAll(events, 'echo', (list) => list.some(({ reason }) => reason === 'NothingToPromote'))
  await lab.untilRelease(({ metadata }) => metadata.annotations?.['sluice.dev/promote'] === undefined)
  await annotate({ 'sluice.dev/promote': 'ten-percent' })
  const now = await lab.untilRelease(waitsIn('half'))
  assert.equal(now.status?.steps?.[0]?.verdict, 'passed: promoted by a person, without gates')
})

test('a full promotion passes all later steps too, each of them live before the next', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  await annotate({ 'sluice.dev/promote-full': 'ten-percent' })
  const done = await lab.untilRelease(({ status }) => status?.phase === 'Succeeded')
  assert.deepEqual(
    done.status?.steps?.map(({ name, liveAt }) => [name, liveAt !== undefined]),
    [
      ['ten-percent', true],
      ['half', true],
      ['all', true],
    ],
  )
  assert.deepEqual((await lab.route()).spec?.virtualHost?.routes, [routeTo('v3')])
})

test('a paused release does not go further, and goes on when it is let go', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  await patch({ spec: { paused: true }, metadata: { annotations: { 'sluice.dev/approve': 'ten-percent' } } })
  const held = await lab.untilRelease(({ status }) => status?.message?.includes('the next one waits') ?? false)
  assert.equal(held.status?.phase, 'Paused')
  assert.match(held.status?.waitsForPerson?.reason ?? '', /spec\.paused is true/)
  assert.equal(held.status?.traffic?.canaryWeight, 10)
  await patch({ spec: { paused: false } })
  await lab.untilRelease(waitsIn('half'))
})

test('a paused release is still taken back when its canary fails', async () => {
  await lab.client.create(
    releases,
    release([{ name: 'ten-percent', weight: 10, gates: [{ approval: {} }, ...(JUDGED[0]?.gates ?? [])] }]),
  )
  await lab.untilRelease(waitsIn('ten-percent'))
  await patch({ spec: { paused: true } })
  lab.answers = { requestsPerSecond: 100, failureRate: 0.9 }
  await lab.untilRelease(isBack)
})

test('after a rollback the reading and the last lines of the pods stay, and the message says how to try again', async () => {
  lab.logs = ['listening', 'cannot reach the database']
  const done = await failOnce()
  const evidence = done.status?.evidence
  assert.equal(evidence?.step, 'ten-percent')
  assert.match(evidence?.reading ?? '', /failed/)
  assert.match(evidence?.logs[0]?.lines.at(-1) ?? '', /cannot reach the database$/)
  assert.match(
    done.status?.message ?? '',
    /It starts over by itself when Deployment echo\/echo-v3 gets a new pod template/,
  )
})

test('a repaired canary starts the release over by itself, and the tries before are remembered', async () => {
  await failOnce()
  lab.answers = { requestsPerSecond: 100, failureRate: 0 }
  const body = { spec: { replicas: 1, template: { metadata: { labels: { repaired: 'yes' } } } } }
  await lab.client.patch(deployments, CANARY, { kind: 'merge', body })
  const done = await lab.untilRelease(({ status }) => status?.phase === 'Succeeded')
  assert.deepEqual(
    done.status?.attempts?.map(({ number, outcome }) => [number, outcome]),
    [
      [1, 'RolledBack'],
      [2, 'Succeeded'],
    ],
  )
  assert.equal(done.status?.evidence, undefined)
  const recorded = await lab.untilAll(events, 'echo', (list) => list.some(({ reason }) => reason === 'NewRevision'))
  assert.ok(recorded.some(({ message }) => message?.endsWith('has a new pod template: the release starts over')))
})

test('the same revision is tried again only when a person says so, also after an abort', async () => {
  await lab.client.create(releases, release(GATED))
  await lab.untilRelease(waitsIn('ten-percent'))
  await annotate({ 'sluice.dev/abort': 'the colours are wrong' })
  const back = await lab.untilRelease(isBack)
  assert.equal(back.metadata.annotations?.['sluice.dev/abort'], undefined)
  await annotate({ 'sluice.dev/retry': 'they are right' })
  const again = await lab.untilRelease(waitsIn('ten-percent'))
  assert.deepEqual(
    again.status?.attempts?.map(({ outcome }) => outcome),
    ['RolledBack', undefined],
  )
  assert.equal(again.metadata.annotations?.['sluice.dev/retry'], undefined)
})

test('a release that kept its failed canary for inspection tries the step again', async () => {
  lab.answers = { requestsPerSecond: 100, failureRate: 0.5 }
  await lab.client.create(releases, release(JUDGED, { onFailure: { action: 'Pause' } }))
  await lab.untilRelease(({ status }) => status?.currentStep?.state === 'Failed' && status.evidence !== undefined)
  lab.answers = { requestsPerSecond: 100, failureRate: 0 }
  await annotate({ 'sluice.dev/retry': '' })
  await lab.untilRelease(({ status }) => status?.phase === 'Succeeded')
})

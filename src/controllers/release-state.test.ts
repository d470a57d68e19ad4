import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { controllerRevisions } from '../kinds/controller-revision.ts'
import type { ControllerRevision } from '../kinds/controller-revision.ts'
import { deployments } from '../kinds/deployment.ts'
import { events } from '../kinds/event.ts'
import { namespaces } from '../kinds/namespace.ts'
import { releases } from '../kinds/release.ts'
import type { Release, ReleaseStatus } from '../kinds/release.ts'
import { failure, isReason } from '../kube/api-error.ts'
import type { KubeClient } from '../kube/client.ts'
import { keyOf, objectKey } from '../kube/object.ts'
import { RELEASE, STABLE, deployment, release, routeTo, startReleaseLab } from '../../test/support/release-lab.ts'
import type { ReleaseLab } from '../../test/support/release-lab.ts'

const HALF = [{ name: 'half', weight: 50, gates: [{ approval: {} }] }]
const METRICS = { minRequests: 50, successRate: { min: 99 } }
const STATES_MAX = 2

let lab: ReleaseLab
let stop: AbortController
let controller: Promise<void>

beforeEach(async () => {
  lab = await startReleaseLab()
  start()
})

afterEach(async () => {
  await kill()
  await lab.close()
})

function start(): void {
  stop = new AbortController()
  controller = lab.startController(lab.client, stop.signal)
}

async function kill(): Promise<void> {
  stop.abort()
  await controller
}

/** The release stands at its approval; the controller does not run. */
async function standAtHalf(): Promise<Release> {
  await lab.client.create(deployments, deployment('v3'))
  await lab.client.create(releases, release(HALF))
  await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  await kill()
  return lab.client.get(releases, RELEASE)
}

/** Newest last. */
async function states(): Promise<readonly ControllerRevision[]> {
  const { items } = await lab.client.list(controllerRevisions, { namespace: 'echo' })
  return items
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ kind }) => kind === 'Release'))
    .toSorted((a, b) => a.revision - b.revision)
}

async function newestState(): Promise<ControllerRevision> {
  const newest = (await states()).at(-1)
  assert.ok(newest !== undefined)
  return newest
}

/** The data of a revision cannot be changed: another one takes its name. */
async function replaceState(before: ControllerRevision, change: Partial<ControllerRevision>): Promise<void> {
  await lab.client.delete(controllerRevisions, keyOf(before))
  const { name, namespace, labels, ownerReferences } = before.metadata
  const metadata = { name, namespace, labels, ownerReferences } as ControllerRevision['metadata']
  await lab.client.create(controllerRevisions, { ...before, metadata, ...change })
}

async function writeStatus(change: (status: ReleaseStatus) => ReleaseStatus): Promise<void> {
  const found = await lab.client.get(releases, RELEASE)
  await lab.client.update(releases, { ...found, status: change(found.status ?? {}) }, { subresource: 'status' })
}

function annotate(annotations: Readonly<Record<string, string | null>>): Promise<unknown> {
  return lab.client.patch(releases, RELEASE, { kind: 'merge', body: { metadata: { annotations } } })
}

function hasEnded({ status, metadata }: Release): boolean {
  const isOver = status?.phase === 'Succeeded' || status?.phase === 'RolledBack'
  return isOver && (metadata.finalizers ?? []).length === 0
}

async function goesOn(): Promise<void> {
  start()
  await annotate({ 'sluice.dev/approve': 'half' })
  const done = await lab.untilRelease(hasEnded)
  assert.equal(done.status?.phase, 'Succeeded')
}

test('the state is kept beside the release, in a few objects that it owns, and not in what people look at', async () => {
  await lab.client.create(deployments, deployment('v3'))
  await lab.client.create(releases, release(HALF))
  const standing = await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  const kept = await lab.untilAll(controllerRevisions, 'echo', (list) => list.length === STATES_MAX)
  assert.equal(standing.status?.engine, undefined)
  assert.equal((await newestState()).revision, standing.status?.stateCount)
  for (const { metadata } of kept) assert.equal(metadata.ownerReferences?.[0]?.uid, standing.metadata.uid)
  await lab.client.delete(releases, RELEASE)
  await lab.untilAll(controllerRevisions, 'echo', (list) => list.length === 0)
})

test('a state that the status does not count yet is the one to go on from', async () => {
  const { status } = await standAtHalf()
  await writeStatus((now) => ({ ...now, stateCount: (status?.stateCount ?? 0) - 1 }))
  await goesOn()
})

test('a state in the status moves to its own place once, and the release goes on from it', async () => {
  const standing = await standAtHalf()
  const { state } = (await newestState()).data as { readonly state: object }
  for (const revision of await states()) await lab.client.delete(controllerRevisions, keyOf(revision))
  await writeStatus((status) => {
    const { stateCount: _, ...earlier } = status
    return { ...earlier, engine: { version: 1, ...state } }
  })
  start()
  const moved = await lab.untilRelease(({ status }) => status?.engine === undefined)
  assert.equal(moved.status?.currentStep?.state, 'WaitingForApproval')
  assert.equal(moved.status?.currentStep?.liveAt, standing.status?.currentStep?.liveAt)
  assert.equal((await newestState()).revision, moved.status?.stateCount)
  await kill()
  await goesOn()
})

interface Fault {
  readonly what: string
  readonly make: (newest: ControllerRevision) => Promise<void>
  readonly says: RegExp
}

const FAULTS: readonly Fault[] = [
  {
    what: 'is gone',
    make: async () => {
      for (const each of await states()) await lab.client.delete(controllerRevisions, keyOf(each))
    },
    says: /its state is gone: there is no ControllerRevision echo\/release-echo-v3-/,
  },
  {
    what: 'is older than the status',
    make: (newest) => lab.client.delete(controllerRevisions, keyOf(newest)),
    says: /its state is too old: .* is state (\d+), and the status counts \d+/,
  },
  {
    what: 'is newer than the next',
    make: () => writeStatus((status) => ({ ...status, stateCount: 1 })),
    says: /its state is too new: .* is state \d+, and the status counts 1/,
  },
  {
    what: 'is that of another release',
    make: (newest) => replaceState(newest, { data: { ...(newest.data as object), release: 'other' } }),
    says: /is that of another release \(uid other\)/,
  },
  {
    what: 'has an unknown version',
    make: (newest) => replaceState(newest, { data: { ...(newest.data as object), version: 99 } }),
    says: /has version 99, and this Sluice knows version 1: run the Sluice that wrote it/,
  },
  {
    what: 'cannot be read',
    make: (newest) => replaceState(newest, { data: { ...(newest.data as object), state: 'what?' } }),
    says: /cannot be read/,
  },
]

for (const { what, make, says } of FAULTS) {
  test(`a state that ${what}: the release waits for a person, who gives it up, and all traffic goes back`, async () => {
    await standAtHalf()
    await make(await newestState())
    const before = await lab.route()
    start()
    const paused = await lab.untilRelease(({ status }) => says.test(status?.message ?? ''))
    assert.equal(paused.status?.phase, 'Paused')
    assert.match(paused.status?.waitsForPerson?.reason ?? '', /"sluice release abort echo-v3 -n echo"/)
    assert.equal(paused.status?.conditions?.find(({ type }) => type === 'Progressing')?.status, 'False')
    await lab.untilAll(events, 'echo', (list) => list.some(({ reason }) => reason === 'StateUnreadable'))
    assert.deepEqual((await lab.route()).spec, before.spec)

    await annotate({ 'sluice.dev/abort': 'the state is lost' })
    const done = await lab.untilRelease(hasEnded)
    assert.match(done.status?.message ?? '', /^Rolled back: aborted: the state is lost/)
    assert.deepEqual((await lab.route()).spec?.virtualHost?.routes, [routeTo('v2')])
    await annotate({ 'sluice.dev/retry': '' })
    await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  })
}

test('a state that is put back is read again, and the release goes on by itself', async () => {
  await standAtHalf()
  const newest = await newestState()
  await lab.client.delete(controllerRevisions, keyOf(newest))
  start()
  await lab.untilRelease(({ status }) => status?.message?.includes('too old') === true)
  const { name, namespace, labels, ownerReferences } = newest.metadata
  const metadata = { name, namespace, labels, ownerReferences } as ControllerRevision['metadata']
  await lab.client.create(controllerRevisions, { ...newest, metadata })
  await lab.untilRelease(({ status }) => status?.message?.includes('waits for a person') === true)
  await kill()
  await goesOn()
})

test('a release whose state is gone can be deleted, and its traffic goes back first', async () => {
  await standAtHalf()
  for (const each of await states()) await lab.client.delete(controllerRevisions, keyOf(each))
  start()
  await lab.client.delete(releases, RELEASE)
  await lab.until(releases, RELEASE, (object) => object === undefined)
  assert.deepEqual((await lab.route()).spec?.virtualHost?.routes, [routeTo('v2')])
})

test('a release that is made anew under the same name starts fresh', async () => {
  const first = await standAtHalf()
  const left = await newestState()
  start()
  await lab.client.delete(releases, RELEASE)
  await lab.until(releases, RELEASE, (object) => object === undefined)
  await lab.client.create(releases, release(HALF))
  const second = await lab.untilRelease(({ status }) => status?.currentStep?.state === 'WaitingForApproval')
  assert.notEqual(second.metadata.uid, first.metadata.uid)
  assert.notEqual((await newestState()).metadata.name, left.metadata.name)
  assert.equal(second.status?.attempts?.length, 1)
})

test('a deleted release goes back although its namespace takes no new state', async () => {
  await standAtHalf()
  stop = new AbortController()
  controller = lab.startController(fullNamespace(lab.client), stop.signal)
  await lab.client.delete(releases, RELEASE)
  await lab.until(releases, RELEASE, (object) => object === undefined)
  assert.deepEqual((await lab.route()).spec?.virtualHost?.routes, [routeTo('v2')])
})

test('a namespace that is deleted in the middle of its release ends, and the routes are as they were', async () => {
  const before = await lab.route()
  await standAtHalf()
  start()
  const echo = objectKey(undefined, 'echo')
  await lab.client.delete(namespaces, echo)
  await lab.until(namespaces, echo, (object) => object === undefined)
  assert.deepEqual((await lab.route()).spec, before.spec)
  assert.equal((await lab.route()).metadata.annotations, undefined)
})

/** As the API is while a namespace ends. */
function fullNamespace(client: KubeClient): KubeClient {
  const message = 'unable to create new content in namespace echo because it is being terminated'
  return {
    ...passing(client),
    create: (type, object, options) =>
      type.kind === 'ControllerRevision'
        ? Promise.reject(failure({ code: 403, reason: 'Forbidden', message }))
        : client.create(type, object, options),
  }
}

/** What becomes of the write at which control dies, or of each second write while it lives. */
const DEATHS = ['after', 'before'] as const

for (const when of DEATHS) {
  test(`killed ${when} every single write, the release still goes its whole way`, async () => {
    await kill()
    await createWholeWay()
    const lives = await liveUntil(when, async () => hasEnded(await lab.client.get(releases, RELEASE)))
    assert.ok(lives > 10)
    await assertWholeWay()
  })
}

test('each write is refused, or its answer lost, once before it succeeds: the end is the same', async () => {
  await kill()
  await createWholeWay()
  stop = new AbortController()
  controller = lab.startController(flaky(lab.client), stop.signal)
  const done = await lab.untilRelease(hasEnded)
  await assertWholeWay()
  assert.equal((await newestState()).revision, done.status?.stateCount)
  // The events are written once both state and status are.
  await lab.untilAll(events, 'echo', (list) => isTold(list, 'Started', 'StepLive', 'StepPassed', 'Succeeded'))
})

function isTold(list: readonly { readonly reason?: string }[], ...reasons: readonly string[]): boolean {
  return reasons.every((wanted) => list.some(({ reason }) => reason === wanted))
}

async function createWholeWay(): Promise<void> {
  await lab.client.create(deployments, deployment('v3'))
  const steps = [
    { name: 'smoke', weight: 0, matches: [{ headers: [{ name: 'stage', value: 'canary' }] }] },
    { name: 'ten-percent', weight: 10, gates: [{ metrics: METRICS }] },
  ]
  await lab.client.create(releases, release(steps, { onSuccess: { stable: 'Delete' } }))
}

async function assertWholeWay(): Promise<void> {
  assert.equal((await lab.client.get(releases, RELEASE)).status?.phase, 'Succeeded')
  assert.deepEqual((await lab.route()).spec?.virtualHost?.routes, [routeTo('v3')])
  assert.equal((await lab.route()).metadata.annotations, undefined)
  await assert.rejects(lab.client.get(deployments, STABLE), (error) => isReason(error, 'NotFound'))
}

/** Lives of one write each; how many it took. Who dies before a write has done one write less. */
async function liveUntil(when: (typeof DEATHS)[number], isDone: () => Promise<boolean>): Promise<number> {
  for (let lives = 0; lives < 300; lives++) {
    if (await isDone()) return lives
    const life = new AbortController()
    const died = Promise.withResolvers<void>()
    const client = mortal(lab.client, when, () => died.resolve())
    const running = lab.startController(client, life.signal)
    await Promise.race([died.promise, lab.untilRelease(hasEnded)])
    life.abort()
    await running
  }
  throw new Error('The release did not end')
}

type Write = <T>(type: { readonly kind: string }, work: () => Promise<T>) => Promise<T>

/** A client that dies with its first write to anything but events, or before its second. */
function mortal(client: KubeClient, when: (typeof DEATHS)[number], onDeath: () => void): KubeClient {
  let left = when === 'after' ? 0 : 1
  let isDead = false
  return writing(client, async (type, work) => {
    if (isDead) return new Promise<never>(() => {})
    if (type.kind === 'Event') return work()
    if (left-- > 0) return work()
    isDead = true
    try {
      if (when === 'after') await work()
    } finally {
      onDeath()
    }
    throw new DOMException('killed', 'AbortError')
  })
}

/** A client of which two of three writes fail: one is not done, one is done and its answer lost. */
function flaky(client: KubeClient): KubeClient {
  let writes = 0
  return writing(client, async (type, work) => {
    if (type.kind === 'Event') return work()
    const turn = writes++ % 3
    if (turn === 0) throw failure({ code: 500, reason: 'InternalError', message: 'not done' })
    const done = await work()
    if (turn === 1) throw failure({ code: 504, reason: 'Timeout', message: 'done, and not answered' })
    return done
  })
}

function writing(client: KubeClient, write: Write): KubeClient {
  return {
    ...passing(client),
    create: (type, object, options) => write(type, () => client.create(type, object, options)),
    update: (type, object, options) => write(type, () => client.update(type, object, options)),
    patch: (type, key, patch, options) => write(type, () => client.patch(type, key, patch, options)),
    delete: (type, key, options) => write(type, () => client.delete(type, key, options)),
  }
}

function passing(client: KubeClient): KubeClient {
  return {
    get: (type, key, signal) => client.get(type, key, signal),
    list: (type, options) => client.list(type, options),
    watch: (type, options) => client.watch(type, options),
    create: (type, object, options) => client.create(type, object, options),
    update: (type, object, options) => client.update(type, object, options),
    patch: (type, key, patch, options) => client.patch(type, key, patch, options),
    delete: (type, key, options) => client.delete(type, key, options),
  }
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { events } from '../kinds/event.ts'
import { replicaSets } from '../kinds/replica-set.ts'
import type { ReplicaSet } from '../kinds/replica-set.ts'
import { controllerOf, keyOf, objectKey } from '../kube/object.ts'
import { startWorkloadLab } from '../../test/support/workload-lab.ts'
import type { WorkloadLab } from '../../test/support/workload-lab.ts'

let lab: WorkloadLab
before(async () => {
  lab = await startWorkloadLab()
})
after(() => lab.close())

const replicaSet = (namespace: string, replicas: number): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { namespace, name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
})

const pod = (namespace: string, name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name, labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
})

const web = (namespace: string) => objectKey(namespace, 'web')

async function setUp(namespace: string, replicas: number): Promise<void> {
  await lab.createNamespace(namespace)
  await lab.client.create(replicaSets, replicaSet(namespace, replicas))
}

async function scale(namespace: string, replicas: number): Promise<void> {
  await lab.client.patch(replicaSets, web(namespace), { kind: 'merge', body: { spec: { replicas } } })
}

const untilReady = (namespace: string, count: number) =>
  lab.until(replicaSets, web(namespace), (set) => set?.status?.readyReplicas === count && set.status.replicas === count)

test('a ReplicaSet gets its pods, owned by it, and says so', async () => {
  await setUp('create', 5)
  const set = await untilReady('create', 5)
  const owned = await lab.untilAll(pods, 'create', (all) => all.length === 5)
  assert.ok(owned.every((each) => controllerOf(each)?.uid === set?.metadata.uid))
  assert.ok(owned.every((each) => each.metadata.labels?.['app'] === 'web' && each.metadata.name?.startsWith('web-')))
  const { conditions: _, ...status } = set?.status ?? { replicas: 0 }
  assert.deepEqual(status, {
    replicas: 5,
    fullyLabeledReplicas: 5,
    readyReplicas: 5,
    availableReplicas: 5,
    terminatingReplicas: 0,
    observedGeneration: 1,
  })
  const told = await lab.untilAll(events, 'create', (all) => {
    return all.filter(({ reason }) => reason === 'SuccessfulCreate').length === 5
  })
  assert.match(told[0]?.message ?? '', /^Created pod: web-/)
})

test('a deleted pod is replaced', async () => {
  await setUp('replace', 2)
  await untilReady('replace', 2)
  const [first] = await lab.untilAll(pods, 'replace', (all) => all.length === 2)
  assert.ok(first !== undefined)
  await lab.client.delete(pods, keyOf(first))
  const now = await lab.untilAll(pods, 'replace', (all) => {
    return all.length === 2 && all.every(({ metadata }) => metadata.uid !== first.metadata.uid)
  })
  assert.equal(now.length, 2)
})

test('shrinking takes the pods that serve nobody first', async () => {
  await setUp('shrink', 4)
  await untilReady('shrink', 4)
  const all = await lab.untilAll(pods, 'shrink', (each) => each.length === 4)
  const broken = new Set(all.slice(1, 3).map(({ metadata }) => metadata.uid))
  lab.fateOf = ({ metadata }) => (broken.has(metadata.uid) ? 'unready' : 'ready')
  await lab.review()
  await lab.until(replicaSets, web('shrink'), (set) => set?.status?.readyReplicas === 2)
  await scale('shrink', 2)
  const left = await lab.untilAll(pods, 'shrink', (each) => each.length === 2)
  assert.ok(left.every(({ metadata }) => !broken.has(metadata.uid)))
  lab.fateOf = () => 'ready'
})

test('never more pods than asked for are created, however fast the number changes', async () => {
  await setUp('churn', 0)
  const seen = new Set<string>()
  let most = 0
  const stop = lab.informers.of(pods).onChange(() => {
    const live = lab.informers.of(pods).list('churn')
    for (const { metadata } of live) seen.add(metadata.uid ?? '')
    most = Math.max(most, live.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length)
  })
  for (const replicas of [1, 2, 3, 4, 5, 6, 7, 8]) await scale('churn', replicas)
  await untilReady('churn', 8)
  stop()
  assert.equal(most, 8)
  assert.equal(seen.size, 8)
})

test('matching orphans are adopted, and what matches no more is let go and replaced', async () => {
  await lab.createNamespace('adopt')
  await lab.client.create(pods, pod('adopt', 'orphan'))
  await lab.client.create(replicaSets, replicaSet('adopt', 1))
  const adopted = await lab.until(pods, objectKey('adopt', 'orphan'), (each) => {
    return each?.metadata.ownerReferences?.[0]?.name === 'web'
  })
  assert.equal(adopted?.metadata.ownerReferences?.[0]?.blockOwnerDeletion, true)
  await untilReady('adopt', 1)
  const body = { metadata: { labels: { app: 'debug' } } }
  await lab.client.patch(pods, objectKey('adopt', 'orphan'), { kind: 'merge', body })
  await lab.until(pods, objectKey('adopt', 'orphan'), (each) => (each?.metadata.ownerReferences ?? []).length === 0)
  await lab.untilAll(pods, 'adopt', (all) => all.length === 2)
  await untilReady('adopt', 1)
})

test('a pod that the API refuses is reported on the ReplicaSet', async () => {
  await lab.createNamespace('refused')
  const { spec, ...rest } = replicaSet('refused', 3)
  // Nothing checks a template's finalizers before they are a pod's.
  const metadata = { ...spec.template.metadata, finalizers: ['not a finalizer'] }
  await lab.client.create(replicaSets, { ...rest, spec: { ...spec, template: { ...spec.template, metadata } } })
  const set = await lab.until(replicaSets, web('refused'), (each) => {
    return each?.status?.conditions?.some(({ type }) => type === 'ReplicaFailure') ?? false
  })
  assert.equal(set?.status?.conditions?.[0]?.reason, 'FailedCreate')
  await lab.untilAll(events, 'refused', (all) => all.some(({ reason }) => reason === 'FailedCreate'))
})

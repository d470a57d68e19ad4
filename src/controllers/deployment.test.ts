import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deployments } from '../kinds/deployment.ts'
import type { Deployment, DeploymentSpec } from '../kinds/deployment.ts'
import { events } from '../kinds/event.ts'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { replicaSets } from '../kinds/replica-set.ts'
import type { ReplicaSet } from '../kinds/replica-set.ts'
import { keyOf, objectKey } from '../kube/object.ts'
import { startWorkloadLab } from '../../test/support/workload-lab.ts'
import type { WorkloadLab } from '../../test/support/workload-lab.ts'

let lab: WorkloadLab
before(async () => {
  lab = await startWorkloadLab()
})
after(() => lab.close())

const template = (image: string): DeploymentSpec['template'] => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image }] },
})

const web = (namespace: string) => objectKey(namespace, 'web')
const REVISION = 'deployment.kubernetes.io/revision'

async function setUp(namespace: string, spec: Partial<DeploymentSpec> = {}): Promise<void> {
  await lab.createNamespace(namespace)
  const selector = { matchLabels: { app: 'web' } }
  const object: Deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'web', annotations: { note: 'copied' } },
    spec: { replicas: 3, selector, template: template('web:1'), ...spec },
  }
  await lab.client.create(deployments, object)
}

async function patch(namespace: string, spec: object): Promise<void> {
  await lab.client.patch(deployments, web(namespace), { kind: 'merge', body: { spec } })
}

/** What `kubectl rollout status` waits for. */
const untilRolledOut = (namespace: string): Promise<Deployment | undefined> =>
  lab.until(deployments, web(namespace), (deployment) => {
    const { metadata, spec, status } = deployment ?? {}
    const replicas = spec?.replicas ?? 1
    return (
      (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1) &&
      (status?.updatedReplicas ?? 0) === replicas &&
      (status?.replicas ?? 0) === replicas &&
      (status?.availableReplicas ?? 0) === replicas &&
      progressing(deployment)?.reason === 'NewReplicaSetAvailable'
    )
  })

function progressing(deployment: Deployment | undefined) {
  return deployment?.status?.conditions?.find(({ type }) => type === 'Progressing')
}

function setsOf(namespace: string): readonly ReplicaSet[] {
  return lab.informers.of(replicaSets).list(namespace)
}

const sized = (sets: readonly ReplicaSet[], image: string, size: number): boolean =>
  sets.some(({ spec }) => imageOf(spec.template) === image && spec.replicas === size)

function imageOf({ spec }: Pod | ReplicaSet['spec']['template']): string {
  return spec.containers[0]?.image ?? ''
}

test('a Deployment becomes a ReplicaSet with its pods, and reports itself available', async () => {
  await setUp('create')
  const deployment = await untilRolledOut('create')
  assert.equal(deployment?.metadata.annotations?.[REVISION], '1')
  const [set] = setsOf('create')
  const hash = set?.metadata.labels?.['pod-template-hash'] ?? ''
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]+$/)
  assert.equal(set?.metadata.name, `web-${hash}`)
  assert.equal(set?.spec.selector.matchLabels?.['pod-template-hash'], hash)
  assert.equal(set?.metadata.annotations?.['note'], 'copied')
  assert.equal(set?.metadata.annotations?.[REVISION], '1')
  assert.equal(set?.metadata.annotations?.['deployment.kubernetes.io/desired-replicas'], '3')
  assert.equal(set?.metadata.annotations?.['deployment.kubernetes.io/max-replicas'], '4')
  const all = await lab.untilAll(pods, 'create', (each) => each.length === 3)
  assert.ok(all.every(({ metadata }) => metadata.labels?.['pod-template-hash'] === hash))
  assert.equal(deployment?.status?.conditions?.find(({ type }) => type === 'Available')?.status, 'True')
  const told = await lab.untilAll(events, 'create', (each) => each.some(({ reason }) => reason === 'ScalingReplicaSet'))
  const scaling = told.find(({ reason }) => reason === 'ScalingReplicaSet')
  assert.equal(scaling?.message, `Scaled up replica set web-${hash} from 0 to 3`)
})

test('what is not in the spec raises no generation: plain creates, revisions, annotations, what Go clients leave out', async () => {
  await setUp('generation', { minReadySeconds: 0, paused: false })
  await untilRolledOut('generation')
  const note = { metadata: { annotations: { note: 'another' } } }
  await lab.client.patch(deployments, web('generation'), { kind: 'merge', body: note })
  await lab.untilAll(replicaSets, 'generation', (sets) => sets[0]?.metadata.annotations?.['note'] === 'another')
  const deployment = await lab.client.get(deployments, web('generation'))
  const { minReadySeconds: _seconds, paused: _paused, ...spec } = deployment.spec
  assert.equal((await lab.client.update(deployments, { ...deployment, spec })).metadata.generation, 1)
  assert.equal(setsOf('generation')[0]?.metadata.generation, 1)
})

test('scaling changes the one ReplicaSet and makes no revision', async () => {
  await setUp('scale')
  await untilRolledOut('scale')
  await patch('scale', { replicas: 5 })
  assert.equal((await untilRolledOut('scale'))?.status?.replicas, 5)
  await patch('scale', { replicas: 0 })
  await untilRolledOut('scale')
  await lab.untilAll(pods, 'scale', (all) => all.length === 0)
  assert.equal(setsOf('scale').length, 1)
  assert.equal(setsOf('scale')[0]?.metadata.annotations?.[REVISION], '1')
})

test('an update keeps to surge and unavailable in every moment', async () => {
  await setUp('roll', {
    replicas: 6,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } },
  })
  await untilRolledOut('roll')
  const informer = lab.informers.of(pods)
  let most = 0
  let fewest = 6
  const stop = informer.onChange(() => {
    const live = informer.list('roll').filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    const ready = live.filter(({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    most = Math.max(most, live.length)
    fewest = Math.min(fewest, ready.length)
  })
  await patch('roll', { template: template('web:2') })
  const done = await untilRolledOut('roll')
  stop()
  assert.ok(most <= 8, `at most 8 pods, saw ${most}`)
  assert.ok(fewest >= 5, `at least 5 ready, saw ${fewest}`)
  assert.equal(done?.metadata.annotations?.[REVISION], '2')
  assert.ok(informer.list('roll').every((pod) => imageOf(pod) === 'web:2'))
})

test('an update whose pods never get ready stops, keeps the old ones serving, and misses its deadline', async () => {
  await setUp('stuck', { replicas: 4, progressDeadlineSeconds: 1 })
  await untilRolledOut('stuck')
  lab.fateOf = (pod) => (imageOf(pod) === 'web:broken' ? 'unready' : 'ready')
  await patch('stuck', { template: template('web:broken') })
  const stuck = await lab.until(deployments, web('stuck'), (each) => progressing(each)?.status === 'False')
  assert.equal(progressing(stuck)?.reason, 'ProgressDeadlineExceeded')
  const bySize = setsOf('stuck').map(({ spec }) => `${imageOf(spec.template)} ${spec.replicas}`)
  assert.deepEqual(bySize.toSorted(), ['web:1 3', 'web:broken 2'])
  await patch('stuck', { template: template('web:1') })
  const back = await untilRolledOut('stuck')
  assert.equal(back?.metadata.annotations?.[REVISION], '3')
  lab.fateOf = () => 'ready'
})

test('going back to an earlier template takes its ReplicaSet again, under a new number', async () => {
  await setUp('back')
  await untilRolledOut('back')
  for (const image of ['web:2', 'web:1']) {
    await patch('back', { template: template(image) })
    await untilRolledOut('back')
  }
  const sets = setsOf('back')
  assert.equal(sets.length, 2)
  const first = sets.find(({ spec }) => imageOf(spec.template) === 'web:1')
  assert.equal(first?.metadata.annotations?.[REVISION], '3')
  assert.equal(first?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1')
})

test('rollbackTo takes an earlier template back, says so, and is cleared', async () => {
  await setUp('rollback')
  await untilRolledOut('rollback')
  await patch('rollback', { template: template('web:2') })
  await untilRolledOut('rollback')
  const ask = (revision: string): Promise<Deployment> => {
    const body = { metadata: { annotations: { 'deprecated.deployment.rollback.to': revision } } }
    return lab.client.patch(deployments, web('rollback'), { kind: 'merge', body })
  }
  const untilCleared = (image: string): Promise<Deployment | undefined> =>
    lab.until(
      deployments,
      web('rollback'),
      (deployment) =>
        deployment !== undefined &&
        deployment.metadata.annotations?.['deprecated.deployment.rollback.to'] === undefined &&
        imageOf(deployment.spec.template) === image,
    )
  const said = (reason: string): Promise<unknown> =>
    lab.untilAll(events, 'rollback', (all) => all.some((event) => event.reason === reason))
  await ask('1')
  const back = await untilCleared('web:1')
  assert.equal(back?.spec.template.metadata?.labels?.['pod-template-hash'], undefined)
  await said('RollbackDone')
  await untilRolledOut('rollback')
  await ask('0')
  await untilCleared('web:2')
  await untilRolledOut('rollback')
  await ask('4')
  await said('RollbackTemplateUnchanged')
  await ask('77')
  await said('RollbackRevisionNotFound')
  await untilCleared('web:2')
})

test('Recreate starts new pods only when the last old one is gone', async () => {
  await setUp('recreate', { replicas: 2, strategy: { type: 'Recreate' } })
  await untilRolledOut('recreate')
  lab.lingers = ({ metadata }) => metadata.namespace === 'recreate'
  await patch('recreate', { template: template('web:2') })
  const leaving = await lab.untilAll(pods, 'recreate', (all) =>
    all.every(({ metadata }) => metadata.deletionTimestamp !== undefined),
  )
  assert.equal(leaving.length, 2)
  const informer = lab.informers.of(pods)
  let isMixed = false
  const stop = informer.onChange(() => {
    isMixed ||= new Set(informer.list('recreate').map(imageOf)).size > 1
  })
  lab.lingers = () => false
  await lab.review()
  await untilRolledOut('recreate')
  stop()
  assert.equal(isMixed, false)
})

test('a paused Deployment takes no new template until it is resumed, but can be scaled', async () => {
  await setUp('pause')
  await untilRolledOut('pause')
  await patch('pause', { paused: true, template: template('web:2') })
  await lab.until(deployments, web('pause'), (each) => progressing(each)?.reason === 'DeploymentPaused')
  await patch('pause', { replicas: 5 })
  await lab.until(deployments, web('pause'), (each) => each?.status?.availableReplicas === 5)
  assert.equal(setsOf('pause').length, 1)
  await patch('pause', { paused: null })
  await untilRolledOut('pause')
  assert.ok(
    lab.informers
      .of(pods)
      .list('pause')
      .every((pod) => imageOf(pod) === 'web:2'),
  )
})

test('a resize in the middle of an update keeps the shares of old and new', async () => {
  await setUp('resize', {
    replicas: 6,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 0 } },
  })
  await untilRolledOut('resize')
  lab.fateOf = (pod) => (imageOf(pod) === 'web:2' && pod.metadata.namespace === 'resize' ? 'unready' : 'ready')
  await patch('resize', { template: template('web:2') })
  await lab.until(deployments, web('resize'), (each) => each?.status?.updatedReplicas === 3)
  await patch('resize', { replicas: 12 })
  await lab.untilAll(replicaSets, 'resize', (sets) => sized(sets, 'web:1', 10) && sized(sets, 'web:2', 5))
  lab.fateOf = () => 'ready'
  await lab.review()
  await untilRolledOut('resize')
})

test('old revisions beyond the limit are removed, the oldest first', async () => {
  await setUp('history', { replicas: 1, revisionHistoryLimit: 1 })
  await untilRolledOut('history')
  for (const image of ['web:2', 'web:3', 'web:4']) {
    await patch('history', { template: template(image) })
    await untilRolledOut('history')
  }
  const kept = await lab.untilAll(replicaSets, 'history', (sets) => sets.length === 2)
  assert.deepEqual(kept.map(({ spec }) => imageOf(spec.template)).toSorted(), ['web:3', 'web:4'])
})

test('a ReplicaSet of that name that belongs to another is left alone, and another name is found', async () => {
  await setUp('taken')
  await untilRolledOut('taken')
  const [set] = setsOf('taken')
  assert.ok(set !== undefined)
  await lab.client.delete(deployments, web('taken'), { propagationPolicy: 'Orphan' })
  const orphan = await lab.until(replicaSets, keyOf(set), (each) => (each?.metadata.ownerReferences ?? []).length === 0)
  const owner = { apiVersion: 'v1', kind: 'Stranger', name: 'x', uid: 'x', controller: true }
  const body = { metadata: { ownerReferences: [owner] } }
  await lab.client.patch(replicaSets, keyOf(set), { kind: 'merge', body })
  assert.ok(orphan !== undefined)
  const { metadata, spec } = lab.informers.of(replicaSets).get(keyOf(set)) ?? set
  await lab.client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'taken', name: 'web' },
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template('web:1') },
  })
  const deployment = await untilRolledOut('taken')
  assert.equal(deployment?.status?.collisionCount, 1)
  assert.equal(setsOf('taken').length, 2)
  assert.ok(metadata.name !== undefined && spec.replicas === 3)
})

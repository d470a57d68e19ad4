import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMaps } from '../kinds/config-map.ts'
import type { ConfigMap } from '../kinds/config-map.ts'
import { deployments } from '../kinds/deployment.ts'
import { namespaces } from '../kinds/namespace.ts'
import { pods } from '../kinds/pod.ts'
import { replicaSets } from '../kinds/replica-set.ts'
import { serviceAccounts } from '../kinds/service-account.ts'
import { services } from '../kinds/service.ts'
import { ApiError, isReason } from '../kube/api-error.ts'
import { objectKey } from '../kube/object.ts'
import type { OwnerReference } from '../kube/object.ts'
import { startWorkloadLab } from '../../test/support/workload-lab.ts'
import type { WorkloadLab } from '../../test/support/workload-lab.ts'

let lab: WorkloadLab
before(async () => {
  lab = await startWorkloadLab()
})
after(() => lab.close())

const key = (namespace: string, name: string) => objectKey(namespace, name)

function create(namespace: string, name: string, owners: readonly OwnerReference[] = []): Promise<ConfigMap> {
  return lab.client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name, ownerReferences: owners },
  })
}

const ownedBy = ({ metadata }: ConfigMap, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
  ...more,
})

const untilGone = (namespace: string, name: string) =>
  lab.until(configMaps, key(namespace, name), (object) => object === undefined)

async function createDeployment(namespace: string): Promise<void> {
  await lab.createNamespace(namespace)
  await lab.client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    },
  })
  await lab.until(deployments, key(namespace, 'web'), (each) => each?.status?.availableReplicas === 2)
}

test('what loses its last owner goes, down the whole chain', async () => {
  await lab.createNamespace('chain')
  const top = await create('chain', 'top')
  const middle = await create('chain', 'middle', [ownedBy(top)])
  await create('chain', 'bottom', [ownedBy(middle)])
  await lab.until(configMaps, key('chain', 'bottom'), (object) => object !== undefined)
  await lab.client.delete(configMaps, key('chain', 'top'))
  await untilGone('chain', 'middle')
  await untilGone('chain', 'bottom')
})

test('what has another owner stays, without the reference that leads nowhere', async () => {
  await lab.createNamespace('shared')
  const [a, b] = [await create('shared', 'a'), await create('shared', 'b')]
  await create('shared', 'child', [ownedBy(a), ownedBy(b)])
  await lab.client.delete(configMaps, key('shared', 'a'))
  const child = await lab.until(
    configMaps,
    key('shared', 'child'),
    (each) => each?.metadata.ownerReferences?.length === 1,
  )
  assert.equal(child?.metadata.ownerReferences?.[0]?.name, 'b')
})

test('an owner of the same name but another uid does not keep anything', async () => {
  await lab.createNamespace('twin')
  const owner = await create('twin', 'owner')
  await create('twin', 'child', [{ ...ownedBy(owner), uid: 'another' }])
  await untilGone('twin', 'child')
  assert.ok(lab.informers.of(configMaps).get(key('twin', 'owner')) !== undefined)
})

test('an owner of a kind nobody knows keeps what it owns', async () => {
  await lab.createNamespace('unknown')
  const reference = { apiVersion: 'example.dev/v1', kind: 'Widget', name: 'w', uid: 'u' }
  await create('unknown', 'kept', [reference])
  const owner = await create('unknown', 'owner')
  await create('unknown', 'child', [ownedBy(owner)])
  await lab.client.delete(configMaps, key('unknown', 'owner'))
  await untilGone('unknown', 'child')
  assert.ok(lab.informers.of(configMaps).get(key('unknown', 'kept')) !== undefined)
})

test('in the foreground the owner stays until its blocking dependents are gone', async () => {
  await lab.createNamespace('front')
  const owner = await create('front', 'owner')
  const child = await create('front', 'child', [ownedBy(owner, { blockOwnerDeletion: true })])
  const body = { metadata: { finalizers: ['example.dev/hold'] } }
  await lab.client.patch(configMaps, key('front', 'child'), { kind: 'merge', body })
  await lab.until(configMaps, key('front', 'child'), (each) => each?.metadata.finalizers?.length === 1)
  await lab.client.delete(configMaps, key('front', 'owner'), { propagationPolicy: 'Foreground' })
  await lab.until(configMaps, key('front', 'child'), (each) => each?.metadata.deletionTimestamp !== undefined)
  const waiting = await lab.client.get(configMaps, key('front', 'owner'))
  assert.deepEqual(waiting.metadata.finalizers, ['foregroundDeletion'])
  await lab.client.patch(configMaps, key('front', 'child'), { kind: 'merge', body: { metadata: { finalizers: [] } } })
  await untilGone('front', 'owner')
  assert.equal(child.metadata.name, 'child')
})

test('deleting a Deployment in any way does with its pods what was asked', async () => {
  await createDeployment('background')
  await lab.client.delete(deployments, key('background', 'web'), { propagationPolicy: 'Background' })
  await lab.untilAll(replicaSets, 'background', (all) => all.length === 0)
  await lab.untilAll(pods, 'background', (all) => all.length === 0)

  await createDeployment('foreground')
  await lab.client.delete(deployments, key('foreground', 'web'), { propagationPolicy: 'Foreground' })
  await lab.until(deployments, key('foreground', 'web'), (each) => each === undefined)
  const left = await Promise.all([
    lab.client.list(replicaSets, { namespace: 'foreground' }),
    lab.client.list(pods, { namespace: 'foreground' }),
  ])
  assert.deepEqual(
    left.map(({ items }) => items.length),
    [0, 0],
  )

  await createDeployment('orphan')
  await lab.client.delete(deployments, key('orphan', 'web'), { propagationPolicy: 'Orphan' })
  await lab.until(deployments, key('orphan', 'web'), (each) => each === undefined)
  const [set] = await lab.untilAll(
    replicaSets,
    'orphan',
    ([each]) => (each?.metadata.ownerReferences ?? []).length === 0,
  )
  assert.equal(set?.status?.availableReplicas, 2)
})

test('a deleted namespace is emptied, its pods are waited for, and then it goes', async () => {
  await createDeployment('doomed')
  await lab.client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'doomed', name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  })
  await lab.until(serviceAccounts, key('doomed', 'default'), (each) => each !== undefined)
  lab.lingers = ({ metadata }) => metadata.namespace === 'doomed'
  const doomed = objectKey(undefined, 'doomed')
  await lab.client.delete(namespaces, doomed)
  const waiting = await lab.until(namespaces, doomed, (each) => {
    return each?.status?.conditions?.some(({ message }) => message === 'Some resources are remaining: pods: 2') ?? false
  })
  assert.equal(waiting?.status?.phase, 'Terminating')
  await assert.rejects(create('doomed', 'late'), (error) => isReason(error, 'Forbidden'))
  lab.lingers = () => false
  await lab.review()
  await lab.until(namespaces, doomed, (each) => each === undefined)
  const { items } = await lab.client.list(pods, { namespace: 'doomed' })
  assert.deepEqual(items, [])
  await assert.rejects(lab.client.get(services, key('doomed', 'web')), ApiError)
})

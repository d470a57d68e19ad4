import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { endpointSlices } from '../kinds/endpoint-slice.ts'
import type { EndpointSlice } from '../kinds/endpoint-slice.ts'
import { endpointsResource } from '../kinds/endpoints.ts'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { services } from '../kinds/service.ts'
import type { ServiceSpec } from '../kinds/service.ts'
import { objectKey } from '../kube/object.ts'
import { startWorkloadLab } from '../../test/support/workload-lab.ts'
import type { WorkloadLab } from '../../test/support/workload-lab.ts'

let lab: WorkloadLab
before(async () => {
  lab = await startWorkloadLab()
})
after(() => lab.close())

async function createService(namespace: string, spec: Partial<ServiceSpec> = {}): Promise<void> {
  await lab.createNamespace(namespace)
  await lab.client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
  })
}

function createPod(namespace: string, name: string, containerPort = 8080, app = 'web'): Promise<Pod> {
  return lab.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { app } },
    spec: { containers: [{ name: 'web', image: 'web:1', ports: [{ name: 'http', containerPort }] }] },
  })
}

const conditionsOf = (slices: readonly EndpointSlice[], name: string) =>
  slices.flatMap(({ endpoints }) => endpoints).find(({ targetRef }) => targetRef?.name === name)?.conditions

test('a Service has a slice with its pods, their named port resolved', async () => {
  await createService('basic')
  await lab.untilAll(endpointSlices, 'basic', ([slice]) => slice?.endpoints.length === 0)
  await createPod('basic', 'a')
  await createPod('basic', 'other', 8080, 'other')
  const slices = await lab.untilAll(endpointSlices, 'basic', (all) => conditionsOf(all, 'a')?.ready === true)
  // The empty slice of before may still be there: one with other ports takes its place before it goes.
  const slice = slices.find(({ endpoints }) => endpoints.length > 0)
  const pod = lab.informers.of(pods).get(objectKey('basic', 'a'))
  assert.equal(slice?.addressType, 'IPv4')
  assert.deepEqual(slice.ports, [{ name: 'http', protocol: 'TCP', port: 8080 }])
  assert.deepEqual(slice.endpoints, [
    {
      addresses: [pod?.status?.podIP],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', namespace: 'basic', name: 'a', uid: pod?.metadata.uid },
      nodeName: 'here',
    },
  ])
  assert.equal(slice.metadata.labels?.['kubernetes.io/service-name'], 'web')
  assert.equal(slice.metadata.ownerReferences?.[0]?.kind, 'Service')
  const endpoints = await lab.until(endpointsResource, objectKey('basic', 'web'), (each) => {
    return (each?.subsets ?? []).some(({ addresses }) => addresses?.length === 1)
  })
  assert.equal(endpoints?.subsets?.[0]?.addresses?.[0]?.ip, pod?.status?.podIP)
  assert.equal(endpoints?.subsets?.[0]?.ports?.[0]?.port, 8080)
})

test('a pod that is not ready or is terminating is not ready in the slice', async () => {
  await createService('states')
  lab.fateOf = ({ metadata }) => (metadata.name === 'unready' ? 'unready' : 'ready')
  lab.lingers = ({ metadata }) => metadata.namespace === 'states'
  await Promise.all(['ready', 'unready', 'leaving'].map((name) => createPod('states', name)))
  await lab.untilAll(endpointSlices, 'states', (all) => conditionsOf(all, 'leaving')?.ready === true)
  await lab.client.delete(pods, objectKey('states', 'leaving'))
  const slices = await lab.untilAll(endpointSlices, 'states', (all) => {
    return conditionsOf(all, 'leaving')?.terminating === true && conditionsOf(all, 'unready') !== undefined
  })
  assert.deepEqual(conditionsOf(slices, 'ready'), { ready: true, serving: true, terminating: false })
  assert.deepEqual(conditionsOf(slices, 'unready'), { ready: false, serving: false, terminating: false })
  assert.deepEqual(conditionsOf(slices, 'leaving'), { ready: false, serving: true, terminating: true })
  const endpoints = await lab.until(endpointsResource, objectKey('states', 'web'), (each) => {
    return each?.subsets?.[0]?.notReadyAddresses?.length === 1 && each.subsets[0].addresses?.length === 1
  })
  assert.equal(endpoints?.subsets?.[0]?.notReadyAddresses?.[0]?.targetRef?.name, 'unready')
  lab.lingers = () => false
  await lab.review()
  await lab.untilAll(endpointSlices, 'states', (all) => conditionsOf(all, 'leaving') === undefined)
  lab.fateOf = () => 'ready'
})

test('pods that name different ports alike are in different slices', async () => {
  await createService('ports')
  await Promise.all([createPod('ports', 'a', 8080), createPod('ports', 'b', 9090)])
  const slices = await lab.untilAll(endpointSlices, 'ports', (all) => {
    return all.length === 2 && conditionsOf(all, 'a')?.ready === true && conditionsOf(all, 'b')?.ready === true
  })
  assert.deepEqual(
    slices.map(({ ports }) => ports?.[0]?.port).toSorted((a, b) => Number(a) - Number(b)),
    [8080, 9090],
  )
})

test('what is not ready is ready for a Service that asks for it', async () => {
  lab.fateOf = () => 'unready'
  await createService('early', { publishNotReadyAddresses: true })
  await createPod('early', 'a')
  await lab.untilAll(endpointSlices, 'early', (all) => conditionsOf(all, 'a')?.ready === true)
  lab.fateOf = () => 'ready'
})

test('slices and Endpoints go with their Service, and those of a Service without selector are nobody’s', async () => {
  await createService('gone')
  await createPod('gone', 'a')
  await lab.untilAll(endpointSlices, 'gone', (all) => conditionsOf(all, 'a')?.ready === true)
  await lab.until(endpointsResource, objectKey('gone', 'web'), (each) => each !== undefined)
  await lab.client.create(endpointsResource, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { namespace: 'gone', name: 'by-hand' },
  })
  await lab.client.delete(services, objectKey('gone', 'web'))
  await lab.untilAll(endpointSlices, 'gone', (all) => all.length === 0)
  await lab.until(endpointsResource, objectKey('gone', 'web'), (each) => each === undefined)
  assert.ok(lab.informers.of(endpointsResource).get(objectKey('gone', 'by-hand')) !== undefined)
})

/** The controller against a real API server, a real control link and a real proxy with real requests. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { startApiLab } from '../../test/support/api-lab.ts'
import type { ApiLab } from '../../test/support/api-lab.ts'
import { readYaml } from '../../test/support/golden.ts'
import { countBodies, fetchText } from '../../test/support/load.ts'
import type { Answer } from '../../test/support/load.ts'
import { storyFile } from '../../test/support/story.ts'
import { currentCondition } from '../../test/support/world.ts'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import { untilWatched } from '../base/watched.ts'
import { endpointSlices } from '../kinds/endpoint-slice.ts'
import { events } from '../kinds/event.ts'
import { gloo } from '../dialects/gloo/gloo.ts'
import { upstreams } from '../dialects/gloo/kinds/upstream.ts'
import type { Upstream } from '../dialects/gloo/kinds/upstream.ts'
import { virtualServices } from '../dialects/gloo/kinds/virtual-service.ts'
import type { VirtualService } from '../dialects/gloo/kinds/virtual-service.ts'
import { namespaces } from '../kinds/namespace.ts'
import { pods } from '../kinds/pod.ts'
import { services } from '../kinds/service.ts'
import { createInformers } from '../kube/informers.ts'
import { objectKey } from '../kube/object.ts'
import type { KubeObject, ObjectKey, ResourceType } from '../kube/object.ts'
import type { Condition } from '../kube/object.ts'
import { startControlLink } from '../proxy/control-link.ts'
import type { ControlLink } from '../proxy/control-link.ts'
import { runProxyWorker } from '../proxy/worker.ts'
import { runRoutingController } from './routing.ts'

const ECHO = objectKey('gloo-system', 'echo')
const base = { clock: systemClock, random: systemRandom, log: silentLog }

interface Control {
  readonly link: ControlLink
  stop(): Promise<void>
}

/** Control as far as routing goes; stopping it leaves the proxy alone. */
async function startControl(lab: ApiLab): Promise<Control> {
  const abort = new AbortController()
  const deps = { ...base, client: lab.client, signal: abort.signal }
  const informers = createInformers(lab.client, deps)
  const link = await startControlLink({ ...deps, socketPath: socketOf(lab), expected: 1, onReport: () => {} })
  const gateway = { address: '127.0.0.1', port: 0 }
  const ended = runRoutingController({ dialects: [gloo], ...deps, informers, dataPlane: link, gateway })
  return {
    link,
    async stop() {
      abort.abort()
      await Promise.all([ended, informers.closed(), link.closed])
    },
  }
}

function socketOf({ directory }: ApiLab): string {
  return join(directory, 'proxy.sock')
}

function startProxyOf(t: TestContext, lab: ApiLab): void {
  const abort = new AbortController()
  const ended = runProxyWorker({ ...base, socketPath: socketOf(lab), id: 'proxy-0', signal: abort.signal })
  t.after(async () => {
    abort.abort()
    await ended
  })
}

/** A version of echo: a server, and its pod with an EndpointSlice of its own, because ports differ here. */
async function startVersion(t: TestContext, lab: ApiLab, version: string): Promise<void> {
  const server = createServer((_, response) => response.end(`version:${version}\n`)).listen(0, '127.0.0.1')
  await new Promise((resolve) => {
    server.once('listening', resolve)
  })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const name = `echo-${version}`
  await lab.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'echo', name, labels: { app: 'echo', version } },
    spec: { containers: [{ name: 'echo', image: 'echo' }] },
  })
  await lab.client.create(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'echo', name, labels: { 'kubernetes.io/service-name': 'echo' } },
    addressType: 'IPv4',
    ports: [{ name: '', port }],
    endpoints: [
      { addresses: ['127.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', namespace: 'echo', name } },
    ],
  })
}

async function setUp(t: TestContext): Promise<ApiLab> {
  const lab = await startApiLab()
  t.after(() => lab.close())
  const { client } = lab
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'echo' } })
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'echo', name: 'echo' },
    spec: { ports: [{ port: 80 }] },
  })
  await client.create(upstreams, readYaml(storyFile('1-setup/upstream.yaml'))[0] as Upstream)
  await startVersion(t, lab, 'v1')
  await startVersion(t, lab, 'v2')
  return lab
}

function routesOf(file: string): VirtualService['spec'] {
  return (readYaml(storyFile(file))[0] as VirtualService).spec
}

/** Applies the routes and gives back the generation that they have now. */
async function apply(lab: ApiLab, spec: VirtualService['spec']): Promise<number> {
  const wanted = {
    ...(readYaml(storyFile('1-setup/vs.yaml'))[0] as VirtualService),
    ...(spec === undefined ? {} : { spec }),
  }
  const old = await lab.client.get(virtualServices, ECHO).catch(() => undefined)
  const written =
    old === undefined
      ? await lab.client.create(virtualServices, wanted)
      : await lab.client.update(virtualServices, { ...old, spec: wanted.spec ?? {} })
  return written.metadata.generation ?? 0
}

async function untilProgrammed<T extends KubeObject>(
  lab: ApiLab,
  type: ResourceType<T>,
  key: ObjectKey,
): Promise<void> {
  await lab.until(type, key, (object) => currentCondition(object, 'Programmed')?.status === 'True')
}

async function gatewayUrl(lab: ApiLab): Promise<string> {
  const key = objectKey('gloo-system', 'gateway-proxy')
  const service = await lab.until(services, key, (object) => object?.status?.loadBalancer?.ingress !== undefined)
  return `http://${service?.status?.loadBalancer?.ingress?.[0]?.ip}:${service?.spec.ports?.[0]?.port}/`
}

async function ask(url: string, count: number): Promise<Readonly<Record<string, number>>> {
  const answers: Answer[] = []
  for (let sequence = 0; sequence < count; sequence++) answers.push(await fetchText(url))
  return countBodies(answers)
}

test('what is Programmed is what requests meet, for every shift of the story', async (t) => {
  const lab = await setUp(t)
  const control = await startControl(lab)
  t.after(() => control.stop())
  startProxyOf(t, lab)
  for (const [file, expected] of [
    ['2-initial-subset-routing-to-v2/vs-1.yaml', { 'version:v1': 20 }],
    ['3-progressive-traffic-shift-to-v2/vs-2.yaml', { 'version:v1': 10, 'version:v2': 10 }],
    ['3-progressive-traffic-shift-to-v2/vs-3.yaml', { 'version:v2': 20 }],
  ] as const) {
    await apply(lab, routesOf(file))
    await untilProgrammed(lab, virtualServices, ECHO)
    assert.deepEqual(await ask(await gatewayUrl(lab), 20), expected)
  }
  await untilProgrammed(lab, upstreams, ECHO)
})

test('a restarted control serves a rejected object as it was, and takes nothing back meanwhile', async (t) => {
  const lab = await setUp(t)
  const first = await startControl(lab)
  startProxyOf(t, lab)
  const good = await apply(lab, routesOf('2-initial-subset-routing-to-v2/vs-1.yaml'))
  await untilProgrammed(lab, virtualServices, ECHO)
  const url = await gatewayUrl(lab)

  const bad = JSON.parse(
    JSON.stringify(routesOf('2-initial-subset-routing-to-v2/vs-1.yaml')).replaceAll('version', 'color'),
  ) as VirtualService['spec']
  await apply(lab, bad)
  await lab.until(virtualServices, ECHO, (object) => currentCondition(object, 'Accepted')?.status === 'False')
  await lab.until(events, await rejectionKey(lab), (event) => event !== undefined)
  assert.deepEqual(await ask(url, 4), { 'version:v1': 4 })

  await first.stop()
  const programmed: (Condition | undefined)[] = []
  lab.informers.of(virtualServices).onChange(({ new: object }) => {
    programmed.push(object?.status?.conditions?.find(({ type }) => type === 'Programmed'))
  })
  const second = await startControl(lab)
  t.after(() => second.stop())
  const { state, published } = second.link
  await untilWatched(state, ({ proxies }) => proxies.some(({ acknowledged }) => acknowledged !== null))
  assert.deepEqual(published.value?.sources.find(({ kind }) => kind === 'VirtualService')?.generation, good)
  assert.deepEqual(await ask(url, 4), { 'version:v1': 4 })
  assert.deepEqual(
    programmed.filter((condition) => condition?.status !== 'True'),
    [],
  )

  await apply(lab, routesOf('3-progressive-traffic-shift-to-v2/vs-3.yaml'))
  await untilProgrammed(lab, virtualServices, ECHO)
  assert.deepEqual(await ask(url, 4), { 'version:v2': 4 })
})

async function rejectionKey(lab: ApiLab): Promise<ObjectKey> {
  const found = Promise.withResolvers<ObjectKey>()
  const unsubscribe = lab.informers.of(events).onChange(({ new: event }) => {
    if (event?.reason === 'Rejected') found.resolve(objectKey(event.metadata.namespace, event.metadata.name ?? ''))
  })
  return found.promise.finally(unsubscribe)
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { parse } from 'yaml'
import { startApiLab } from '../../test/support/api-lab.ts'
import type { ApiLab } from '../../test/support/api-lab.ts'
import { testAuthority } from '../../test/support/certificates.ts'
import { storyFile } from '../../test/support/story.ts'
import { currentCondition } from '../../test/support/world.ts'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import { untilWatched, WatchedValue } from '../base/watched.ts'
import { controllerRevisions } from '../kinds/controller-revision.ts'
import { gloo } from '../dialects/gloo/gloo.ts'
import { upstreams } from '../dialects/gloo/kinds/upstream.ts'
import type { Upstream } from '../dialects/gloo/kinds/upstream.ts'
import { virtualServices } from '../dialects/gloo/kinds/virtual-service.ts'
import type { VirtualService } from '../dialects/gloo/kinds/virtual-service.ts'
import { secrets } from '../kinds/secret.ts'
import { services } from '../kinds/service.ts'
import { createInformers } from '../kube/informers.ts'
import { objectKey } from '../kube/object.ts'
import type { DataPlane, DataPlaneState } from '../routing/data-plane.ts'
import type { RoutingSnapshot } from '../routing/model.ts'
import { runRoutingController } from './routing.ts'

const ECHO = objectKey('gloo-system', 'echo')
const LISTENER = { id: 'gateway-http', address: '127.0.0.1', port: 4711 }

/** A data plane that the test plays: it keeps what it is given and acknowledges when told. */
class PlayedDataPlane implements DataPlane {
  readonly published = new WatchedValue<RoutingSnapshot | undefined>(undefined)
  readonly state = new WatchedValue<DataPlaneState>({ expected: 1, proxies: [] })
  count = 0

  publish(snapshot: RoutingSnapshot): void {
    this.count++
    this.published.set(snapshot)
  }

  acknowledge(): void {
    this.#stand({ acknowledged: this.published.value?.generation ?? null })
  }

  refuse(reason: string): void {
    this.#stand({ acknowledged: null, refused: { generation: this.published.value?.generation ?? 0, reason } })
  }

  #stand(standing: Pick<DataPlaneState['proxies'][number], 'acknowledged' | 'refused'>): void {
    const proxy = { id: 'proxy-0', connected: true, listeners: [LISTENER], draining: [], ...standing }
    this.state.set({ expected: 1, proxies: [proxy] })
  }
}

/** The controller over a lab's API, with caches of its own, as after a start of control. */
function startRouting(lab: ApiLab, dataPlane: DataPlane): { stop: () => Promise<void> } {
  const abort = new AbortController()
  const base = { clock: systemClock, random: systemRandom, log: silentLog, signal: abort.signal }
  const informers = createInformers(lab.client, base)
  const gateway = { address: '127.0.0.1', port: 0 }
  const ended = runRoutingController({ dialects: [gloo], ...base, client: lab.client, informers, dataPlane, gateway })
  return {
    stop: async () => {
      abort.abort()
      await Promise.all([ended, informers.closed()])
    },
  }
}

async function start(t: TestContext): Promise<{ lab: ApiLab; dataPlane: PlayedDataPlane; stop: () => Promise<void> }> {
  const lab = await startApiLab()
  const dataPlane = new PlayedDataPlane()
  const { stop } = startRouting(lab, dataPlane)
  t.after(async () => {
    await stop()
    await lab.close()
  })
  return { lab, dataPlane, stop }
}

const upstream = parse(readFileSync(storyFile('1-setup/upstream.yaml'), 'utf8')) as Upstream
const routes = parse(readFileSync(storyFile('2-initial-subset-routing-to-v2/vs-1.yaml'), 'utf8')) as VirtualService

async function apply(lab: ApiLab): Promise<void> {
  await lab.client.create(upstreams, upstream)
  await lab.client.create(virtualServices, routes)
}

/** Routes to a subset that the Upstream does not have. */
async function breakRoutes(lab: ApiLab): Promise<void> {
  const live = await lab.client.get(virtualServices, ECHO)
  const broken = JSON.parse(JSON.stringify(live).replaceAll('{"version":"v1"}', '{"color":"blue"}')) as VirtualService
  await lab.client.update(virtualServices, broken)
}

function routesTo(snapshot: RoutingSnapshot | undefined): string {
  return JSON.stringify(snapshot?.routeTables.map(({ virtualHosts }) => virtualHosts))
}

function contains(snapshot: RoutingSnapshot | undefined, generation: number): boolean {
  return (snapshot?.sources ?? []).some(
    ({ kind, generation: contained }) => kind === 'VirtualService' && contained === generation,
  )
}

test('an object is Programmed for its generation once every proxy has acknowledged a snapshot with it', async (t) => {
  const { lab, dataPlane } = await start(t)
  await apply(lab)
  await untilWatched(dataPlane.published, (snapshot) => contains(snapshot, 1))
  const pending = await lab.until(virtualServices, ECHO, (object) => {
    return currentCondition(object, 'Programmed')?.status === 'False'
  })
  assert.equal(currentCondition(pending, 'Accepted')?.status, 'True')
  dataPlane.acknowledge()
  const live = await lab.until(virtualServices, ECHO, (object) => {
    return currentCondition(object, 'Programmed')?.status === 'True'
  })
  assert.equal(currentCondition(live, 'Programmed')?.observedGeneration, 1)
  // 3 is Gloo's Warning: there is no Service behind the Upstream.
  assert.equal(live?.status?.state, 3)
})

test('the address at which a proxy really listens is published as a Service', async (t) => {
  const { lab, dataPlane } = await start(t)
  await untilWatched(dataPlane.published, (snapshot) => snapshot !== undefined)
  dataPlane.acknowledge()
  const gateway = await lab.until(services, objectKey('gloo-system', 'gateway-proxy'), (object) => {
    return object?.status?.loadBalancer?.ingress?.[0]?.ip === LISTENER.address
  })
  assert.equal(gateway?.spec.ports?.[0]?.port, LISTENER.port)
})

test('a bad update is reported and never replaces the last good one, over a restart either', async (t) => {
  const { lab, dataPlane, stop } = await start(t)
  await apply(lab)
  await untilWatched(dataPlane.published, (snapshot) => contains(snapshot, 1))
  dataPlane.acknowledge()
  await lab.until(virtualServices, ECHO, (object) => currentCondition(object, 'Programmed')?.status === 'True')
  const good = routesTo(dataPlane.published.value)

  await breakRoutes(lab)
  const rejected = await lab.until(virtualServices, ECHO, (object) => {
    return currentCondition(object, 'Accepted')?.status === 'False'
  })
  assert.match(currentCondition(rejected, 'Accepted')?.message ?? '', /spec\.virtualHost\.routes\[0\]/)
  const programmed = rejected?.status?.conditions?.find(({ type }) => type === 'Programmed')
  assert.deepEqual([programmed?.status, programmed?.observedGeneration], ['True', 1])
  assert.equal(rejected?.status?.state, 2)
  assert.equal(routesTo(dataPlane.published.value), good)

  await stop()
  assert.equal((await lab.client.list(controllerRevisions)).items.length, 1)
  const restarted = new PlayedDataPlane()
  const second = startRouting(lab, restarted)
  t.after(() => second.stop())
  const first = await untilWatched(restarted.published, (snapshot) => snapshot !== undefined)
  assert.equal(routesTo(first), good)
  assert.ok((first?.generation ?? 0) > (dataPlane.published.value?.generation ?? 0))
})

test('what a proxy refuses is said on the object', async (t) => {
  const { lab, dataPlane } = await start(t)
  await apply(lab)
  await untilWatched(dataPlane.published, (snapshot) => contains(snapshot, 1))
  dataPlane.refuse('out of ports')
  const refused = await lab.until(virtualServices, ECHO, (object) => {
    return currentCondition(object, 'Programmed')?.reason === 'Refused'
  })
  assert.match(currentCondition(refused, 'Programmed')?.message ?? '', /out of ports/)
})

test('an Upstream waits for the Secret that it names, and follows its changes', async (t) => {
  const { lab, dataPlane } = await start(t)
  const sslConfig = { secretRef: { name: 'echo-tls' } }
  await lab.client.create(upstreams, { ...upstream, spec: { ...upstream.spec, sslConfig } })
  await lab.until(upstreams, ECHO, (object) => currentCondition(object, 'Accepted')?.status === 'False')
  for (const name of ['one', 'two']) {
    const { certificate } = await testAuthority(name)
    const metadata = { namespace: 'gloo-system', name: 'echo-tls' }
    const data = { 'ca.crt': Buffer.from(certificate).toString('base64') }
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata, data }
    if (name === 'one') await lab.client.create(secrets, secret)
    else await lab.client.update(secrets, secret)
    await untilWatched(dataPlane.published, (snapshot) =>
      (snapshot?.clusters ?? []).some(({ tls }) => tls?.authorities === certificate),
    )
  }
  await lab.until(upstreams, ECHO, (object) => currentCondition(object, 'Accepted')?.status === 'True')
})

test('of two objects that claim a domain the older one has it, and the other says so', async (t) => {
  const { lab, dataPlane } = await start(t)
  await apply(lab)
  await untilWatched(dataPlane.published, (snapshot) => contains(snapshot, 1))
  const good = routesTo(dataPlane.published.value)
  const rival = { ...routes, metadata: { ...routes.metadata, name: 'rival' } }
  await lab.client.create(virtualServices, rival)
  const loser = await lab.until(virtualServices, objectKey('gloo-system', 'rival'), (object) => {
    return currentCondition(object, 'Conflicted')?.status === 'True'
  })
  assert.match(currentCondition(loser, 'Conflicted')?.message ?? '', /gloo-system\/echo/)
  assert.equal(routesTo(dataPlane.published.value), good)
})

test('nothing is published or written when nothing changed', async (t) => {
  const { lab, dataPlane } = await start(t)
  await apply(lab)
  await untilWatched(dataPlane.published, (snapshot) => contains(snapshot, 1))
  dataPlane.acknowledge()
  const live = await lab.until(virtualServices, ECHO, (object) => {
    return currentCondition(object, 'Programmed')?.status === 'True'
  })
  const { count } = dataPlane
  await lab.client.patch(virtualServices, ECHO, { kind: 'merge', body: { metadata: { labels: { seen: 'yes' } } } })
  const labelled = await lab.until(virtualServices, ECHO, (object) => object?.metadata.labels?.['seen'] === 'yes')
  // A change that does count comes after: whatever the label caused has happened by then.
  await lab.client.create(virtualServices, {
    ...routes,
    metadata: { name: 'other', namespace: 'gloo-system' },
    spec: { virtualHost: { ...routes.spec?.virtualHost, domains: ['other.example'] } },
  })
  await untilWatched(dataPlane.published, (snapshot) => routesTo(snapshot).includes('other.example'))
  assert.equal(dataPlane.count, count + 1)
  assert.deepEqual(labelled?.status, live?.status)
})

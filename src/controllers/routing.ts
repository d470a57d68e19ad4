/**
 * From routing objects to live traffic, and back to the objects' status. Compiles the whole state of the caches into one
 * snapshot, hands it to the data plane when it changed, keeps what was accepted last, and writes what became of each
 * object. Nothing is published before every cache is complete: half a view would take traffic away.
 */
import { sleep } from '../base/clock.ts'
import { WatchedValue } from '../base/watched.ts'
import { endpointSlices } from '../kinds/endpoint-slice.ts'
import { upstreams } from '../kinds/gloo-upstream.ts'
import { virtualServices } from '../kinds/gloo-virtual-service.ts'
import { pods } from '../kinds/pod.ts'
import { secrets } from '../kinds/secret.ts'
import { services } from '../kinds/service.ts'
import type { EventRecorder } from '../kube/events.ts'
import { createEventRecorder } from '../kube/events.ts'
import type { Change, Informer } from '../kube/informer.ts'
import type { KubeObject, ObjectKey } from '../kube/object.ts'
import { keyOf } from '../kube/object.ts'
import type { DataPlane, DataPlaneState } from '../routing/data-plane.ts'
import { runController, watchObjects } from './controller.ts'
import type { Requeue, Source } from './controller.ts'
import { GATEWAY_SERVICE, boundListener, publishGateway } from './routing/gateway-service.ts'
import { LastGoodStore } from './routing/last-good.ts'
import { GATEWAY_LISTENER, Snapshots, reportKey } from './routing/snapshots.ts'
import type { GatewayAddress } from './routing/snapshots.ts'
import type { GlooObject, StatusTarget } from './routing/status-writer.ts'
import { StatusWriter } from './routing/status-writer.ts'
import type { WorkloadDeps } from './workload-deps.ts'

/** Changes that come together (an applied folder, a pod and its EndpointSlice) make one snapshot. */
const COALESCE_MS = 5

export interface RoutingDeps extends WorkloadDeps {
  readonly dataPlane: DataPlane
  readonly gateway: GatewayAddress
}

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export async function runRoutingController(deps: RoutingDeps): Promise<void> {
  const events = createEventRecorder({ ...deps, component: 'routing-controller' })
  const routing = new Routing(deps, events)
  await Promise.all([routing.runCompiler(), routing.runStatus(), routing.runLastGood(), routing.runGatewayService()])
}

const WHOLE = 'all'

class Routing {
  readonly #deps: RoutingDeps
  readonly #lastGood: LastGoodStore
  readonly #status: StatusWriter
  readonly #targets: Readonly<Record<string, StatusTarget>>
  /** How many compilations there were. */
  readonly #compilations = new WatchedValue(0)
  /** Absent until what was accepted before has been read. */
  #snapshots: Snapshots | undefined

  constructor(deps: RoutingDeps, events: EventRecorder) {
    this.#deps = deps
    this.#lastGood = new LastGoodStore(deps.client)
    this.#status = new StatusWriter({ ...deps, events, snapshots: () => this.#snapshots })
    this.#targets = {
      [virtualServices.kind]: { type: virtualServices, informer: deps.informers.of(virtualServices) },
      [upstreams.kind]: { type: upstreams, informer: deps.informers.of(upstreams) },
    }
  }

  runCompiler(): Promise<void> {
    const { informers } = this.#deps
    return runController<typeof WHOLE>({
      ...this.#deps,
      name: 'routing',
      concurrency: 1,
      reconcile: (_, signal) => this.#compile(signal),
      sources: [
        watchChanges(informers.of(virtualServices), isNewGeneration),
        watchChanges(informers.of(upstreams), isNewGeneration),
        watchChanges(informers.of(services), () => true),
        watchChanges(informers.of(endpointSlices), () => true),
        watchChanges(informers.of(pods), isRelabelled),
        watchChanges(informers.of(secrets), () => true),
        once(WHOLE),
      ],
    })
  }

  runStatus(): Promise<void> {
    return runController<string>({
      ...this.#deps,
      name: 'routing-status',
      reconcile: (key) => this.#writeStatus(key),
      sources: [
        ...Object.values(this.#targets).map(({ type, informer }) => statusKeys(type.kind, informer)),
        this.#allReports((enqueue) => this.#compilations.subscribe(enqueue)),
        this.#allReports((enqueue) => subscribeToLiveness(this.#deps.dataPlane, enqueue)),
      ],
    })
  }

  runLastGood(): Promise<void> {
    return runController({
      ...this.#deps,
      name: 'routing-last-good',
      reconcile: (key, signal) => this.#keepLastGood(key, signal),
      sources: [
        sourceOf<ObjectKey>((enqueue) =>
          this.#compilations.subscribe(() => {
            for (const key of this.#snapshots?.accepted.keys() ?? []) enqueue(key)
            for (const key of this.#lastGood.keys()) enqueue(key)
          }),
        ),
      ],
    })
  }

  runGatewayService(): Promise<void> {
    const { dataPlane, informers } = this.#deps
    return runController({
      ...this.#deps,
      name: 'gateway-service',
      reconcile: (_, signal) => this.#publishGateway(signal),
      sources: [
        watchObjects(informers.of(services), (object) => [keyOf(object)].filter((key) => key === GATEWAY_SERVICE)),
        sourceOf((enqueue) => subscribeToLiveness(dataPlane, () => enqueue(GATEWAY_SERVICE))),
        once(GATEWAY_SERVICE),
      ],
    })
  }

  async #compile(signal: AbortSignal): Promise<void> {
    const { clock, informers } = this.#deps
    this.#snapshots ??= new Snapshots(this.#deps, this.#deps.gateway, await this.#lastGood.load(signal))
    await sleep(clock, COALESCE_MS, signal)
    this.#snapshots.update({
      upstreams: informers.of(upstreams).list(),
      virtualServices: informers.of(virtualServices).list(),
      services: informers.of(services).list(),
      endpointSlices: informers.of(endpointSlices).list(),
      pods: informers.of(pods).list(),
      secrets: informers.of(secrets).list(),
    })
    this.#compilations.set(this.#compilations.value + 1)
  }

  async #writeStatus(key: string): Promise<Requeue | void> {
    const target = this.#targets[key.slice(0, key.indexOf('/'))]
    return target === undefined ? undefined : this.#status.reconcile(key, target)
  }

  /** Before the first compilation nothing is known about what was accepted: what is kept must stay. */
  async #keepLastGood(key: ObjectKey, signal: AbortSignal): Promise<void> {
    if (this.#snapshots !== undefined) await this.#lastGood.keep(key, this.#snapshots.accepted.get(key), signal)
  }

  async #publishGateway(signal: AbortSignal): Promise<void> {
    const { client, dataPlane, informers } = this.#deps
    const bound = boundListener(dataPlane.state.value, GATEWAY_LISTENER)
    if (bound !== undefined) await publishGateway(client, informers.of(services).get(GATEWAY_SERVICE), bound, signal)
  }

  #allReports(subscribe: (listener: () => void) => () => void): Source<string> {
    return sourceOf((enqueue) =>
      subscribe(() => {
        for (const key of this.#snapshots?.reports.keys() ?? []) enqueue(key)
      }),
    )
  }
}

function sourceOf<K extends string>(subscribe: (enqueue: (key: K) => void) => () => void): Source<K> {
  return { synced: Promise.resolve(), subscribe }
}

/** The key once at the start, even where there is no object at all. */
function once<K extends string>(key: K): Source<K> {
  return sourceOf((enqueue) => {
    enqueue(key)
    return () => {}
  })
}

function watchChanges<T extends KubeObject>(
  informer: Informer<T>,
  matters: (change: Change<T>) => boolean,
): Source<typeof WHOLE> {
  return watchObjects<T, typeof WHOLE>(informer, (_, change) => (matters(change) ? [WHOLE] : []))
}

/** Status writes, ours among them, change nothing that is compiled. */
function isNewGeneration({ old, new: now }: Change<KubeObject>): boolean {
  return old?.metadata.uid !== now?.metadata.uid || old?.metadata.generation !== now?.metadata.generation
}

/** Of a pod only its labels and its owner count, and the owner never changes. */
function isRelabelled({ old, new: now }: Change<KubeObject>): boolean {
  return (
    old?.metadata.uid !== now?.metadata.uid ||
    JSON.stringify(old?.metadata.labels) !== JSON.stringify(now?.metadata.labels)
  )
}

function statusKeys(kind: string, informer: Informer<GlooObject>): Source<string> {
  return watchObjects<GlooObject, string>(informer, ({ metadata }) => [
    reportKey({ kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' }),
  ])
}

/** Calls back when something changed that a status or the gateway's address depends on; not for each drained endpoint. */
function subscribeToLiveness({ state }: DataPlane, listener: () => void): () => void {
  let before = livenessKey(state.value)
  return state.subscribe((value) => {
    const now = livenessKey(value)
    if (now === before) return
    before = now
    listener()
  })
}

function livenessKey({ expected, proxies }: DataPlaneState): string {
  return JSON.stringify([expected, proxies.map((proxy) => ({ ...proxy, draining: [] }))])
}

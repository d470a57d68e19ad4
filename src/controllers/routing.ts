/**
 * From routing objects of all languages to live traffic, and back to the objects' status. Compiles what changed in the caches,
 * hands it to the data plane, keeps what was accepted last, and writes what became of each object. Nothing is published before
 * every cache is complete: half a view would take traffic away.
 */
import { sleep } from '../base/clock.ts'
import { Compilation, watchesOf } from '../dialects/compilation.ts'
import { GATEWAY_HTTP } from '../dialects/gateway.ts'
import type { GatewayService, RoutingDialect } from '../dialects/routing-dialect.ts'
import { services } from '../kinds/service.ts'
import type { Service } from '../kinds/service.ts'
import type { EventRecorder } from '../kube/events.ts'
import { createEventRecorder } from '../kube/events.ts'
import type { Informer } from '../kube/informer.ts'
import type { KubeObject, ObjectKey, ResourceType } from '../kube/object.ts'
import { keyOf, objectKey } from '../kube/object.ts'
import type { DataPlane, DataPlaneState } from '../routing/data-plane.ts'
import type { HttpPolicy } from '../routing/listener-model.ts'
import { referenceText } from '../routing/object-reference.ts'
import type { ListenerClaim } from '../routing/part.ts'
import { runController, watchObjects } from './controller.ts'
import type { Requeue, Source } from './controller.ts'
import { boundListener, publishGateway } from './routing/gateway-service.ts'
import { LastGoodStore } from './routing/last-good.ts'
import { Publication } from './routing/publication.ts'
import { StatusWriter } from './routing/status-writer.ts'
import type { StatusTarget } from './routing/status-writer.ts'
import { tlsProblem } from './routing/tls-problem.ts'
import type { WorkloadDeps } from './workload-deps.ts'

/** Changes that come together (an applied folder, a pod and its EndpointSlice) make one snapshot. */
const COALESCE_MS = 5

/** Where the embedded gateway listens. */
interface GatewayAddress {
  readonly address: string
  /** 0: the data plane picks one. */
  readonly port: number
  /** Of the token with which requests are told how they were routed. */
  readonly debugTokenHash?: string
  /** What is told of its requests. */
  readonly telling?: Pick<HttpPolicy, 'accessLog' | 'tracing'>
}

export interface RoutingDeps extends WorkloadDeps {
  readonly dialects: readonly RoutingDialect[]
  readonly dataPlane: DataPlane
  readonly gateway: GatewayAddress
}

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export async function runRoutingController(deps: RoutingDeps): Promise<void> {
  const events = createEventRecorder({ ...deps, component: 'routing-controller' })
  const routing = new Routing(deps, events)
  await Promise.all([routing.runCompiler(), routing.runStatus(), routing.runLastGood(), routing.runGatewayServices()])
}

const WHOLE = 'all'

class Routing {
  readonly #deps: RoutingDeps
  readonly #lastGood: LastGoodStore
  readonly #status: StatusWriter
  /** By group and kind. */
  readonly #targets: ReadonlyMap<string, StatusTarget>
  /** Objects that changed since they were last compiled, by type and key. */
  readonly #changed = new Map<ResourceType, Set<ObjectKey>>()
  readonly #changedReports = new Listeners<readonly string[]>()
  /** Absent until what was accepted before has been read. */
  #publication: Publication | undefined

  constructor(deps: RoutingDeps, events: EventRecorder) {
    this.#deps = deps
    const targets = deps.dialects.flatMap((dialect) =>
      dialect.routingKinds.map(({ type }): StatusTarget => ({ dialect, type, informer: deps.informers.of(type) })),
    )
    this.#targets = new Map(targets.map((target) => [typeKey(target.type), target]))
    this.#lastGood = new LastGoodStore(
      deps.client,
      targets.map(({ type }) => type),
    )
    const publication = (): Publication | undefined => this.#publication
    const addresses = (): readonly string[] => this.#addresses()
    this.#status = new StatusWriter({ ...deps, events, publication, addresses })
  }

  runCompiler(): Promise<void> {
    const { dialects, informers } = this.#deps
    return runController<typeof WHOLE>({
      ...this.#deps,
      name: 'routing',
      concurrency: 1,
      reconcile: (_, signal) => this.#compile(signal),
      sources: [...watchesOf(dialects).map(({ type }) => this.#changesOf(type, informers.of(type))), once(WHOLE)],
    })
  }

  runStatus(): Promise<void> {
    return runController<string>({
      ...this.#deps,
      name: 'routing-status',
      reconcile: (text) => this.#writeStatus(text),
      sources: [
        ...[...this.#targets.values()].map(({ type, informer }) => statusKeys(type, informer)),
        sourceOf((enqueue) => this.#changedReports.subscribe((texts) => texts.forEach(enqueue))),
        sourceOf((enqueue) =>
          subscribeToLiveness(this.#deps.dataPlane, (isAboutAll) => {
            const texts = isAboutAll ? (this.#publication?.reports.keys() ?? []) : this.#status.unsettled
            for (const text of texts) enqueue(text)
          }),
        ),
      ],
    })
  }

  runLastGood(): Promise<void> {
    return runController<string>({
      ...this.#deps,
      name: 'routing-last-good',
      reconcile: (text, signal) => this.#keepLastGood(text, signal),
      sources: [
        sourceOf<string>((enqueue) =>
          this.#changedReports.subscribe((texts) => {
            texts.forEach(enqueue)
            const accepted = this.#publication?.compilation.lastGood.entries()
            for (const text of this.#lastGood.keys()) if (accepted?.has(text) !== true) enqueue(text)
          }),
        ),
      ],
    })
  }

  async runGatewayServices(): Promise<void> {
    const { dataPlane, dialects, informers } = this.#deps
    const wanted = new Map<string, GatewayService>(
      dialects.flatMap(({ gatewayServices }) =>
        gatewayServices.map((service) => [objectKey(service.namespace, service.name), service] as const),
      ),
    )
    const everyKey = (enqueue: (key: string) => void): void => wanted.keys().forEach(enqueue)
    await runController<string>({
      ...this.#deps,
      name: 'gateway-service',
      reconcile: async (key, signal) => {
        const service = wanted.get(key)
        const bound = boundListener(dataPlane.state.value, GATEWAY_HTTP)
        if (service === undefined || bound === undefined) return
        await publishGateway(
          this.#deps.client,
          { service, existing: informers.of(services).get(key as ObjectKey), bound },
          signal,
        )
      },
      sources: [
        watchObjects<Service, string>(informers.of(services), (object) =>
          [keyOf(object)].filter((key) => wanted.has(key)),
        ),
        sourceOf((enqueue) => subscribeToLiveness(dataPlane, () => everyKey(enqueue))),
        sourceOf((enqueue) => {
          everyKey(enqueue)
          return () => {}
        }),
      ],
    })
  }

  async #compile(signal: AbortSignal): Promise<void> {
    const publication = (this.#publication ??= await this.#open(signal))
    await sleep(this.#deps.clock, COALESCE_MS, signal)
    this.#takeChanges(publication.compilation)
    const { changed, failures } = publication.update()
    for (const { dialect, error } of failures) this.#deps.log.error('routing language failed', { dialect, error })
    this.#changedReports.tell(changed)
  }

  async #open(signal: AbortSignal): Promise<Publication> {
    const { dialects, gateway } = this.#deps
    const compilation = new Compilation({
      dialects,
      judgeTls: tlsProblem,
      listeners: [ownListener(gateway)],
      accepted: await this.#lastGood.load(signal),
    })
    return new Publication(compilation, this.#deps)
  }

  #takeChanges({ objects }: Compilation): void {
    for (const [type, keys] of this.#changed) {
      const informer = this.#deps.informers.of(type)
      for (const key of keys) objects.put(type, key, informer.get(key))
    }
    this.#changed.clear()
  }

  #changesOf(type: ResourceType, informer: Informer<KubeObject>): Source<typeof WHOLE> {
    return {
      synced: informer.synced,
      subscribe: (enqueue) =>
        informer.onChange(({ old, new: now }) => {
          const object = now ?? old
          if (object === undefined) return
          const keys = this.#changed.get(type) ?? new Set<ObjectKey>()
          this.#changed.set(type, keys.add(keyOf(object)))
          enqueue(WHOLE)
        }),
    }
  }

  async #writeStatus(text: string): Promise<Requeue | void> {
    const object = this.#publication?.reports.get(text)?.object
    const target = object === undefined ? undefined : this.#targets.get(typeKey(object))
    return target === undefined ? undefined : this.#status.reconcile(text, target)
  }

  /** Before the first compilation nothing is known about what was accepted: what is kept must stay. */
  async #keepLastGood(text: string, signal: AbortSignal): Promise<void> {
    const accepted = this.#publication?.compilation.lastGood.entries()
    if (accepted !== undefined) await this.#lastGood.keep(text, accepted.get(text), signal)
  }

  #addresses(): readonly string[] {
    const bound = boundListener(this.#deps.dataPlane.state.value, GATEWAY_HTTP)
    return bound === undefined ? [] : [bound.address]
  }
}

/** Everybody who wants to hear of a change. */
class Listeners<Value> {
  readonly #all = new Set<(value: Value) => void>()

  subscribe(listener: (value: Value) => void): () => void {
    this.#all.add(listener)
    return () => this.#all.delete(listener)
  }

  tell(value: Value): void {
    for (const listener of this.#all) listener(value)
  }
}

function ownListener({ address, port, debugTokenHash, telling = {} }: GatewayAddress): ListenerClaim {
  const http = { ...telling, ...(debugTokenHash === undefined ? {} : { debugTokenHash }) }
  return {
    claimants: [],
    listener: { id: GATEWAY_HTTP, address, port, protocol: 'http', http },
    scopes: [{ kind: 'gateway', listener: GATEWAY_HTTP }],
    path: '',
  }
}

function typeKey({ group, kind }: { readonly group: string; readonly kind: string }): string {
  return `${kind}.${group}`
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

/** Whoever writes into a status finds it as it should be a moment later. */
function statusKeys({ group, kind }: ResourceType, informer: Informer<KubeObject>): Source<string> {
  return watchObjects<KubeObject, string>(informer, ({ metadata: { namespace = '', name = '' } }) => [
    referenceText({ group, kind, namespace, name }),
  ])
}

/**
 * Calls back when something changed that a status or the gateway's address depends on; not for each drained endpoint.
 * `isAboutAll`: more than an acknowledgement, so that also what was live may not be any more.
 */
function subscribeToLiveness({ state }: DataPlane, listener: (isAboutAll: boolean) => void): () => void {
  let before = livenessKeys(state.value)
  return state.subscribe((value) => {
    const now = livenessKeys(value)
    const [isSame, isAboutAll] = [now.acknowledged === before.acknowledged, now.standing !== before.standing]
    before = now
    if (!isSame || isAboutAll) listener(isAboutAll)
  })
}

function livenessKeys({ expected, proxies }: DataPlaneState): {
  readonly standing: string
  readonly acknowledged: string
} {
  const standing = proxies.map((proxy) => ({ ...proxy, acknowledged: 0, draining: [] }))
  return {
    standing: JSON.stringify([expected, standing]),
    acknowledged: JSON.stringify(proxies.map(({ acknowledged }) => acknowledged)),
  }
}

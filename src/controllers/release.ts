/**
 * Releases: looks at the world, lets the engine decide, stores its state, and only then does what it asks for. Killed
 * between any two writes, the next look goes on from the stored state.
 */
import type { RouteShift } from '../dialects/traffic-shift.ts'
import { STATE_UNREADABLE, releases } from '../kinds/release.ts'
import type { Release } from '../kinds/release.ts'
import { isReason } from '../kube/api-error.ts'
import { isSameJson } from '../kube/json-value.ts'
import { createEventRecorder } from '../kube/events.ts'
import type { EventRecorder } from '../kube/events.ts'
import { keyOf } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { advance, initialState, lostState } from '../release/advance.ts'
import type { Advance, Effect, MetricsSource, ReleaseEvent, ReleaseState } from '../release/model.ts'
import { runController } from './controller.ts'
import type { Requeue } from './controller.ts'
import { runEffects } from './release/effects.ts'
import { gatherEvidence, newFailure } from './release/evidence.ts'
import type { PodLogs } from './release/evidence.ts'
import { FreshObjects } from './release/fresh.ts'
import { toPlan } from './release/plan.ts'
import { isClosed, isOpen, openCaches, wakeSources } from './release/sources.ts'
import type { ReleaseCaches } from './release/sources.ts'
import { StateStore } from './release/state-store.ts'
import { countOf } from './release/stored-state.ts'
import type { ReadableState } from './release/stored-state.ts'
import { statusOf, statusOfUnreadable } from './release/status.ts'
import type { StatusScene } from './release/status.ts'
import { TRAFFIC_INTERVAL_MS, TrafficObserver } from './release/traffic.ts'
import { observeWorld } from './release/world.ts'
import type { WorkloadDeps } from './workload-deps.ts'

export type { PodLogs }

/** How often a state that could not be read is read again. */
const UNREADABLE_RETRY_MS = 5_000
/** Events of one release that wait for its status to be stored. */
const UNTOLD_MAX = 100

export interface ReleaseControllerDeps extends WorkloadDeps {
  /** What the workloads answered, for the metrics gates. */
  readonly metrics: MetricsSource
  /** The kinds of route objects that a release can edit, and how. */
  readonly shifts: readonly RouteShift[]
  /** What the pods of a failed canary said last. */
  readonly podLogs: PodLogs
}

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export async function runReleaseController(deps: ReleaseControllerDeps): Promise<void> {
  const caches = openCaches(deps.informers, deps.shifts)
  const controller = new ReleaseController(deps, caches)
  await runController({
    name: 'release',
    reconcile: (key, signal) => controller.reconcile(key, signal),
    sources: wakeSources(caches),
    ...deps,
  })
}

interface UntoldEvent {
  readonly event: ReleaseEvent
  readonly count: number
}

class ReleaseController {
  readonly #deps: ReleaseControllerDeps
  readonly #caches: ReleaseCaches
  readonly #traffic = new TrafficObserver()
  readonly #fresh = new FreshObjects()
  readonly #states: StateStore
  /** Events, each with the number of the state that it came with, until that and the status are stored. */
  readonly #untold = new Map<ObjectKey, readonly UntoldEvent[]>()
  readonly #events: EventRecorder
  readonly #startedAtMs: number

  constructor(deps: ReleaseControllerDeps, caches: ReleaseCaches) {
    this.#deps = deps
    this.#caches = caches
    this.#states = new StateStore(deps.client)
    this.#startedAtMs = deps.clock.now()
    this.#events = createEventRecorder({ ...deps, component: 'release-controller' })
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Requeue | void> {
    const release = this.#fresh.get(this.#caches.releases, key)
    if (release === undefined || !isOpen(release)) return this.#forget(key)
    const nowMs = this.#deps.clock.now()
    const loaded = await this.#states.load(release, signal)
    if (loaded.kind === 'unreadable') return this.#pause(release, loaded.reason, signal)
    const plan = toPlan(release)
    const state = stateOf(loaded, nowMs)
    const observer = {
      caches: this.#caches,
      fresh: this.#fresh,
      metrics: this.#deps.metrics,
      watchedSinceMs: this.#startedAtMs,
    }
    const world = observeWorld(observer, { release, plan, state, nowMs })
    const result = advance(plan, state, world, nowMs)
    if (isClosed(release) && result.state.stage.kind === 'rolled-back') return
    const hasEnded = ['succeeded', 'rolled-back'].includes(result.state.stage.kind)
    if (hasEnded) this.#traffic.forget(key)
    const observed = hasEnded
      ? {}
      : this.#traffic.observe(key, { release, plan, world, metrics: this.#deps.metrics, nowMs })
    const stored = await this.#commit({ release, plan, nowMs, observed }, loaded, result, signal)
    if (stored === undefined) return
    await this.#act(stored, result, signal)
    await this.#states.prune(stored, signal)
    const wakeAtMs = Math.min(result.wakeAtMs ?? Infinity, hasEnded ? Infinity : nowMs + TRAFFIC_INTERVAL_MS)
    if (wakeAtMs !== Infinity) return { requeueAfterMs: Math.max(1, wakeAtMs - nowMs) }
  }

  #forget(key: ObjectKey): void {
    this.#traffic.forget(key)
    this.#states.forget(key)
    this.#untold.delete(key)
  }

  /** A person may put the state back or give it up; the first is not seen by itself. */
  async #pause(release: Release, reason: string, signal: AbortSignal): Promise<Requeue> {
    const status = statusOfUnreadable(release, reason, this.#deps.clock.now())
    const stored = await this.#store({ ...release, status }, release, signal)
    if (stored !== undefined && stored !== release) this.#events.record(stored, 'Warning', STATE_UNREADABLE, reason)
    return { requeueAfterMs: UNREADABLE_RETRY_MS }
  }

  /** State and status are durable before anything is done on their behalf. Undefined: the release is gone. */
  async #commit(
    scene: Omit<StatusScene, 'stateCount'>,
    loaded: ReadableState,
    result: Advance,
    signal: AbortSignal,
  ): Promise<Release | undefined> {
    const release = await this.#countStored(scene.release, loaded, result.state, signal)
    if (release === undefined) return undefined
    this.#noteEvents(release, loaded.count, result)
    const stateCount = await this.#states.write(release, result.state, signal)
    const status = statusOf({ ...scene, release, stateCount }, result)
    return this.#store({ ...release, status }, release, signal)
  }

  /** What was noted with a state that is not stored after all is forgotten: the engine says it again. */
  #noteEvents(release: Release, storedCount: number, { effects }: Advance): void {
    const key = keyOf(release)
    const earlier = (this.#untold.get(key) ?? []).filter(({ count }) => count <= storedCount)
    const fresh = effects.filter(isEvent).map((event) => ({ event, count: storedCount + 1 }))
    this.#untold.set(key, [...earlier, ...fresh].slice(-UNTOLD_MAX))
  }

  /** Before the next state is written the status must count this one: it is never more than one behind. */
  #countStored(
    release: Release,
    { count, isStored }: ReadableState,
    next: ReleaseState,
    signal: AbortSignal,
  ): Promise<Release | undefined> | Release {
    if (!isStored || count === countOf(release) || this.#states.has(release, next)) return release
    return this.#store({ ...release, status: { ...release.status, stateCount: count } }, release, signal)
  }

  async #act(release: Release, { effects, state }: Advance, signal: AbortSignal): Promise<void> {
    const deps = { ...this.#deps, caches: this.#caches, fresh: this.#fresh, events: this.#events, signal }
    const events = (this.#untold.get(keyOf(release)) ?? []).map(({ event }) => event)
    this.#untold.delete(keyOf(release))
    const writes = effects.filter((effect) => !isEvent(effect))
    // The traffic goes back first; the pods that can tell why end last.
    const [ends, others] = [writes.filter(isEndOfPods), writes.filter((one) => !isEndOfPods(one))]
    await runEffects(deps, release, [...events, ...others])
    await this.#keepEvidence(release, state, signal)
    await runEffects(deps, release, ends)
  }

  async #keepEvidence(release: Release, state: ReleaseState, signal: AbortSignal): Promise<void> {
    const failed = newFailure(release, state)
    if (failed === undefined) return
    const { podLogs } = this.#deps
    const evidence = await gatherEvidence({ caches: this.#caches, podLogs, signal }, { release, state, failed })
    const newest = this.#fresh.get(this.#caches.releases, keyOf(release)) ?? release
    await this.#store({ ...newest, status: { ...newest.status, evidence } }, newest, signal)
  }

  /** Undefined: the release is gone. */
  async #store(next: Release, before: Release, signal: AbortSignal): Promise<Release | undefined> {
    if (isSameJson(next.status, before.status)) return before
    try {
      const written = await this.#deps.client.update(releases, next, { subresource: 'status', signal })
      return this.#fresh.note(this.#caches.releases, written)
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    }
  }
}

/** Before these the logs of the pods are read. */
function isEndOfPods(effect: Effect): boolean {
  return effect.kind === 'scale' && effect.side === 'canary' && effect.replicas === 0
}

function isEvent(effect: Effect): effect is ReleaseEvent {
  return effect.kind === 'event'
}

function stateOf({ state }: ReadableState, nowMs: number): ReleaseState {
  if (state === 'new') return initialState(nowMs)
  return state === 'lost' ? lostState(nowMs) : state
}

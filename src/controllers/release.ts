/**
 * Releases: looks at the world, lets the engine decide, stores its state, and only then does what it asks for. Killed
 * between any two writes, the next look goes on from the stored state.
 */
import { releases } from '../kinds/release.ts'
import type { Release } from '../kinds/release.ts'
import { isReason } from '../kube/api-error.ts'
import { isSameJson } from '../kube/json-value.ts'
import { createEventRecorder } from '../kube/events.ts'
import type { EventRecorder } from '../kube/events.ts'
import { keyOf } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { advance } from '../release/advance.ts'
import type { Effect, MetricsSource, ReleaseState } from '../release/model.ts'
import { runController } from './controller.ts'
import type { Requeue } from './controller.ts'
import { runEffects } from './release/effects.ts'
import { gatherEvidence, newFailure } from './release/evidence.ts'
import type { PodLogs } from './release/evidence.ts'
import { FreshObjects } from './release/fresh.ts'
import { toPlan } from './release/plan.ts'
import { isClosed, isOpen, openCaches, wakeSources } from './release/sources.ts'
import type { ReleaseCaches } from './release/sources.ts'
import { stateOf, statusOf, statusOfUnknown } from './release/status.ts'
import { TRAFFIC_INTERVAL_MS, TrafficObserver } from './release/traffic.ts'
import { observeWorld } from './release/world.ts'
import type { WorkloadDeps } from './workload-deps.ts'

export type { PodLogs }

export interface ReleaseControllerDeps extends WorkloadDeps {
  /** What the workloads answered, for the metrics gates. */
  readonly metrics: MetricsSource
  /** What the pods of a failed canary said last. */
  readonly podLogs: PodLogs
}

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export async function runReleaseController(deps: ReleaseControllerDeps): Promise<void> {
  const caches = openCaches(deps.informers)
  const controller = new ReleaseController(deps, caches)
  await runController({
    name: 'release',
    reconcile: (key, signal) => controller.reconcile(key, signal),
    sources: wakeSources(caches),
    ...deps,
  })
}

class ReleaseController {
  readonly #deps: ReleaseControllerDeps
  readonly #caches: ReleaseCaches
  readonly #traffic = new TrafficObserver()
  readonly #fresh = new FreshObjects()
  readonly #events: EventRecorder
  readonly #startedAtMs: number

  constructor(deps: ReleaseControllerDeps, caches: ReleaseCaches) {
    this.#deps = deps
    this.#caches = caches
    this.#startedAtMs = deps.clock.now()
    this.#events = createEventRecorder({ ...deps, component: 'release-controller' })
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Requeue | void> {
    const release = this.#fresh.get(this.#caches.releases, key)
    if (release === undefined || !isOpen(release)) return this.#traffic.forget(key)
    const nowMs = this.#deps.clock.now()
    const unknown = statusOfUnknown(release, nowMs)
    if (unknown !== undefined) {
      await this.#store({ ...release, status: unknown }, release, signal)
      return
    }
    const plan = toPlan(release)
    const state = stateOf(release, nowMs)
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
    const status = statusOf({ release, plan, nowMs, observed }, result)
    const stored = await this.#store({ ...release, status }, release, signal)
    if (stored === undefined) return
    const deps = { ...this.#deps, caches: this.#caches, fresh: this.#fresh, events: this.#events, signal }
    // The traffic goes back first; the pods that can tell why end last.
    const [ends, others] = [result.effects.filter(isEndOfPods), result.effects.filter((one) => !isEndOfPods(one))]
    await runEffects(deps, stored, others)
    await this.#keepEvidence(stored, result.state, signal)
    await runEffects(deps, stored, ends)
    const wakeAtMs = Math.min(result.wakeAtMs ?? Infinity, hasEnded ? Infinity : nowMs + TRAFFIC_INTERVAL_MS)
    if (wakeAtMs !== Infinity) return { requeueAfterMs: Math.max(1, wakeAtMs - nowMs) }
  }

  async #keepEvidence(release: Release, state: ReleaseState, signal: AbortSignal): Promise<void> {
    const failed = newFailure(release, state)
    if (failed === undefined) return
    const { podLogs } = this.#deps
    const evidence = await gatherEvidence({ caches: this.#caches, podLogs, signal }, { release, state, failed })
    const newest = this.#fresh.get(this.#caches.releases, keyOf(release)) ?? release
    await this.#store({ ...newest, status: { ...newest.status, evidence } }, newest, signal)
  }

  /** The state is durable before anything is done on its behalf. Undefined: the release is gone. */
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

/** ReplicaSets: as many pods of one template as asked for, never twice for one wish, whatever the cache shows yet. */
import { messageOf } from '../base/errors.ts'
import { pods } from '../kinds/pod.ts'
import type { Pod } from '../kinds/pod.ts'
import { replicaSets } from '../kinds/replica-set.ts'
import type { ReplicaSet } from '../kinds/replica-set.ts'
import { ApiError, isReason } from '../kube/api-error.ts'
import { createEventRecorder } from '../kube/events.ts'
import type { EventRecorder } from '../kube/events.ts'
import type { Informer } from '../kube/informer.ts'
import { controllerOf, keyOf, splitKey } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { runController, watchKeys } from './controller.ts'
import type { Requeue } from './controller.ts'
import { generatedName } from './names.ts'
import { claim, controllerReference } from './ownership/claim.ts'
import { candidatesFor, controlledBy } from './ownership/indexes.ts'
import { watchOwned } from './ownership/owner-keys.ts'
import { isActive } from './pods/availability.ts'
import { DOUBT_AFTER_MS, PendingPods } from './replica-set/pending.ts'
import type { PendingPod } from './replica-set/pending.ts'
import { podsToDelete } from './replica-set/rank.ts'
import { replicaSetStatus } from './replica-set/status.ts'
import type { Failure } from './replica-set/status.ts'
import type { WorkloadDeps } from './workload-deps.ts'

/** Creations and deletions in one reconcile. */
const BURST_MAX = 500

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export async function runReplicaSetController(deps: WorkloadDeps): Promise<void> {
  const controller = new ReplicaSetController(deps)
  try {
    await runController({
      name: 'replica-set',
      reconcile: (key, signal) => controller.reconcile(key, signal),
      sources: controller.sources,
      ...deps,
    })
  } finally {
    controller.close()
  }
}

class ReplicaSetController {
  readonly #deps: WorkloadDeps
  readonly #sets: Informer<ReplicaSet>
  readonly #pods: Informer<Pod>
  readonly #pending: PendingPods
  readonly #events: EventRecorder
  readonly close: () => void

  constructor(deps: WorkloadDeps) {
    this.#deps = deps
    this.#sets = deps.informers.of(replicaSets)
    this.#pods = deps.informers.of(pods)
    this.#pending = new PendingPods(deps.clock)
    this.#events = createEventRecorder({ ...deps, component: 'replicaset-controller' })
    // Before the controller's own listener, so that a reconcile which a pod wakes finds it noted.
    this.close = this.#pods.onChange((change) => this.#pending.observe(change))
  }

  get sources() {
    return [watchKeys(this.#sets), watchOwned(this.#pods, this.#sets)]
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Requeue | void> {
    const replicaSet = this.#sets.get(key)
    if (replicaSet === undefined) {
      this.#pending.forget(key)
      return
    }
    const owned = await this.#claim(replicaSet, signal)
    await this.#resolveDoubts(key, signal)
    const isSettled = this.#pending.of(key).length === 0
    const isLive = replicaSet.metadata.deletionTimestamp === undefined
    const outcome = isSettled && isLive ? await this.#scale(replicaSet, owned, signal) : undefined
    const requeue = await this.#writeStatus(replicaSet, owned, outcome?.failure, signal)
    if (outcome !== undefined) throw outcome.error
    return isSettled ? requeue : { requeueAfterMs: DOUBT_AFTER_MS }
  }

  #claim(replicaSet: ReplicaSet, signal: AbortSignal): Promise<readonly Pod[]> {
    return claim({
      client: this.#deps.client,
      owner: replicaSet,
      ownerType: replicaSets,
      selector: replicaSet.spec.selector,
      type: pods,
      candidates: candidatesFor(this.#pods, replicaSet),
      isAdoptable: isActive,
      signal,
    })
  }

  async #scale(
    replicaSet: ReplicaSet,
    owned: readonly Pod[],
    signal: AbortSignal,
  ): Promise<{ readonly failure: Failure; readonly error: unknown } | undefined> {
    const active = owned.filter(isActive)
    const missing = (replicaSet.spec.replicas ?? 1) - active.length
    try {
      if (missing > 0) await this.#create(replicaSet, Math.min(missing, BURST_MAX), signal)
      if (missing < 0) await this.#delete(replicaSet, active, Math.min(-missing, BURST_MAX), signal)
      return undefined
    } catch (error) {
      // Nothing can be created in a namespace that goes away, and nothing needs to be.
      if (isTerminatingNamespace(error)) return undefined
      const reason = missing > 0 ? 'FailedCreate' : 'FailedDelete'
      return { failure: { reason, message: messageOf(error) }, error }
    }
  }

  /** In batches of 1, 2, 4, …: where the first one is refused (a quota, a bad template), hundreds are not tried. */
  async #create(replicaSet: ReplicaSet, count: number, signal: AbortSignal): Promise<void> {
    for (let done = 0, batch = 1; done < count; done += batch, batch = Math.min(batch * 2, count - done)) {
      await allOrFirstError(Array.from({ length: batch }, () => this.#createOne(replicaSet, signal)))
    }
  }

  /** The name is ours to choose: a creation whose answer got lost can be looked up by it. */
  async #createOne(replicaSet: ReplicaSet, signal: AbortSignal): Promise<void> {
    const owner = keyOf(replicaSet)
    const pod = podOf(replicaSet, generatedName(`${replicaSet.metadata.name ?? ''}-`, this.#deps.random))
    this.#pending.add(owner, { key: keyOf(pod), kind: 'create' })
    try {
      await this.#deps.client.create(pods, pod, { signal })
    } catch (error) {
      if (error instanceof ApiError) {
        this.#pending.settle(owner, keyOf(pod))
        if (!isTerminatingNamespace(error)) {
          this.#events.record(replicaSet, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
        }
      }
      throw error
    }
    this.#events.record(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name ?? ''}`)
  }

  async #delete(replicaSet: ReplicaSet, active: readonly Pod[], count: number, signal: AbortSignal): Promise<void> {
    const options = { count, nowMs: this.#deps.clock.now() }
    const victims = podsToDelete(active, this.#relatedTo(replicaSet), options)
    await allOrFirstError(victims.map((pod) => this.#deleteOne(replicaSet, pod, signal)))
  }

  /** The active pods of all ReplicaSets that belong to the same owner. */
  #relatedTo(replicaSet: ReplicaSet): readonly Pod[] {
    const owner = controllerOf(replicaSet)
    const family = this.#sets
      .list(replicaSet.metadata.namespace ?? '')
      .filter((set) => set === replicaSet || (owner !== undefined && controllerOf(set)?.uid === owner.uid))
    return family.flatMap((set) => controlledBy(this.#pods, set)).filter(isActive)
  }

  async #deleteOne(replicaSet: ReplicaSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const owner = keyOf(replicaSet)
    const { uid = '', name = '' } = pod.metadata
    this.#pending.add(owner, { key: keyOf(pod), kind: 'delete', uid })
    try {
      await this.#deps.client.delete(pods, keyOf(pod), { preconditions: { uid }, signal })
    } catch (error) {
      this.#pending.settle(owner, keyOf(pod))
      if (isReason(error, 'NotFound')) return
      throw error
    }
    this.#events.record(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  }

  /** Asks the server about requests whose effect has not shown in the cache for long, or whose answer got lost. */
  async #resolveDoubts(owner: ObjectKey, signal: AbortSignal): Promise<void> {
    const dueMs = this.#deps.clock.now() - DOUBT_AFTER_MS
    const doubtful = this.#pending.of(owner).filter((pending) => pending.sinceMs <= dueMs)
    await Promise.all(doubtful.map((pending) => this.#resolveDoubt(owner, pending, signal)))
  }

  async #resolveDoubt(owner: ObjectKey, pending: PendingPod, signal: AbortSignal): Promise<void> {
    const live = await this.#deps.client.get(pods, pending.key, signal).catch((error: unknown) => {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    })
    const cached = this.#pods.get(pending.key)
    // Settled once the cache shows what is true; until then it is stale, and counting on it would be wrong.
    if (live?.metadata.uid === cached?.metadata.uid) this.#pending.settle(owner, pending.key)
  }

  async #writeStatus(
    replicaSet: ReplicaSet,
    owned: readonly Pod[],
    failure: Failure | undefined,
    signal: AbortSignal,
  ): Promise<Requeue | void> {
    const nowMs = this.#deps.clock.now()
    const { status, isChanged, nextAvailableAtMs } = replicaSetStatus({ replicaSet, pods: owned, failure, nowMs })
    if (isChanged) {
      await this.#deps.client
        .update(replicaSets, { ...replicaSet, status }, { subresource: 'status', signal })
        .catch(ignoreNotFound)
    }
    return nextAvailableAtMs === undefined ? undefined : { requeueAfterMs: Math.max(1, nextAvailableAtMs - nowMs) }
  }
}

function podOf(replicaSet: ReplicaSet, name: string): Pod {
  const { metadata = {}, spec } = replicaSet.spec.template
  const { labels, annotations, finalizers } = metadata
  const { namespace = '' } = splitKey(keyOf(replicaSet))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      generateName: `${replicaSet.metadata.name ?? ''}-`,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [controllerReference(replicaSet, replicaSets)],
    },
    spec,
  }
}

function isTerminatingNamespace(error: unknown): boolean {
  return (
    isReason(error, 'Forbidden') &&
    (error.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false)
  )
}

function ignoreNotFound(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error
}

/** Waits for all of them, then rejects with the first failure. */
async function allOrFirstError(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

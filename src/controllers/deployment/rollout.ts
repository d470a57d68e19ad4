/** One reconcile of one Deployment: what it has found, what it does, and what it therefore reports. */
import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../../base/errors.ts'
import { deployments } from '../../kinds/deployment.ts'
import type { Deployment } from '../../kinds/deployment.ts'
import { replicaSets } from '../../kinds/replica-set.ts'
import type { ReplicaSet } from '../../kinds/replica-set.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { EventRecorder } from '../../kube/events.ts'
import { controllerOf, keyOf } from '../../kube/object.ts'
import { limitsOf } from './limits.ts'
import type { Limits } from './limits.ts'
import { nextNewSize, proportionalSizes, shrunkOldSizes } from './plan.ts'
import { REVISION, desiredReplicasOf, newSetAnnotations, nextRevision, sizeAnnotations } from './revision.ts'
import { expiredSets, findNewSet, makeNewSet, sizeOf } from './sets.ts'
import { deploymentStatus, isComplete } from './status.ts'
import type { StatusResult, Step } from './status.ts'
import { isSameTemplate } from './template.ts'

export interface RolloutDeps {
  readonly client: KubeClient
  readonly events: EventRecorder
  readonly nowMs: number
  readonly signal: AbortSignal
}

/** Holds the newest known form of the Deployment and its sets while one reconcile writes them one after another. */
export class Rollout {
  readonly #deps: RolloutDeps
  readonly #limits: Limits
  #deployment: Deployment
  #sets: readonly ReplicaSet[]
  #step: Step = 'none'
  #collisionCount: number | undefined
  #createError: string | undefined

  constructor(deployment: Deployment, sets: readonly ReplicaSet[], deps: RolloutDeps) {
    this.#deployment = deployment
    this.#sets = sets
    this.#deps = deps
    this.#limits = limitsOf(deployment)
    this.#collisionCount = deployment.status?.collisionCount
  }

  get #newSet(): ReplicaSet | undefined {
    return findNewSet(this.#deployment, this.#sets)
  }

  get oldSets(): readonly ReplicaSet[] {
    const newSet = this.#newSet
    return this.#sets.filter((set) => set !== newSet)
  }

  /** True when the Deployment was resized since its sets were sized last. */
  get isResized(): boolean {
    return this.#sets.some((set) => {
      const desired = desiredReplicasOf(set)
      return (set.spec.replicas ?? 1) > 0 && desired !== undefined && desired !== this.#limits.replicas
    })
  }

  /** Keeps every set's share of a new total. Makes no new revision. */
  async resize(): Promise<void> {
    await this.#refreshNewSet()
    const newSet = this.#newSet
    const oldSizes = this.oldSets.map(sizeOf)
    const sizes = proportionalSizes(this.#limits, newSet === undefined ? undefined : sizeOf(newSet), oldSizes)
    for (const set of this.#sets) {
      const size = sizes.get(set.metadata.name ?? '') ?? set.spec.replicas ?? 1
      if (size > 0 || (set.spec.replicas ?? 1) > 0) await this.#setSize(set, size)
    }
  }

  /** One step of a rolling update: up with the new as far as there is room, down with the old as far as can be spared. */
  async roll(): Promise<void> {
    const blank = { name: '', replicas: 0, pods: 0, available: 0, createdMs: 0 }
    await this.#ensureNewSet(nextNewSize(this.#limits, blank, this.#sets.map(sizeOf)))
    const newSet = this.#newSet
    if (newSet === undefined) return
    const grown = await this.#setSize(newSet, nextNewSize(this.#limits, sizeOf(newSet), this.oldSets.map(sizeOf)))
    const sizes = shrunkOldSizes(this.#limits, sizeOf(grown), this.oldSets.map(sizeOf))
    for (const set of this.oldSets) {
      const size = sizes.get(set.metadata.name ?? '')
      if (size !== undefined) await this.#setSize(set, size)
    }
  }

  /** All old pods away first (`hasOldPods`), then all new ones. */
  async recreate(hasOldPods: () => boolean): Promise<void> {
    await this.#refreshNewSet()
    for (const set of this.oldSets) if ((set.spec.replicas ?? 1) > 0) await this.#setSize(set, 0)
    if (hasOldPods()) return
    await this.#ensureNewSet(this.#limits.replicas)
    const newSet = this.#newSet
    if (newSet !== undefined) await this.#setSize(newSet, this.#limits.replicas)
  }

  /** Writes the status if it has changed, and removes revisions that are too old once the update is complete. */
  async finish(): Promise<StatusResult> {
    const result = deploymentStatus({
      deployment: this.#deployment,
      newSet: this.#newSet,
      sets: this.#sets,
      step: this.#step,
      collisionCount: this.#collisionCount,
      ...(this.#createError === undefined ? {} : { createError: this.#createError }),
      nowMs: this.#deps.nowMs,
    })
    const { client, signal } = this.#deps
    if (result.isChanged) {
      const changed = { ...this.#deployment, status: result.status }
      await client.update(deployments, changed, { subresource: 'status', signal })
    }
    if (isComplete(this.#deployment, result.status)) await this.#cleanUp()
    return result
  }

  async #cleanUp(): Promise<void> {
    const { client, signal } = this.#deps
    for (const set of expiredSets(this.#deployment, this.oldSets)) {
      const { uid = '', resourceVersion = '' } = set.metadata
      await client
        .delete(replicaSets, keyOf(set), { preconditions: { uid, resourceVersion }, signal })
        .catch(ignoreNotFound)
    }
  }

  async #ensureNewSet(replicas: number): Promise<void> {
    if (this.#newSet === undefined) await this.#createNewSet(replicas)
    await this.#refreshNewSet()
  }

  async #createNewSet(replicas: number): Promise<void> {
    const { client, events, signal } = this.#deps
    const annotations = {
      ...newSetAnnotations(this.#deployment, undefined, nextRevision(this.#sets)),
      ...this.#sizeAnnotations,
    }
    const wanted = makeNewSet(this.#deployment, replicas, annotations)
    const name = wanted.metadata.name ?? ''
    try {
      const created = await client.create(replicaSets, wanted, { signal })
      this.#sets = [...this.#sets, created]
      this.#step = 'created'
      if (replicas > 0) this.#recordScaling(created, 0, replicas)
    } catch (error) {
      if (isReason(error, 'AlreadyExists')) {
        await this.#takeExisting(wanted)
        return
      }
      this.#createError = `Failed to create new replica set "${name}": ${messageOf(error)}`
      events.record(this.#deployment, 'Warning', 'ReplicaSetCreateError', this.#createError)
      await this.finish()
      throw error
    }
  }

  /** The name is taken: by our own set, which the cache does not show yet, or by a stranger; then ask for another. */
  async #takeExisting(wanted: ReplicaSet): Promise<void> {
    const { client, signal } = this.#deps
    const existing = await client.get(replicaSets, keyOf(wanted), signal)
    const isOurs = controllerOf(existing)?.uid === this.#deployment.metadata.uid
    if (isOurs && isSameTemplate(existing.spec.template, wanted.spec.template)) {
      this.#sets = [...this.#sets, existing]
      return
    }
    this.#collisionCount = (this.#collisionCount ?? 0) + 1
  }

  /** The new set's revision and notes, and the Deployment's copy of its revision. */
  async #refreshNewSet(): Promise<void> {
    const newSet = this.#newSet
    if (newSet === undefined) return
    if (this.#step === 'none') this.#step = 'found'
    const { client, signal } = this.#deps
    const annotations = newSetAnnotations(this.#deployment, newSet, nextRevision(this.oldSets))
    const minReadySeconds = this.#deployment.spec.minReadySeconds ?? 0
    const isCurrent = (newSet.spec.minReadySeconds ?? 0) === minReadySeconds
    if (!isCurrent || !isDeepStrictEqual(annotations, newSet.metadata.annotations ?? {})) {
      const changed = {
        ...newSet,
        metadata: { ...newSet.metadata, annotations },
        spec: isCurrent ? newSet.spec : { ...newSet.spec, minReadySeconds },
      }
      this.#replace(newSet, await client.update(replicaSets, changed, { signal }))
    }
    await this.#noteRevision(annotations[REVISION] ?? '')
  }

  async #noteRevision(revision: string): Promise<void> {
    const { client, signal } = this.#deps
    if (this.#deployment.metadata.annotations?.[REVISION] === revision) return
    const { resourceVersion } = this.#deployment.metadata
    const body = { metadata: { resourceVersion, annotations: { [REVISION]: revision } } }
    this.#deployment = await client.patch(deployments, keyOf(this.#deployment), { kind: 'merge', body }, { signal })
  }

  /** The set at its new size, with the annotations that go with it. */
  async #setSize(set: ReplicaSet, replicas: number): Promise<ReplicaSet> {
    const { client, signal } = this.#deps
    const before = set.spec.replicas ?? 1
    const annotations = { ...set.metadata.annotations, ...this.#sizeAnnotations }
    if (before === replicas && isDeepStrictEqual(annotations, set.metadata.annotations)) return set
    const changed = { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } }
    const stored = await client.update(replicaSets, changed, { signal })
    this.#replace(set, stored)
    if (before !== replicas) this.#recordScaling(stored, before, replicas)
    return stored
  }

  get #sizeAnnotations(): Readonly<Record<string, string>> {
    return sizeAnnotations(this.#limits.replicas, this.#limits.replicas + this.#limits.maxSurge)
  }

  #replace(old: ReplicaSet, stored: ReplicaSet): void {
    this.#sets = this.#sets.map((set) => (set.metadata.uid === old.metadata.uid ? stored : set))
  }

  #recordScaling(set: ReplicaSet, from: number, to: number): void {
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata.name ?? ''} from ${from} to ${to}`
    this.#deps.events.record(this.#deployment, 'Normal', 'ScalingReplicaSet', message)
  }
}

function ignoreNotFound(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error
}

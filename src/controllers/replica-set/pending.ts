/**
 * What a ReplicaSet has asked for and its cache does not show yet. While anything is pending, the pods that the cache
 * holds are not the pods there are, and counting them would create or delete twice.
 */
import type { Clock } from '../../base/clock.ts'
import type { Change } from '../../kube/informer.ts'
import { controllerOf, keyOf, objectKey } from '../../kube/object.ts'
import type { ObjectKey } from '../../kube/object.ts'
import type { Pod } from '../../kinds/pod.ts'

/** An answer of the cache later than this is doubted: the pods in question are looked up at the server. */
export const DOUBT_AFTER_MS = 5000

export interface PendingPod {
  readonly key: ObjectKey
  readonly kind: 'create' | 'delete'
  /** Of the pod to delete. */
  readonly uid?: string
  readonly sinceMs: number
}

export class PendingPods {
  readonly #clock: Clock
  readonly #byOwner = new Map<ObjectKey, Map<ObjectKey, PendingPod>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** To be called before the request is sent: the watch may be faster than the answer. */
  add(owner: ObjectKey, pod: Omit<PendingPod, 'sinceMs'>): void {
    const pending = this.#byOwner.get(owner) ?? new Map<ObjectKey, PendingPod>()
    pending.set(pod.key, { ...pod, sinceMs: this.#clock.now() })
    this.#byOwner.set(owner, pending)
  }

  /** The request failed for sure, or its effect is visible. */
  settle(owner: ObjectKey, pod: ObjectKey): void {
    const pending = this.#byOwner.get(owner)
    pending?.delete(pod)
    if (pending?.size === 0) this.#byOwner.delete(owner)
  }

  forget(owner: ObjectKey): void {
    this.#byOwner.delete(owner)
  }

  of(owner: ObjectKey): readonly PendingPod[] {
    return [...(this.#byOwner.get(owner)?.values() ?? [])]
  }

  /** Takes note of what the cache has just learnt. */
  observe({ old, new: pod }: Change<Pod>): void {
    const seen = pod ?? old
    const owner = seen === undefined ? undefined : controllerOf(seen)
    if (seen === undefined || owner === undefined) return
    const ownerKey = objectKey(seen.metadata.namespace, owner.name)
    const pending = this.#byOwner.get(ownerKey)?.get(keyOf(seen))
    if (pending === undefined) return
    const isLeaving = pod === undefined || pod.metadata.deletionTimestamp !== undefined
    if (pending.kind === 'create' || isLeaving || pending.uid !== seen.metadata.uid) {
      this.settle(ownerKey, pending.key)
    }
  }
}

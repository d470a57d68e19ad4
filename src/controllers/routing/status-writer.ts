/** Writes the status of VirtualServices and Upstreams: only what changed, and not more than a reader can use. */
import { isDeepStrictEqual } from 'node:util'
import { hasErrors } from '../../base/diagnostic.ts'
import type { ObjectReport } from '../../dialects/dialect.ts'
import type { GlooStatus } from '../../kinds/gloo-upstream.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { EventRecorder } from '../../kube/events.ts'
import type { Informer } from '../../kube/informer.ts'
import type { KubeObject, ResourceType } from '../../kube/object.ts'
import { objectKey } from '../../kube/object.ts'
import type { Clock } from '../../base/clock.ts'
import type { DataPlane } from '../../routing/data-plane.ts'
import type { Requeue } from '../controller.ts'
import { livenessOf } from './programmed.ts'
import type { Snapshots } from './snapshots.ts'
import { GATEWAY_LISTENER } from './snapshots.ts'
import type { Serving } from './status.ts'
import { conditionOf, glooStatus } from './status.ts'

/** An acknowledgement usually takes milliseconds: so long, "not yet" is not worth a write. */
const PENDING_GRACE_MS = 250
/** A proxy that was just live gets so long to connect again (this process may have been restarted) before it is missed. */
const RECONNECT_GRACE_MS = 5_000

/** Has a status of Gloo's form. */
export type GlooObject = KubeObject & { readonly status?: GlooStatus }

export interface StatusWriterDeps {
  readonly client: KubeClient
  readonly clock: Clock
  readonly dataPlane: DataPlane
  readonly snapshots: () => Snapshots | undefined
  readonly events: EventRecorder
}

export interface StatusTarget {
  readonly type: ResourceType<GlooObject>
  readonly informer: Informer<GlooObject>
}

export class StatusWriter {
  readonly #deps: StatusWriterDeps
  /** Since when an object's served generation is not live, by report key. */
  readonly #waiting = new Map<string, { readonly since: number; readonly startedMs: number }>()
  /** What we wrote and the cache has not seen yet: `base` is the version that it was written over. */
  readonly #written = new Map<string, { readonly base: string; readonly object: GlooObject }>()

  constructor(deps: StatusWriterDeps) {
    this.#deps = deps
  }

  async reconcile(key: string, target: StatusTarget): Promise<Requeue | void> {
    const report = this.#deps.snapshots()?.reports.get(key)
    const object = this.#latest(key, target)
    if (object === undefined) this.#waiting.delete(key)
    if (object === undefined || report === undefined || !isAbout(report, object)) return undefined
    const { serving, holdMs, isWriteHeld } = this.#servingOf(key, report, object)
    if (!isWriteHeld) await this.#write(key, target, object, { report, serving })
    return holdMs === undefined ? undefined : { requeueAfterMs: holdMs }
  }

  /** The cached object, or what we made of it where the cache has not caught up. */
  #latest(key: string, { informer }: StatusTarget): GlooObject | undefined {
    const [, namespace, name = ''] = key.split('/')
    const cached = informer.get(objectKey(namespace, name))
    const written = this.#written.get(key)
    if (written !== undefined && cached?.metadata.resourceVersion === written.base) return written.object
    this.#written.delete(key)
    return cached
  }

  #servingOf(
    key: string,
    { uid }: ObjectReport,
    { status }: GlooObject,
  ): { readonly serving: Serving | undefined; readonly holdMs?: number; readonly isWriteHeld?: boolean } {
    const served = this.#deps.snapshots()?.servedOf(uid)
    if (served === undefined) return { serving: undefined }
    const { generation, since } = served
    const liveness = livenessOf(this.#deps.dataPlane.state.value, since, GATEWAY_LISTENER)
    const isUncertain = liveness.reason === 'Pending' || liveness.reason === 'NoDataPlane'
    if (!isUncertain) {
      this.#waiting.delete(key)
      return { serving: { generation, liveness } }
    }
    const programmed = conditionOf(status, 'Programmed')
    const wasLive = programmed?.status === 'True' && programmed.observedGeneration === generation
    const waitedMs = this.#waitedMs(key, since)
    const holdMs = (wasLive ? RECONNECT_GRACE_MS : PENDING_GRACE_MS) - waitedMs
    if (holdMs <= 0) return { serving: { generation, liveness } }
    if (!wasLive) return { serving: { generation, liveness }, holdMs, isWriteHeld: true }
    return { serving: { generation, liveness, isUnchanged: true }, holdMs }
  }

  #waitedMs(key: string, since: number): number {
    const now = this.#deps.clock.now()
    const known = this.#waiting.get(key)
    if (known?.since === since) return now - known.startedMs
    this.#waiting.set(key, { since, startedMs: now })
    return 0
  }

  async #write(
    key: string,
    { type }: StatusTarget,
    object: GlooObject,
    { report, serving }: { readonly report: ObjectReport; readonly serving: Serving | undefined },
  ): Promise<void> {
    const status = glooStatus({ report, serving, old: object.status, nowMs: this.#deps.clock.now() })
    if (isDeepStrictEqual(status, object.status)) return
    const written = await this.#update(type, { ...object, status })
    if (written === undefined) return
    this.#written.set(key, { base: object.metadata.resourceVersion ?? '', object: written })
    this.#tellRejection(object, status, report)
  }

  /** Undefined: the object is gone, and with it its status. */
  async #update(type: ResourceType<GlooObject>, object: GlooObject): Promise<GlooObject | undefined> {
    try {
      return await this.#deps.client.update(type, object, { subresource: 'status' })
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  #tellRejection(object: GlooObject, status: GlooStatus, report: ObjectReport): void {
    if (!hasErrors(report.diagnostics)) return
    const [now, before] = [conditionOf(status, 'Accepted'), conditionOf(object.status, 'Accepted')]
    const isKnown = before?.status === 'False' && before.message === now?.message
    if (now !== undefined && !isKnown) this.#deps.events.record(object, 'Warning', 'Rejected', now.message)
  }
}

/** An older report would put new words on an old generation: the compiler is about to look at this one. */
function isAbout({ uid, generation }: ObjectReport, { metadata }: GlooObject): boolean {
  return uid === metadata.uid && generation === metadata.generation
}

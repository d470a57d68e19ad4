/** Writes the status of routing objects, in the words of their language: only what changed, and not more than a reader can use. */
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../base/clock.ts'
import { hasErrors } from '../../base/diagnostic.ts'
import type { RoutingDialect } from '../../dialects/routing-dialect.ts'
import { conditionOf } from '../../dialects/status.ts'
import type { Serving } from '../../dialects/status.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { EventRecorder } from '../../kube/events.ts'
import type { Informer } from '../../kube/informer.ts'
import { conditionsOf } from '../../kube/conditions.ts'
import type { KubeObject, ResourceType } from '../../kube/object.ts'
import { objectKey } from '../../kube/object.ts'
import type { DataPlane } from '../../routing/data-plane.ts'
import { livenessOf } from '../../routing/liveness.ts'
import type { ObjectReport } from '../../routing/part.ts'
import type { Requeue } from '../controller.ts'
import type { Publication } from './publication.ts'

/** An acknowledgement usually takes milliseconds: so long, "not yet" is not worth a write. */
const PENDING_GRACE_MS = 250
/** A proxy that was just live gets so long to connect again (this process may have been restarted) before it is missed. */
const RECONNECT_GRACE_MS = 5_000

type WithStatus = KubeObject & { readonly status?: unknown }

export interface StatusWriterDeps {
  readonly client: KubeClient
  readonly clock: Clock
  readonly dataPlane: DataPlane
  readonly publication: () => Publication | undefined
  readonly events: EventRecorder
  /** How clients reach the gateway. */
  readonly addresses: () => readonly string[]
}

export interface StatusTarget {
  readonly dialect: RoutingDialect
  readonly type: ResourceType
  readonly informer: Informer<KubeObject>
}

export class StatusWriter {
  readonly #deps: StatusWriterDeps
  /** Since when an object's served generation is not live, by `referenceText`. */
  readonly #waiting = new Map<string, { readonly since: number; readonly startedMs: number }>()
  /** What we wrote and the cache has not seen yet: `base` is the version that it was written over. */
  readonly #written = new Map<string, { readonly base: string; readonly object: WithStatus }>()
  /** Objects whose status does not say that they are live, by `referenceText`. */
  readonly #unsettled = new Set<string>()

  constructor(deps: StatusWriterDeps) {
    this.#deps = deps
  }

  /** Those that an acknowledgement may change. */
  get unsettled(): ReadonlySet<string> {
    return this.#unsettled
  }

  async reconcile(text: string, target: StatusTarget): Promise<Requeue | void> {
    const report = this.#deps.publication()?.reports.get(text)
    const object = report === undefined ? undefined : this.#latest(text, report, target)
    if (object === undefined) this.#forget(text)
    if (object === undefined || report === undefined || !isAbout(report, object)) return undefined
    const { serving, holdMs, isWriteHeld } = this.#servingOf(text, report, object)
    if (!isWriteHeld) await this.#write(text, target, object, { report, serving })
    if (serving?.liveness.isLive === true) this.#unsettled.delete(text)
    else this.#unsettled.add(text)
    return holdMs === undefined ? undefined : { requeueAfterMs: holdMs }
  }

  #forget(text: string): void {
    this.#waiting.delete(text)
    this.#written.delete(text)
    this.#unsettled.delete(text)
  }

  /** The cached object, or what we made of it where the cache has not caught up. */
  #latest(
    text: string,
    { object: { namespace, name } }: ObjectReport,
    { informer }: StatusTarget,
  ): WithStatus | undefined {
    const cached = informer.get(objectKey(namespace, name))
    const written = this.#written.get(text)
    if (written !== undefined && cached?.metadata.resourceVersion === written.base) return written.object
    this.#written.delete(text)
    return cached
  }

  #servingOf(
    text: string,
    { uid, listeners }: ObjectReport,
    object: WithStatus,
  ): { readonly serving: Serving | undefined; readonly holdMs?: number; readonly isWriteHeld?: boolean } {
    const served = this.#deps.publication()?.servedOf(uid)
    if (served === undefined) return { serving: undefined }
    const { generation, since } = served
    const part = listeners === undefined ? { since } : { since, listeners }
    const liveness = livenessOf(this.#deps.dataPlane.state.value, part)
    const isUncertain = liveness.reason === 'Pending' || liveness.reason === 'NoDataPlane'
    if (!isUncertain) {
      this.#waiting.delete(text)
      return { serving: { generation, liveness } }
    }
    const programmed = conditionOf(conditionsOf(object), 'Programmed')
    const wasLive = programmed?.status === 'True' && programmed.observedGeneration === generation
    const holdMs = (wasLive ? RECONNECT_GRACE_MS : PENDING_GRACE_MS) - this.#waitedMs(text, since)
    if (holdMs <= 0) return { serving: { generation, liveness } }
    if (!wasLive) return { serving: { generation, liveness }, holdMs, isWriteHeld: true }
    return { serving: { generation, liveness, isUnchanged: true }, holdMs }
  }

  #waitedMs(text: string, since: number): number {
    const now = this.#deps.clock.now()
    const known = this.#waiting.get(text)
    if (known?.since === since) return now - known.startedMs
    this.#waiting.set(text, { since, startedMs: now })
    return 0
  }

  async #write(
    text: string,
    { dialect, type }: StatusTarget,
    object: WithStatus,
    { report, serving }: { readonly report: ObjectReport; readonly serving: Serving | undefined },
  ): Promise<void> {
    const nowMs = this.#deps.clock.now()
    const status = dialect.status({ report, serving, nowMs, addresses: this.#deps.addresses() }, object)
    if (status === undefined || isDeepStrictEqual(status, object.status)) return
    const next: WithStatus = { ...object, status }
    const written = await this.#update(type, next)
    if (written === undefined) return
    this.#written.set(text, { base: object.metadata.resourceVersion ?? '', object: written })
    this.#tellRejection(object, next, report)
  }

  /** Undefined: the object is gone, and with it its status. */
  async #update(type: ResourceType, object: WithStatus): Promise<WithStatus | undefined> {
    try {
      return await this.#deps.client.update(type, object, { subresource: 'status' })
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    }
  }

  /** Also for languages whose status has no room for it. */
  #tellRejection(before: WithStatus, now: WithStatus, { diagnostics }: ObjectReport): void {
    if (!hasErrors(diagnostics)) return
    const [said, known] = [now, before].map((object) => conditionOf(conditionsOf(object), 'Accepted'))
    const isKnown = known?.status === 'False' && known.message === said?.message
    if (said !== undefined && !isKnown) this.#deps.events.record(before, 'Warning', 'Rejected', said.message)
  }
}

/** An older report would put new words on an old generation: the compiler is about to look at this one. */
function isAbout({ uid, generation }: ObjectReport, { metadata }: KubeObject): boolean {
  return uid === metadata.uid && generation === (metadata.generation ?? 1)
}

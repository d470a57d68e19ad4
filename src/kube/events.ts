/**
 * Records what happened to an object as core/v1 Events, for `kubectl describe` and `kubectl get events`. Never in the
 * way of who records: a bounded queue, one write at a time, and what fails or is too much is dropped.
 */
import type { Clock } from '../base/clock.ts'
import { isAbort } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { isReason } from './api-error.ts'
import type { KubeClient } from './client.ts'
import { EventCorrelator } from './events/correlate.ts'
import type { Correlated, Occurrence } from './events/correlate.ts'
import { objectKey } from './object.ts'
import type { KubeObject, ResourceType } from './object.ts'
import { toTimestamp } from './timestamp.ts'

const QUEUED_EVENTS_MAX = 1000
const NAMESPACE_OF_CLUSTER_OBJECTS = 'default'
const MESSAGE_CHARACTERS_MAX = 1024

export interface EventRecorder {
  /** Returns at once. `reason` is one CamelCase word (`ScalingReplicaSet`), `message` a sentence for people. */
  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}

export interface EventRecorderOptions {
  readonly client: KubeClient
  /** Who records: `deployment-controller`. */
  readonly component: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** The part of core/v1 Event that is written here. */
interface EventObject extends KubeObject {
  readonly involvedObject: Readonly<Record<string, string | undefined>>
  readonly reason: string
  readonly message: string
  readonly type: string
  readonly source: { readonly component: string }
  readonly firstTimestamp: string
  readonly lastTimestamp: string
  readonly count: number
  readonly reportingComponent: string
}

const EVENTS: ResourceType<EventObject> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const writer = new EventWriter(options)
  return {
    record: (object, type, reason, message) =>
      writer.add({ object, type, reason, message: message.slice(0, MESSAGE_CHARACTERS_MAX) }),
  }
}

class EventWriter {
  readonly #options: EventRecorderOptions
  readonly #correlator: EventCorrelator
  readonly #queue: Occurrence[] = []
  #isWriting = false

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#correlator = new EventCorrelator(options.clock)
  }

  add(occurrence: Occurrence): void {
    if (this.#options.signal.aborted) return
    if (this.#queue.length >= QUEUED_EVENTS_MAX) {
      this.#options.log.debug('event dropped: too many wait', { reason: occurrence.reason })
      return
    }
    this.#queue.push(occurrence)
    if (!this.#isWriting) void this.#drain()
  }

  async #drain(): Promise<void> {
    const { log, signal } = this.#options
    this.#isWriting = true
    for (let next = this.#queue.shift(); next !== undefined && !signal.aborted; next = this.#queue.shift()) {
      const correlated = this.#correlator.correlate(next)
      if (correlated === undefined) continue
      try {
        await this.#write(correlated)
      } catch (error) {
        // Events are best effort: losing one must not disturb what it tells about.
        if (!isAbort(error, signal)) log.debug('event not written', { reason: next.reason, error })
      }
    }
    this.#isWriting = false
  }

  async #write(event: Correlated): Promise<void> {
    const { client, signal } = this.#options
    const namespace = event.object.metadata.namespace ?? NAMESPACE_OF_CLUSTER_OBJECTS
    if (event.count > 1) {
      const body = { count: event.count, message: event.message, lastTimestamp: toTimestamp(event.lastMs) }
      try {
        await client.patch(EVENTS, objectKey(namespace, event.name), { kind: 'merge', body }, { signal })
        return
      } catch (error) {
        // Events live for an hour: the one to count on may be gone.
        if (!isReason(error, 'NotFound')) throw error
      }
    }
    await client.create(EVENTS, this.#toObject(event, namespace), { signal })
  }

  #toObject(event: Correlated, namespace: string): EventObject {
    const { component } = this.#options
    const { apiVersion, kind, metadata } = event.object
    const { name, uid, resourceVersion } = metadata
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name: event.name },
      involvedObject: { apiVersion, kind, namespace: metadata.namespace, name, uid, resourceVersion },
      type: event.type,
      reason: event.reason,
      message: event.message,
      source: { component },
      reportingComponent: component,
      firstTimestamp: toTimestamp(event.firstMs),
      lastTimestamp: toTimestamp(event.lastMs),
      count: event.count,
    }
  }
}

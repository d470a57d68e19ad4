/**
 * Writes Events about pods. The same event again raises the count of the first one. Events are for people: they are
 * sent one after another in the background, and when the API is away too long the oldest wait no longer.
 */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isReason } from '../../kube/api-error.ts'
import type { KubeClient } from '../../kube/client.ts'
import { objectKey } from '../../kube/object.ts'
import { events } from '../../kinds/event.ts'
import type { Event } from '../../kinds/event.ts'
import type { Pod } from '../../kinds/pod.ts'
import { timestamp } from './status.ts'

export interface EventFields {
  readonly pod: Pod
  /** The container the event is about. */
  readonly fieldPath?: string
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export interface EventRecorderOptions {
  readonly client: KubeClient
  readonly clock: Clock
  readonly log: Log
  readonly nodeName: string
  readonly signal: AbortSignal
}

const COMPONENT = 'sluice-runtime'
/** Events that wait to be sent. */
const WAITING_MAX = 256
/** Events whose repetition is noticed. */
const KNOWN_MAX = 1024

interface Known {
  readonly name: string
  readonly count: number
}

export class EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #waiting: EventFields[] = []
  readonly #known = new Map<string, Known>()
  #isSending = false
  #sequence = 0

  constructor(options: EventRecorderOptions) {
    this.#options = options
  }

  record(event: EventFields): void {
    if (this.#waiting.length >= WAITING_MAX) this.#waiting.shift()
    this.#waiting.push(event)
    if (!this.#isSending) void this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#options.signal.aborted) break
      try {
        await this.#send(next)
      } catch (error) {
        // The namespace may be going away, or the API is: nothing depends on an event.
        this.#options.log.debug('event not recorded', { reason: next.reason, error })
      }
    }
    this.#isSending = false
  }

  async #send(event: EventFields): Promise<void> {
    const key = [event.pod.metadata.uid, event.fieldPath, event.reason, event.message].join('\0')
    const known = this.#known.get(key)
    const next = known === undefined ? await this.#create(event) : await this.#repeat(event, known)
    this.#known.delete(key)
    this.#known.set(key, next)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KNOWN_MAX) break
      this.#known.delete(oldest)
    }
  }

  async #repeat(event: EventFields, { name, count }: Known): Promise<Known> {
    const { client, clock, signal } = this.#options
    const body = { count: count + 1, lastTimestamp: timestamp(clock.now()) }
    try {
      await client.patch(events, objectKey(event.pod.metadata.namespace, name), { kind: 'merge', body }, { signal })
      return { name, count: count + 1 }
    } catch (error) {
      if (isReason(error, 'NotFound')) return this.#create(event)
      throw error
    }
  }

  async #create(event: EventFields): Promise<Known> {
    const { client, signal } = this.#options
    const object = this.#eventObject(event)
    await client.create(events, object, { signal })
    return { name: object.metadata.name ?? '', count: 1 }
  }

  #eventObject({ pod, fieldPath, type, reason, message }: EventFields): Event {
    const { clock, nodeName } = this.#options
    const { name = '', namespace = '', uid, resourceVersion } = pod.metadata
    const now = timestamp(clock.now())
    const suffix = (clock.now() * 1000 + (this.#sequence++ % 1000)).toString(16)
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${suffix}`, namespace },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        name,
        namespace,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      type,
      reason,
      message,
      source: { component: COMPONENT, host: nodeName },
      reportingComponent: COMPONENT,
      reportingInstance: nodeName,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    }
  }
}

/**
 * A local, always growing-fresh copy of one kind: list once, then watch, and list again when the server no longer
 * knows where we were. Readers see whole immutable objects; listeners learn that something changed, never a history.
 */
import { assertNever } from '../base/assert.ts'
import { backoffMs } from '../base/backoff.ts'
import type { BackoffOptions } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { ApiError } from './api-error.ts'
import type { KubeClient, WatchEvent } from './client.ts'
import { ObjectCache } from './informer/object-cache.ts'
import type { IndexFunction } from './informer/object-cache.ts'
import { keyOf, resourceName } from './object.ts'
import type { KubeObject, ObjectKey, ResourceType } from './object.ts'

const RETRY_BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 30_000 }
/** Each watch is asked to end after 5 to 10 minutes, so that load spreads again after a server came back. */
const WATCH_SECONDS_MIN = 300

/** `old` is absent when the object is new to the cache, `new` when it is gone. */
export interface Change<T> {
  readonly old: T | undefined
  readonly new: T | undefined
}

export interface Informer<T extends KubeObject> {
  readonly type: ResourceType<T>
  get(key: ObjectKey): T | undefined
  /** In no particular order; all namespaces when none is given. */
  list(namespace?: string): readonly T[]
  /** Objects filed under `value` in an index that `addIndex` made. */
  by(index: string, value: string): readonly T[]
  /** Names are shared by all users of the informer: the first function under a name stays. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void
  /** Calls `listener` at every change, and at once for each object that is there already. Returns the unsubscribe. */
  onChange(listener: (change: Change<T>) => void): () => void
  /** Resolves when the first list is complete; rejects when the informer is stopped before. */
  readonly synced: Promise<void>
  readonly hasSynced: boolean
  /** Resolves once fully stopped. */
  readonly closed: Promise<void>
}

export interface InformerDeps {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}

export interface InformerOptions extends InformerDeps {
  /** All namespaces when absent. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

const BY_NAMESPACE = 'namespace'

export function startInformer<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  options: InformerOptions,
): Informer<T> {
  return new ListWatchInformer(client, type, options)
}

class ListWatchInformer<T extends KubeObject> implements Informer<T> {
  readonly type: ResourceType<T>
  readonly synced: Promise<void>
  readonly closed: Promise<void>
  readonly #client: KubeClient
  readonly #options: InformerOptions
  readonly #log: Log
  readonly #cache = new ObjectCache<T>()
  readonly #listeners = new Set<(change: Change<T>) => void>()
  readonly #firstList = Promise.withResolvers<void>()
  #hasSynced = false
  /** Where the next watch starts; undefined: list first. */
  #version: string | undefined

  constructor(client: KubeClient, type: ResourceType<T>, options: InformerOptions) {
    this.type = type
    this.#client = client
    this.#options = options
    this.#log = options.log.with({ resource: resourceName(type) })
    this.#cache.addIndex(BY_NAMESPACE, (object) => [object.metadata.namespace ?? ''])
    this.synced = this.#firstList.promise
    // Whoever does not wait for the first list does not care that it never came.
    this.synced.catch(() => {})
    this.closed = this.#run()
  }

  get hasSynced(): boolean {
    return this.#hasSynced
  }

  get(key: ObjectKey): T | undefined {
    return this.#cache.get(key)
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined ? this.#cache.all() : this.#cache.by(BY_NAMESPACE, namespace)
  }

  by(index: string, value: string): readonly T[] {
    return this.#cache.by(index, value)
  }

  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    this.#cache.addIndex(name, valuesOf)
  }

  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener)
    for (const object of this.#cache.all()) this.#tell(listener, { old: undefined, new: object })
    return () => this.#listeners.delete(listener)
  }

  async #run(): Promise<void> {
    const { clock, random, signal } = this.#options
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      if (await this.#session()) attempt = -1
      else await sleep(clock, backoffMs(RETRY_BACKOFF, attempt, random), signal).catch(() => {})
    }
    this.#firstList.reject(signal.reason)
  }

  /** Lists if need be, then watches until the stream ends. True when the watch brought anything: no need to back off. */
  async #session(): Promise<boolean> {
    const { signal } = this.#options
    let fruitful = false
    try {
      this.#version ??= await this.#relist()
      for await (const event of this.#watch()) {
        if (!this.#apply(event)) break
        fruitful = true
      }
    } catch (error) {
      if (signal.aborted) return false
      if (isGone(error)) this.#version = undefined
      this.#log.warn('watch failed', { error })
    }
    return fruitful
  }

  async #relist(): Promise<string> {
    const { items, resourceVersion } = await this.#client.list(this.type, this.#options)
    const listed = new Map(items.map((object) => [keyOf(object), object]))
    for (const key of this.#cache.keys()) if (!listed.has(key)) this.#put(key, undefined)
    for (const [key, object] of listed) this.#put(key, object)
    this.#hasSynced = true
    this.#firstList.resolve()
    return resourceVersion
  }

  #watch(): AsyncIterable<WatchEvent<T>> {
    const timeoutSeconds = Math.round(WATCH_SECONDS_MIN * (1 + this.#options.random()))
    const from = this.#version === undefined ? {} : { resourceVersion: this.#version }
    return this.#client.watch(this.type, { ...this.#options, ...from, timeoutSeconds })
  }

  /** False when the stream is of no more use. */
  #apply(event: WatchEvent<T>): boolean {
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#put(keyOf(event.object), event.object)
        this.#version = event.object.metadata.resourceVersion ?? this.#version
        return true
      case 'DELETED':
        this.#put(keyOf(event.object), undefined)
        this.#version = event.object.metadata.resourceVersion ?? this.#version
        return true
      case 'BOOKMARK':
        this.#version = event.resourceVersion
        return true
      case 'ERROR':
        this.#log.debug('watch ended by the server', { reason: event.status.reason, message: event.status.message })
        this.#version = undefined
        return false
      default:
        return assertNever(event, 'watch event')
    }
  }

  #put(key: ObjectKey, object: T | undefined): void {
    const old = this.#cache.get(key)
    if (old === undefined && object === undefined) return
    if (old !== undefined && object !== undefined && isSame(old, object)) return
    this.#cache.set(key, object)
    for (const listener of this.#listeners) this.#tell(listener, { old, new: object })
  }

  #tell(listener: (change: Change<T>) => void, change: Change<T>): void {
    try {
      listener(change)
    } catch (error) {
      // One listener's bug must not make the copy stale for all others.
      this.#log.error('listener failed', { error })
    }
  }
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status.code === 410
}

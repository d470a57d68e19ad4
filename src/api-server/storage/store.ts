/**
 * The state of the API: everything in memory, every write in the log before anybody hears of it.
 *
 * What must stay true: a write is acknowledged, its event delivered and its result readable only after COMMIT. Writers
 * decide on `latest`, which already holds the writes of this turn of the event loop, so two writers never both win;
 * readers see `get` and `list`, which do not. All writes of one turn share one transaction: syncing the disk is what a
 * write costs.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { isDiskFull } from '../../base/disk-full.ts'
import { messageOf } from '../../base/errors.ts'
import { failure } from '../../kube/api-error.ts'
import type { KubeObject, ObjectKey } from '../../kube/object.ts'
import { byKey, Collection } from './collection.ts'
import type { Stored, StoreEvent } from './collection.ts'
import type { EventRow, EventType, LogDatabase, ObjectRow } from './log-database.ts'

export interface StoreOptions {
  readonly database: LogDatabase
  readonly clock: Clock
  /** A failed commit, but for want of room: memory and disk may differ now, nothing can go on. */
  readonly onFatal: (error: Error) => void
  /** How much of what happened is kept, in bytes of objects; default `EVENT_BYTES_MAX`. */
  readonly eventBytesMax?: number
}

const EVENT_AGE_MAX_MS = 60 * 60_000
const EVENTS_MAX = 20_000
/** Objects may be large (a ConfigMap has up to 1 MiB), and every event has two of them. */
const EVENT_BYTES_MAX = 256 * 1024 * 1024
/** Trimming also runs after each such part of the bytes: the log never has much more than it may keep. */
const TRIM_PARTS = 4
const TRIM_INTERVAL_MS = 60_000
/** Trimming also runs after this many commits, so that a burst of writes does not grow the file without bound. */
const TRIM_EVENTS = 5_000

interface Waiting {
  readonly resource: string
  readonly event: StoreEvent
  readonly resolve: (stored: Stored) => void
  readonly reject: (error: Error) => void
}

type Listener = (event: StoreEvent) => void

export class Store {
  readonly #options: StoreOptions
  readonly #collections = new Map<string, Collection>()
  readonly #listeners = new Map<string, Set<Listener>>()
  #pending: Waiting[] = []
  #settled: Promise<void> = Promise.resolve()
  #nextVersion: number
  #version: number
  #trimmed: number
  #sinceTrim = 0
  #bytesSinceTrim = 0
  #failure: Error | undefined
  #trimTimer: Timer

  constructor(options: StoreOptions) {
    this.#options = options
    const { database } = options
    for (const row of database.objects()) {
      this.#collection(row.resource).apply(row.key, readRow(database.path, row))
    }
    // 0 means "any version" in the API, so the first state has version 1.
    this.#version = Math.max(1, database.lastVersion())
    this.#nextVersion = this.#version + 1
    this.#trimmed = database.trimmedVersion()
    this.#trimTimer = this.#scheduleTrim()
  }

  /** The newest committed version. */
  get version(): number {
    return this.#version
  }

  /** The newest version whose events are gone; a watch can start from here or later. */
  get trimmedVersion(): number {
    return this.#trimmed
  }

  get(resource: string, key: ObjectKey): Stored | undefined {
    return this.#collections.get(resource)?.get(key)
  }

  /** The object with the writes of this turn in it: what a writer must decide on. */
  latest(resource: string, key: ObjectKey): Stored | undefined {
    return this.#collections.get(resource)?.latest(key)
  }

  /** All objects, in the order of their keys. */
  list(resource: string): readonly Stored[] {
    return this.#collections.get(resource)?.sorted() ?? []
  }

  /** As `list`, with the writes of this turn in it, in no order. */
  listLatest(resource: string): readonly Stored[] {
    return this.#collections.get(resource)?.allLatest() ?? []
  }

  /** The objects as they were at `version`, which must lie between `trimmedVersion` and `version`. */
  listAt(resource: string, version: number): readonly Stored[] {
    if (version >= this.#version) return this.list(resource)
    const state = new Map(this.list(resource).map((item) => [item.key, item]))
    for (const event of this.eventsAfter(resource, version).toReversed()) {
      if (event.previous === undefined) state.delete(event.current.key)
      else state.set(event.current.key, event.previous)
    }
    return [...state.values()].toSorted(byKey)
  }

  eventsAfter(resource: string, version: number): readonly StoreEvent[] {
    if (version >= this.#version) return []
    return this.#options.database.eventsAfter(resource, version).map(eventOf)
  }

  /** Calls `listener` for every committed write to the resource, in order. Returns the unsubscribe function. */
  subscribe(resource: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(resource) ?? new Set()
    this.#listeners.set(resource, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Creates or replaces. Takes effect for `latest` at once; resolves once it is durable. */
  put(resource: string, key: ObjectKey, object: KubeObject): Promise<Stored> {
    const previous = this.latest(resource, key)
    return this.#write(resource, { type: previous === undefined ? 'ADDED' : 'MODIFIED', key, object, previous })
  }

  /** Removes what `latest` gave. Resolves with its last state (`object`, where the removal changed it) once durable. */
  remove(resource: string, previous: Stored, object: KubeObject = previous.object): Promise<Stored> {
    return this.#write(resource, { type: 'DELETED', key: previous.key, object, previous })
  }

  /** Resolves once everything written so far is durable. */
  settled(): Promise<void> {
    return this.#settled
  }

  /** Writes what waits and closes the file. The store must not be used afterwards. */
  close(): void {
    this.#trimTimer.cancel()
    if (this.#failure !== undefined) return
    this.#flush()
    this.#failure = new Error('Cannot write to the store: it is closed')
    this.#options.database.close()
  }

  #write(
    resource: string,
    change: { type: EventType; key: ObjectKey; object: KubeObject; previous: Stored | undefined },
  ): Promise<Stored> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const version = this.#nextVersion++
    const current = withVersion(change.key, version, change.object)
    const event: StoreEvent = { type: change.type, version, current, previous: change.previous }
    this.#collection(resource).stage(change.key, change.type === 'DELETED' ? null : current)
    const written = new Promise<Stored>((resolve, reject) => {
      this.#pending.push({ resource, event, resolve, reject })
    })
    if (this.#pending.length === 1) setImmediate(() => this.#flush())
    this.#settled = written.then(
      () => undefined,
      () => undefined,
    )
    return written
  }

  #flush(): void {
    if (this.#pending.length === 0 || this.#failure !== undefined) return
    const batch = this.#pending
    this.#pending = []
    const rows = batch.map(rowOf)
    try {
      this.#options.database.commit(rows, this.#options.clock.now())
    } catch (error) {
      if (isDiskFull(error)) this.#giveBack(batch, error)
      else this.#fail(batch, error)
      return
    }
    for (const { resource, event } of batch) this.#apply(resource, event)
    for (const { event, resolve } of batch) resolve(event.current)
    this.#sinceTrim += rows.length
    this.#bytesSinceTrim += rows.reduce((sum, { json, previous }) => sum + json.length + (previous?.length ?? 0), 0)
    if (this.#sinceTrim >= TRIM_EVENTS || this.#bytesSinceTrim >= this.#bytesMax / TRIM_PARTS) this.#trim()
  }

  #apply(resource: string, event: StoreEvent): void {
    this.#version = event.version
    this.#collection(resource).commit(event)
    for (const listener of this.#listeners.get(resource) ?? []) listener(event)
  }

  /** Nothing of the batch was written, and nothing of it stays: reads go on, and the next write is tried again. */
  #giveBack(batch: readonly Waiting[], cause: unknown): void {
    const { path } = this.#options.database
    const message = `Cannot write to "${path}": the disk is full. What is stored stays readable; make room, and writes go on`
    const refusal = failure({ code: 507, reason: 'InsufficientStorage', message }, { cause })
    for (const { resource, event } of batch) this.#collection(resource).unstage(event.current.key)
    for (const { reject } of batch) reject(refusal)
  }

  #fail(batch: readonly Waiting[], cause: unknown): void {
    this.#failure = new Error('Cannot write to the store: the disk refused the transaction', { cause })
    for (const { reject } of batch) reject(this.#failure)
    this.#options.onFatal(this.#failure)
  }

  #trim(): void {
    if (this.#failure !== undefined) return
    this.#sinceTrim = 0
    this.#bytesSinceTrim = 0
    const { database, clock } = this.#options
    try {
      this.#trimmed = database.trim(clock.now() - EVENT_AGE_MAX_MS, EVENTS_MAX, this.#bytesMax)
    } catch (error) {
      // To forget needs room, too: the next trim is tried again.
      if (!isDiskFull(error)) this.#fail([], error)
    }
  }

  get #bytesMax(): number {
    return this.#options.eventBytesMax ?? EVENT_BYTES_MAX
  }

  #scheduleTrim(): Timer {
    return this.#options.clock.after(
      TRIM_INTERVAL_MS,
      () => {
        this.#trim()
        this.#trimTimer = this.#scheduleTrim()
      },
      { unref: true },
    )
  }

  #collection(resource: string): Collection {
    const found = this.#collections.get(resource)
    if (found !== undefined) return found
    const created = new Collection()
    this.#collections.set(resource, created)
    return created
  }
}

function withVersion(key: ObjectKey, version: number, object: KubeObject): Stored {
  const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
  return { key, version, object: versioned, json: JSON.stringify(versioned) }
}

function stored(key: string, version: number, json: string): Stored {
  return { key: key as ObjectKey, version, json, object: JSON.parse(json) as KubeObject }
}

function readRow(path: string, { resource, key, version, json }: ObjectRow): Stored {
  try {
    return stored(key, version, json)
  } catch (cause) {
    const row = `resource = '${resource}' AND key = '${key}'`
    const cure = `Put a backup of the file in its place, or give this object up: sqlite3 "${path}" "DELETE FROM objects WHERE ${row}"`
    throw new Error(`Cannot read ${resource} "${key}" in the store "${path}": ${messageOf(cause)}. ${cure}`, { cause })
  }
}

function rowOf({ resource, event }: Waiting): EventRow {
  const { type, version, current, previous } = event
  return { version, resource, key: current.key, type, json: current.json, previous: previous?.json ?? null }
}

function eventOf(row: EventRow): StoreEvent {
  const previous = row.previous === null ? undefined : stored(row.key, versionIn(row.previous), row.previous)
  return { type: row.type, version: row.version, current: stored(row.key, row.version, row.json), previous }
}

function versionIn(json: string): number {
  return Number((JSON.parse(json) as KubeObject).metadata.resourceVersion)
}

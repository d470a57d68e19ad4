/** WATCH: what happens to a collection, as it happens, from a version of the client's choice. */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Status } from '../../kube/api-error.ts'
import { apiVersionOf } from '../../kube/object.ts'
import type { KubeObject } from '../../kube/object.ts'
import { badRequest, expired } from '../registry/errors.ts'
import { inVersion, storageOf } from '../registry/resource.ts'
import type { ServedKind } from '../registry/resource.ts'
import type { Stored, StoreEvent } from '../storage/collection.ts'
import type { Store } from '../storage/store.ts'
import type { Selection } from './selection.ts'
import { invalidOptions, parseVersionQuery, tooOld } from './versions.ts'

/** Bytes that may wait for a watcher that does not read; then its connection is cut and it must come back. */
export const WATCH_BUFFER_BYTES_MAX = 8 * 1024 * 1024
const BOOKMARK_INTERVAL_MS = 60_000
/** Watches that name no timeout end at a random time in this range, so that they do not all come back at once. */
const DEFAULT_TIMEOUT_MS = { min: 30 * 60_000, max: 60 * 60_000 }

/** The connection of one watcher. */
export interface WatchSink {
  write(text: string): void
  /** Bytes written and not taken by the network yet. */
  bufferedBytes(): number
  end(): void
  /** Cuts the connection without waiting for what is buffered. */
  destroy(): void
}

export interface WatchOptions {
  readonly store: Store
  readonly clock: Clock
  readonly kind: ServedKind
  readonly selection: Selection
  readonly request: WatchRequest
  /** The JSON of an object in the form the client asked for. */
  readonly encode: (item: Pick<Stored, 'object' | 'json'>) => string
  readonly sink: WatchSink
}

export interface WatchRequest {
  /** Undefined or 0: start with the current state. */
  readonly version: number | undefined
  readonly initialEvents: 'state' | 'none'
  /** Mark the end of the initial state with a bookmark. */
  readonly endsInitialEvents: boolean
  readonly bookmarks: boolean
  readonly timeoutMs: number
}

export function parseWatchRequest(query: URLSearchParams, random: Random): WatchRequest {
  const { version, match } = parseVersionQuery(query)
  const sendInitialEvents = query.get('sendInitialEvents')
  const bookmarks = isTrue(query.get('allowWatchBookmarks'))
  if (sendInitialEvents === null) {
    if (match !== undefined) {
      throw invalidOptions(
        'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      )
    }
    const initialEvents = version === undefined || version === 0 ? 'state' : 'none'
    return { version, initialEvents, endsInitialEvents: false, bookmarks, timeoutMs: timeoutOf(query, random) }
  }
  if (match !== 'NotOlderThan') {
    throw invalidOptions(
      'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    )
  }
  const wantsState = isTrue(sendInitialEvents)
  return {
    version: wantsState ? undefined : version,
    initialEvents: wantsState ? 'state' : 'none',
    endsInitialEvents: wantsState,
    bookmarks,
    timeoutMs: timeoutOf(query, random),
  }
}

/** One watcher from its first event to the end of its connection. `stop` is idempotent. */
export class Watch {
  readonly #options: WatchOptions
  readonly #timers: Timer[] = []
  #unsubscribe: () => void = () => {}
  #bufferLimit = WATCH_BUFFER_BYTES_MAX
  #isStopped = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  get kind(): ServedKind {
    return this.#options.kind
  }

  /** Sends what happened so far and stays subscribed, in one turn: no event is lost or doubled in between. */
  start(): void {
    const { store, request, kind, clock } = this.#options
    const from = request.version ?? 0
    if (request.initialEvents === 'state') {
      this.#sendState()
    } else if (from > 0 && from < store.trimmedVersion) {
      this.#fail(expired(tooOld(from, store.trimmedVersion)).status)
      return
    } else if (from > 0) {
      for (const event of store.eventsAfter(storageOf(kind), from)) this.#send(event)
    }
    this.#bufferLimit = WATCH_BUFFER_BYTES_MAX + this.#options.sink.bufferedBytes()
    this.#unsubscribe = store.subscribe(storageOf(kind), (event) => this.#deliver(event, from))
    this.#timers.push(clock.after(request.timeoutMs, () => this.#timeOut(), { unref: true }))
    if (request.bookmarks) this.#scheduleBookmark()
  }

  /** Ends the stream in an orderly way. */
  stop(): void {
    if (this.#isStopped) return
    this.#release()
    this.#options.sink.end()
  }

  /** Frees what the watch holds; for when the connection is already gone. */
  #release(): void {
    this.#isStopped = true
    this.#unsubscribe()
    for (const timer of this.#timers) timer.cancel()
  }

  #sendState(): void {
    const { store, kind, selection, request } = this.#options
    for (const item of store.list(storageOf(kind))) {
      if (selection.matches(item.object)) this.#frame('ADDED', item)
    }
    if (request.endsInitialEvents && request.bookmarks) this.#bookmark({ 'k8s.io/initial-events-end': 'true' })
  }

  #deliver(event: StoreEvent, from: number): void {
    // A watch may start in the future: what happens until then is not for it.
    if (this.#isStopped || event.version <= from) return
    if (this.#options.sink.bufferedBytes() > this.#bufferLimit) {
      this.#release()
      this.#options.sink.destroy()
      return
    }
    this.#send(event)
  }

  /** A change of labels or fields that moves an object out of the selection is a deletion for this watcher. */
  #send({ type, version, current, previous }: StoreEvent): void {
    const { matches } = this.#options.selection
    const was = previous !== undefined && matches(previous.object)
    const is = type !== 'DELETED' && matches(current.object)
    if (is) this.#frame(was ? 'MODIFIED' : 'ADDED', current)
    else if (was) this.#frame('DELETED', type === 'DELETED' ? current : atVersion(previous.object, version))
  }

  #timeOut(): void {
    if (this.#options.request.bookmarks) this.#bookmark()
    this.stop()
  }

  #scheduleBookmark(): void {
    const timer = this.#options.clock.after(
      BOOKMARK_INTERVAL_MS,
      () => {
        this.#bookmark()
        this.#scheduleBookmark()
      },
      { unref: true },
    )
    this.#timers[1] = timer
  }

  #bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { kind, store, request } = this.#options
    const version = Math.max(store.version, request.version ?? 0)
    const object: KubeObject = {
      kind: kind.type.kind,
      apiVersion: apiVersionOf(kind.type),
      metadata: { resourceVersion: String(version), ...(annotations === undefined ? {} : { annotations }) },
    }
    this.#options.sink.write(`{"type":"BOOKMARK","object":${JSON.stringify(object)}}\n`)
  }

  #frame(type: string, item: Pick<Stored, 'object' | 'json'>): void {
    const { kind, encode, sink } = this.#options
    sink.write(`{"type":"${type}","object":${encode(inVersion(kind, item))}}\n`)
  }

  #fail(status: Status): void {
    this.#options.sink.write(`{"type":"ERROR","object":${JSON.stringify(status)}}\n`)
    this.stop()
  }
}

function atVersion(object: KubeObject, version: number): Pick<Stored, 'object' | 'json'> {
  const moved = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
  return { object: moved, json: JSON.stringify(moved) }
}

function timeoutOf(query: URLSearchParams, random: Random): number {
  const text = query.get('timeoutSeconds') ?? ''
  const { min, max } = DEFAULT_TIMEOUT_MS
  if (text === '' || text === '0') return min + random() * (max - min)
  if (!/^\d{1,6}$/.test(text))
    throw badRequest(`Cannot read the query parameter timeoutSeconds: "${text}" is not a number`)
  return Number(text) * 1000
}

function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1'
}

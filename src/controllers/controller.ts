/**
 * The loop that every controller runs in, after controller-runtime: sources say which key may need work, one of the
 * workers reconciles it from the caches, and only the key travels, never the event. Level-based: reconcile must give
 * the same answer whatever woke it, and however often.
 */
import type { Clock } from '../base/clock.ts'
import { isAbort } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { WorkQueue } from '../base/work-queue.ts'
import { isReason } from '../kube/api-error.ts'
import type { Change, Informer } from '../kube/informer.ts'
import { keyOf } from '../kube/object.ts'
import type { KubeObject, ObjectKey } from '../kube/object.ts'

const CONCURRENCY_DEFAULT = 4

/** What reconcile may ask for: to be called again after a time, whatever happens. */
export interface Requeue {
  readonly requeueAfterMs: number
}

export interface Source<K extends string = ObjectKey> {
  readonly synced: Promise<void>
  /** Calls `enqueue` for each key that may need work, now and later. Returns the unsubscribe. */
  subscribe(enqueue: (key: K) => void): () => void
}

export interface ControllerOptions<K extends string = ObjectKey> {
  /** For the log: `deployment`. */
  readonly name: string
  /**
   * Brings the world closer to what the object of this key asks for. Never runs twice at the same time for one key.
   * A rejection is retried with back-off, except `TerminalError`.
   */
  readonly reconcile: (key: K, signal: AbortSignal) => Promise<Requeue | void>
  readonly sources: readonly Source<K>[]
  /** How many keys are worked on at the same time. */
  readonly concurrency?: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
}

/** A failure that trying again cannot cure: logged, and left alone until the object changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError'
}

/** Runs until the signal aborts; resolves once no reconcile is under way any more. */
export async function runController<K extends string = ObjectKey>(options: ControllerOptions<K>): Promise<void> {
  const { sources, concurrency = CONCURRENCY_DEFAULT, signal } = options
  if (!(await allSynced(sources, signal))) return
  const queue = new WorkQueue<K>(options)
  const unsubscribes = sources.map((source) => source.subscribe((key) => queue.add(key)))
  const onAbort = (): void => queue.close()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    await Promise.all(Array.from({ length: concurrency }, () => work(queue, options)))
  } finally {
    for (const unsubscribe of unsubscribes) unsubscribe()
    signal.removeEventListener('abort', onAbort)
  }
}

/** A source of the keys that `keysOf` derives from each changed object, in its old and its new form. */
export function watchObjects<T extends KubeObject, K extends string = ObjectKey>(
  informer: Informer<T>,
  keysOf: (object: T, change: Change<T>) => Iterable<K>,
): Source<K> {
  return {
    synced: informer.synced,
    subscribe: (enqueue) =>
      informer.onChange((change) => {
        if (change.old !== undefined) for (const key of keysOf(change.old, change)) enqueue(key)
        if (change.new !== undefined) for (const key of keysOf(change.new, change)) enqueue(key)
      }),
  }
}

/** A source of the objects' own keys. */
export function watchKeys(informer: Informer<KubeObject>): Source {
  return watchObjects(informer, (object) => [keyOf(object)])
}

async function work<K extends string>(queue: WorkQueue<K>, options: ControllerOptions<K>): Promise<void> {
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    await reconcileOne(queue, key, options)
    queue.done(key)
  }
}

async function reconcileOne<K extends string>(
  queue: WorkQueue<K>,
  key: K,
  { name, reconcile, log, signal }: ControllerOptions<K>,
): Promise<void> {
  try {
    const requeue = await reconcile(key, signal)
    queue.forget(key)
    if (requeue !== undefined) queue.addAfter(key, requeue.requeueAfterMs)
  } catch (error) {
    if (isAbort(error, signal)) return
    if (error instanceof TerminalError) {
      log.error('reconcile failed for good', { controller: name, key, error })
      queue.forget(key)
      return
    }
    // Someone else wrote first: the cache learns of it in a moment, and then we do it again.
    if (isReason(error, 'Conflict') || isReason(error, 'AlreadyExists'))
      log.debug('reconcile met a newer version', { controller: name, key })
    else log.warn('reconcile failed', { controller: name, key, failures: queue.failures(key) + 1, error })
    queue.retry(key)
  }
}

/** False when the signal aborted first. */
async function allSynced(sources: readonly Pick<Source, 'synced'>[], signal: AbortSignal): Promise<boolean> {
  try {
    await Promise.all(sources.map((source) => source.synced))
    return !signal.aborted
  } catch (error) {
    if (isAbort(error, signal)) return false
    throw error
  }
}

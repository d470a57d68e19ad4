/**
 * The one way to reach a Kubernetes API, embedded or real. Controllers, the node agent and the CLI know only this
 * interface; `http-client.ts` implements it over HTTP(S).
 */
import type { KubeObject, ObjectKey, ResourceType } from './object.ts'
import type { Status } from './api-error.ts'

export interface ListOptions {
  /** All namespaces when absent. */
  readonly namespace?: string
  /** In the API's query form: `app=echo,version in (v1)`. */
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly signal?: AbortSignal
}

export interface ListResult<T> {
  readonly items: readonly T[]
  readonly resourceVersion: string
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  | { readonly type: 'ERROR'; readonly status: Status }

export interface WatchOptions extends ListOptions {
  /** Events strictly after this version; absent: the current state as ADDED, then live. */
  readonly resourceVersion?: string
  readonly timeoutSeconds?: number
}

export type Patch =
  /** RFC 6902. */
  | { readonly kind: 'json'; readonly operations: readonly JsonPatchOperation[] }
  /** RFC 7386. */
  | { readonly kind: 'merge'; readonly body: unknown }
  /** Kubernetes' strategic merge patch; built-in kinds only. */
  | { readonly kind: 'strategic'; readonly body: unknown }

export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }
  | { readonly op: 'move' | 'copy'; readonly from: string; readonly path: string }

export interface WriteOptions {
  /** `status`, `scale`, `binding`, … */
  readonly subresource?: string
  readonly dryRun?: boolean
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict'
  readonly signal?: AbortSignal
}

export interface DeleteOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly gracePeriodSeconds?: number
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly signal?: AbortSignal
}

/**
 * Every method rejects with `ApiError` when the API refused, and with a network error (`code` ECONNREFUSED, …) when
 * it could not be reached. Nothing is retried here.
 */
export interface KubeClient {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, signal?: AbortSignal): Promise<T>
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<ListResult<T>>
  /** Ends when the server ends the stream or the signal aborts; an ERROR event is the last. */
  watch<T extends KubeObject>(type: ResourceType<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>
  create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>
  /** PUT: replaces the object (or its subresource); with `metadata.resourceVersion` set, only that version. */
  update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>
  patch<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>
  delete(type: ResourceType, key: ObjectKey, options?: DeleteOptions): Promise<void>
}

/** Objects as open JSON, for the code that works on any kind. */
import type { Kind } from '../../kinds/kind.ts'
import type { KubeObject, ObjectMeta } from '../../kube/object.ts'

/** A Kubernetes object whose fields outside metadata are not known here. */
export interface Document extends KubeObject {
  readonly spec?: unknown
  readonly status?: unknown
  readonly [field: string]: unknown
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function withMetadata(object: Document, changes: Partial<Record<keyof ObjectMeta, unknown>>): Document {
  const metadata: Record<string, unknown> = { ...object.metadata, ...changes }
  for (const [name, value] of Object.entries(metadata)) {
    if (value === undefined) delete metadata[name]
  }
  return { ...object, metadata }
}

/** The object with what the user left out. */
export function defaultsOf(kind: Kind, object: Document): Document {
  return kind.defaults === undefined ? object : (kind.defaults(object) as Document)
}

/** All but apiVersion, kind, metadata and status: what the user wants, and what `generation` counts. */
export function desired(object: Document): Readonly<Record<string, unknown>> {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, status: _status, ...rest } = object
  return rest
}

/** The value where it is a record; an empty one where it is anything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

/** What the API's answers look like on the wire, and what callers get. */
import type { Status } from '../api-error.ts'
import type { ListResult, WatchEvent } from '../client.ts'
import { apiVersionOf } from '../object.ts'
import type { KubeObject, ResourceType } from '../object.ts'

export interface ListBody<T> {
  readonly items?: readonly T[] | null
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

/** List items carry neither apiVersion nor kind on a real server; ours always do, as single objects have them. */
export function decodeList<T extends KubeObject>(type: ResourceType<T>, pages: readonly ListBody<T>[]): ListResult<T> {
  const identity = { apiVersion: apiVersionOf(type), kind: type.kind }
  return {
    items: pages.flatMap((page) => (page.items ?? []).map((item) => ({ ...identity, ...item }))),
    resourceVersion: pages.at(-1)?.metadata?.resourceVersion ?? '',
  }
}

export function decodeEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const { type, object } = JSON.parse(line) as { type: WatchEvent<T>['type']; object: unknown }
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: object as T }
    case 'BOOKMARK':
      return { type, resourceVersion: (object as KubeObject).metadata.resourceVersion ?? '' }
    case 'ERROR':
      return { type, status: object as Status }
    default:
      throw new Error(`Cannot read the watch stream: unknown event type "${String(type)}"`)
  }
}

/** The texts in a `Warning` header: `299 - "text", 299 - "more"`. */
export function decodeWarnings(header: string | undefined): readonly string[] {
  return [...(header ?? '').matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replaceAll(/\\(.)/g, '$1'),
  )
}

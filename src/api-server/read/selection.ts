/** Which objects of a kind a list or watch is about: namespace, name, labels, fields. */
import type { KubeObject } from '../../kube/object.ts'
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from '../../kube/selector.ts'
import { messageOf } from '../../base/errors.ts'
import { badRequest } from '../registry/errors.ts'
import type { ServedKind } from '../registry/resource.ts'

export interface Selection {
  /** Whether an object is meant, in the shape that it is stored in. */
  readonly matches: (object: KubeObject) => boolean
  /** True when labels or fields select, which makes the number of what remains unknown. */
  readonly isFiltered: boolean
}

export function selectionOf(
  kind: ServedKind,
  scope: { readonly namespace?: string; readonly name?: string },
  query: URLSearchParams,
): Selection {
  const labels = parse(() => parseLabelSelector(query.get('labelSelector') ?? ''))
  const fields = parse(() => parseFieldSelector(query.get('fieldSelector') ?? ''))
  for (const { path } of fields) {
    if (!isSelectable(kind, path)) throw badRequest(`field label not supported: ${path}`)
  }
  const valueAt = (object: KubeObject, path: string): string => fieldValue(kind, object, path)
  return {
    isFiltered: labels.length > 0 || fields.length > 0,
    matches: (object) =>
      (scope.namespace === undefined || object.metadata.namespace === scope.namespace) &&
      (scope.name === undefined || object.metadata.name === scope.name) &&
      matchesLabels(labels, object.metadata.labels ?? {}) &&
      matchesFields(fields, (path) => valueAt(object, path)),
  }
}

function isSelectable(kind: ServedKind, path: string): boolean {
  return path === 'metadata.name' || path === 'metadata.namespace' || kind.selectableFields?.[path] !== undefined
}

function fieldValue(kind: ServedKind, object: KubeObject, path: string): string {
  if (path === 'metadata.name') return object.metadata.name ?? ''
  if (path === 'metadata.namespace') return object.metadata.namespace ?? ''
  return kind.selectableFields?.[path]?.(kind.fromHub(object)) ?? ''
}

function parse<T>(parser: () => T): T {
  try {
    return parser()
  } catch (error) {
    throw badRequest(messageOf(error))
  }
}

/** Where an API serves a resource: `/apis/<group>/<version>/namespaces/<namespace>/<plural>/<name>/<subresource>`. */
import { splitKey } from './object.ts'
import type { ObjectKey, ResourceType } from './object.ts'

export type QueryParameters = Readonly<Record<string, string | number | boolean | undefined>>

/** The path of a collection; all namespaces when `namespace` is absent. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  return type.namespaced && namespace !== undefined && namespace !== ''
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`
    : `${root}/${type.plural}`
}

/** The path of one object, or of its subresource (`status`, `scale`, `log`). */
export function objectPath(type: ResourceType, key: ObjectKey, subresource?: string): string {
  const { namespace, name } = splitKey(key)
  const path = `${collectionPath(type, namespace)}/${encodeURIComponent(name)}`
  return subresource === undefined ? path : `${path}/${subresource}`
}

/** `path?a=1&b=2`; parameters that are undefined or empty are left out. */
export function withQuery(path: string, parameters: QueryParameters): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') query.set(name, String(value))
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`
}

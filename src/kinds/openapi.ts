/**
 * The OpenAPI documents of the API, made from the kinds' schemas. kubectl reads them for `explain`, for what `apply`
 * may leave to the server (a PATCH with `fieldValidation`), and for `--dry-run=server`. Pure.
 */
import { apiVersionOf } from '../kube/object.ts'
import type { ResourceType } from '../kube/object.ts'
import type { Kind } from './kind.ts'
import { componentsOf, rootName } from './openapi/components.ts'
import { itemPath, listPath, operations } from './openapi/paths.ts'
import { documentV2 } from './openapi/v2.ts'

export interface GroupVersion {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
}

/** The API whose kinds, fields and rules are served. */
const SERVED_VERSION = 'v1.35.0'

/** OpenAPI v3: the document of one group and version, with the schemas that its kinds reach. */
export function openApiV3(kinds: readonly Kind[], groupVersion: GroupVersion): object {
  const served = kinds.filter(({ type }) => apiVersionOf(type) === apiVersionOf(groupVersion))
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: SERVED_VERSION },
    paths: Object.fromEntries(served.flatMap(pathsOf)),
    components: { schemas: componentsOf(served) },
  }
}

/**
 * OpenAPI v2 as protobuf (gnostic's `openapi.v2.Document`): kubectl <= 1.28 refuses to work without one. It names no
 * types, so that such a kubectl leaves validation to the server.
 */
export function openApiV2(kinds: readonly Kind[]): Uint8Array {
  return documentV2(
    SERVED_VERSION,
    kinds.map(({ type }) => ({ path: itemPath(type), groupVersionKind: groupVersionKind(type) })),
  )
}

function pathsOf({ type, schema, hasStatus, strategicPatch }: Kind): readonly (readonly [string, object])[] {
  const shared = { 'x-kubernetes-group-version-kind': groupVersionKind(type) }
  const {
    get,
    post,
    put,
    patch,
    delete: remove,
  } = operations({
    component: rootName(type, schema),
    shared,
    strategicPatch,
  })
  return [
    [listPath(type), { get, post }],
    [itemPath(type), { get, put, patch, delete: remove }],
    ...(hasStatus ? [[`${itemPath(type)}/status`, { get, put, patch }] as const] : []),
  ]
}

function groupVersionKind({ group, version, kind }: ResourceType): {
  readonly group: string
  readonly version: string
  readonly kind: string
} {
  return { group, version, kind }
}

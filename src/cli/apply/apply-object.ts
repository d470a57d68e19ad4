/** Applies one object: creates it, or changes what its file, its last application and the live object say together. */
import { isReason } from '../../kube/api-error.ts'
import type { HttpClient } from '../../kube/http-client.ts'
import { isSameJson, type JsonObject } from '../../kube/json-value.ts'
import { type KubeObject, keyOf } from '../../kube/object.ts'
import { collectionPath, objectPath, withQuery } from '../../kube/resource-path.ts'
import type { ServedResource } from '../api/discovery.ts'
import { lastApplied, withLastApplied } from './last-applied.ts'
import { threeWayPatch } from './three-way.ts'

/** kubectl's own name for what client-side apply owns: server-side apply takes such fields over without a conflict. */
const FIELD_MANAGER = 'kubectl-client-side-apply'
/** Tries when somebody else writes the object between our reading and our writing. */
const CONFLICT_TRIES_MAX = 5

export type Applied = 'created' | 'configured' | 'unchanged'

export interface ApplyContext {
  readonly client: HttpClient
  readonly dryRun: boolean
  readonly signal: AbortSignal
}

/** `object` has its namespace. Rejects with `ApiError` when the API refuses. */
export async function applyObject(
  resource: ServedResource,
  object: KubeObject,
  context: ApplyContext,
): Promise<Applied> {
  const modified = withLastApplied(object)
  for (let tries = 1; ; tries++) {
    try {
      const live = await find(resource, object, context)
      if (live !== undefined) return await change(resource, live, modified, context)
      await create(resource, modified, context)
      return 'created'
    } catch (error) {
      const raced = isReason(error, 'Conflict') || isReason(error, 'AlreadyExists')
      if (!raced || tries >= CONFLICT_TRIES_MAX) throw error
    }
  }
}

async function find(
  resource: ServedResource,
  object: KubeObject,
  { client, signal }: ApplyContext,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(resource, keyOf(object), signal)
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}

async function create(resource: ServedResource, object: KubeObject, context: ApplyContext): Promise<void> {
  const path = withQuery(collectionPath(resource, object.metadata.namespace), writeQuery(context))
  const headers = { 'content-type': 'application/json' }
  await context.client.json(path, { method: 'POST', body: object, headers, signal: context.signal })
}

async function change(
  resource: ServedResource,
  live: KubeObject,
  modified: KubeObject,
  context: ApplyContext,
): Promise<Applied> {
  const patch = threeWayPatch(resource, {
    original: lastApplied(live),
    modified: asJson(modified),
    current: asJson(live),
  })
  if (isSameJson(patch.body, {})) return 'unchanged'
  const path = withQuery(objectPath(resource, keyOf(modified)), writeQuery(context))
  const headers = { 'content-type': patch.contentType }
  await context.client.json(path, { method: 'PATCH', body: patch.body, headers, signal: context.signal })
  return 'configured'
}

function writeQuery({ dryRun }: ApplyContext): Readonly<Record<string, string | undefined>> {
  return { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict', dryRun: dryRun ? 'All' : undefined }
}

function asJson(object: KubeObject): JsonObject {
  return { ...object }
}

/** POST `deployments/{name}/rollback` of the first two versions: what `kubectl rollout undo` sent before 1.8. */
import { isJsonObject } from '../../kube/json-value.ts'
import { int64, map, object, optional, required, string } from '../schema.ts'
import type { Acted, Subresource } from '../subresource.ts'
import type { Deployment } from './types.ts'

/** A Deployment in a version that has `rollbackTo`. */
interface RollingBack extends Deployment {
  readonly spec: Deployment['spec'] & { readonly rollbackTo?: { readonly revision?: number } }
}

const bodySchema = object({
  name: required(string, 1),
  updatedAnnotations: optional(map(string), 2),
  rollbackTo: optional(object({ revision: optional(int64, 1) }), 3),
})

export function rollbackSubresource(apiVersion: string): Subresource<RollingBack> {
  return { kind: 'action', name: 'rollback', bodyType: { apiVersion, kind: 'DeploymentRollback' }, bodySchema, act }
}

function act(deployment: RollingBack, body: unknown): Acted<RollingBack> {
  if (!isJsonObject(body))
    return { kind: 'bad-request', why: 'the body of the request is not a DeploymentRollback object' }
  const { name, updatedAnnotations, rollbackTo } = body
  const { metadata, spec } = deployment
  if (name !== metadata.name) {
    return { kind: 'bad-request', why: `name: ${JSON.stringify(name ?? '')} is not the name in the URL` }
  }
  const revision = isJsonObject(rollbackTo) ? (rollbackTo['revision'] ?? 0) : 0
  if (typeof revision !== 'number' || !Number.isInteger(revision) || revision < 0) {
    return { kind: 'bad-request', why: 'rollbackTo.revision: must be a whole number, 0 or greater' }
  }
  const annotations = { ...metadata.annotations, ...textsIn(updatedAnnotations) }
  const changed = { ...deployment, metadata: { ...metadata, annotations }, spec: { ...spec, rollbackTo: { revision } } }
  return { kind: 'done', object: changed }
}

function textsIn(annotations: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(annotations)) return {}
  return Object.fromEntries(
    Object.entries(annotations).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

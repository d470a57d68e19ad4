/** `spec.rollbackTo` of the first two versions. apps/v1 has no such field: there, and in the store, it is an annotation. */
import type { KubeObject } from '../../kube/object.ts'
import type { Deployment } from './types.ts'

export const ROLLBACK_ANNOTATION = 'deprecated.deployment.rollback.to'

interface WithRollback extends KubeObject {
  readonly spec?: Deployment['spec'] & { readonly rollbackTo?: { readonly revision?: number } }
}

export function rollbackToAnnotation(object: WithRollback): Deployment {
  const { spec, metadata } = object
  if (spec?.rollbackTo === undefined) return object as Deployment
  const { rollbackTo, ...rest } = spec
  const annotations = { ...metadata.annotations, [ROLLBACK_ANNOTATION]: String(rollbackTo.revision ?? 0) }
  return { ...object, metadata: { ...metadata, annotations }, spec: rest }
}

/** An annotation that is no revision stays what it is. */
export function rollbackFromAnnotation(object: Deployment): Deployment {
  const { spec, metadata } = object
  const { [ROLLBACK_ANNOTATION]: revision, ...others } = metadata.annotations ?? {}
  if (revision === undefined || !/^(0|[1-9]\d{0,8})$/.test(revision)) return object
  const { annotations: _annotations, ...meta } = metadata
  const rollbackTo = revision === '0' ? {} : { revision: Number(revision) }
  const changed: WithRollback = {
    ...object,
    metadata: Object.keys(others).length === 0 ? meta : { ...meta, annotations: others },
    spec: { ...spec, rollbackTo },
  }
  return changed as Deployment
}

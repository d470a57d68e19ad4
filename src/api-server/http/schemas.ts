/** The schemas that a protobuf body may need: those of the kinds, and those of what is sent and never stored. */
import { deleteOptions } from '../../kinds/metadata.ts'
import type { FindSchema } from '../../kinds/protobuf.ts'
import type { ObjectSchema } from '../../kinds/schema.ts'
import type { Registry } from '../registry/registry.ts'
import { scaleSchema } from '../registry/scale.ts'
import { REVIEW_SCHEMAS } from './reviews.ts'

const SCHEMAS = new Map([['autoscaling/v1/Scale', scaleSchema], ...REVIEW_SCHEMAS])

export function findSchemaIn(registry: Registry): FindSchema {
  return (apiVersion, kind) => {
    // DeleteOptions travels under the group of whatever is deleted.
    if (kind === 'DeleteOptions') return deleteOptions
    return (
      registry.findByKind(apiVersion, kind)?.schema ??
      SCHEMAS.get(`${apiVersion}/${kind}`) ??
      actionSchema(registry, apiVersion, kind)
    )
  }
}

/** What is sent to a subresource that acts, such as a Binding. */
function actionSchema(registry: Registry, apiVersion: string, kind: string): ObjectSchema | undefined {
  for (const subresource of registry.kinds.flatMap(({ subresources = [] }) => subresources)) {
    if (subresource.kind !== 'action') continue
    const { bodyType, bodySchema } = subresource
    if (bodyType.apiVersion === apiVersion && bodyType.kind === kind) return bodySchema
  }
  return undefined
}

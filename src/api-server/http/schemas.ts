/** The schemas that a protobuf body may need: those of the kinds, and those of what is sent and never stored. */
import { deleteOptions } from '../../kinds/metadata.ts'
import type { FindSchema } from '../../kinds/protobuf.ts'
import { bindingSchema } from '../registry/bind-pod.ts'
import type { Registry } from '../registry/registry.ts'
import { scaleSchema } from '../registry/scale.ts'
import { REVIEW_SCHEMAS } from './reviews.ts'

const SCHEMAS = new Map([['autoscaling/v1/Scale', scaleSchema], ['v1/Binding', bindingSchema], ...REVIEW_SCHEMAS])

export function findSchemaIn(registry: Registry): FindSchema {
  return (apiVersion, kind) => {
    // DeleteOptions travels under the group of whatever is deleted.
    if (kind === 'DeleteOptions') return deleteOptions
    return registry.findByKind(apiVersion, kind)?.schema ?? SCHEMAS.get(`${apiVersion}/${kind}`)
  }
}

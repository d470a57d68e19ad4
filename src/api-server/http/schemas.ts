/** The schemas that a protobuf body may need: those of the kinds, and those of requests that are never stored. */
import { deleteOptions } from '../../kinds/metadata.ts'
import type { FindSchema } from '../../kinds/protobuf.ts'
import type { Registry } from '../registry/registry.ts'
import { REVIEW_SCHEMAS } from './reviews.ts'

export function findSchemaIn(registry: Registry): FindSchema {
  return (apiVersion, kind) => {
    // DeleteOptions travels under the group of whatever is deleted.
    if (kind === 'DeleteOptions') return deleteOptions
    return registry.findByKind(apiVersion, kind)?.schema ?? REVIEW_SCHEMAS.get(`${apiVersion}/${kind}`)
  }
}

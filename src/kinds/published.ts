/** Object schemas under the names that Kubernetes' OpenAPI documents publish them by. */
import type { Fields, ObjectSchema } from './schema.ts'
import { object } from './schema.ts'

type Options = Pick<ObjectSchema, 'retainKeys' | 'atomic'>
/** Makes a schema under its published name in one group and version. */
export type Named = <F extends Fields>(name: string, fields: F, options?: Options) => ObjectSchema<F>

export const core: Named = published('io.k8s.api.core.v1')
export const apps: Named = published('io.k8s.api.apps.v1')
export const appsV1beta1: Named = published('io.k8s.api.apps.v1beta1')
export const appsV1beta2: Named = published('io.k8s.api.apps.v1beta2')
export const extensionsV1beta1: Named = published('io.k8s.api.extensions.v1beta1')
export const discovery: Named = published('io.k8s.api.discovery.v1')
export const meta: Named = published('io.k8s.apimachinery.pkg.apis.meta.v1')

function published(group: string): Named {
  return (name, fields, options = {}) => object(fields, { name: `${group}.${name}`, ...options })
}

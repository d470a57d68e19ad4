/** Service accounts: kept as data; pods run as the user who started Sluice. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { core } from './published.ts'
import { localObjectReference, objectReference } from './references.ts'
import type { Infer } from './schema.ts'
import { array, boolean, explicit, mergeArray, optional } from './schema.ts'

const serviceAccount = core('ServiceAccount', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  secrets: optional(mergeArray(objectReference, 'name'), 2),
  imagePullSecrets: optional(array(localObjectReference), 3),
  automountServiceAccountToken: explicit(boolean, 4),
})

export interface ServiceAccount extends KubeObject {
  readonly secrets?: readonly Infer<typeof objectReference>[]
  readonly imagePullSecrets?: readonly Infer<typeof localObjectReference>[]
  readonly automountServiceAccountToken?: boolean
}

export const serviceAccounts: ResourceType<ServiceAccount> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
}

export const serviceAccountKind: Kind<ServiceAccount> = {
  type: serviceAccounts,
  singular: 'serviceaccount',
  shortNames: ['sa'],
  categories: [],
  schema: serviceAccount,
  hasStatus: false,
  columns: [
    { name: 'Secrets', type: 'integer', priority: 0, cell: (object) => object.secrets?.length ?? 0 },
    ageColumn,
  ],
  strategicPatch: true,
}

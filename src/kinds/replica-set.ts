/** ReplicaSets: keep a number of copies of one pod template; Deployments own one per revision. */
import type { ResourceType } from '../kube/object.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { apps } from './published.ts'
import { oldReplicaSets } from './replica-set/old-versions.ts'
import { defaultReplicaSet, replicaSetParts } from './replica-set/shared.ts'
import { replicaSetSpec, replicaSetStatus } from './replica-set/spec.ts'
import type { ReplicaSet } from './replica-set/types.ts'
import { validateReplicaSet, validateSameSelector } from './replica-set/validate.ts'
import { neededInside, optional } from './schema.ts'

export type { ReplicaSet, ReplicaSetStatus } from './replica-set/types.ts'

export const replicaSets: ResourceType<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  namespaced: true,
}

const replicaSet = apps('ReplicaSet', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  spec: neededInside(replicaSetSpec, 2),
  status: optional(replicaSetStatus, 3),
})

export const replicaSetKind: Kind<ReplicaSet> = {
  ...replicaSetParts,
  type: replicaSets,
  categories: ['all'],
  schema: replicaSet,
  defaults: defaultReplicaSet,
  validate: (object, old) => [...validateReplicaSet(object), ...validateSameSelector(object, old)],
  versions: oldReplicaSets,
}

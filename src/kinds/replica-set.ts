/** ReplicaSets: keep a number of copies of one pod template; Deployments own one per revision. */
import type { ResourceType } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { defaultPodTemplate } from './pod/defaults.ts'
import { templateColumns } from './pod/template-columns.ts'
import { templateWarnings } from './pod/warnings.ts'
import { apps } from './published.ts'
import { replicaSetSpec, replicaSetStatus } from './replica-set/spec.ts'
import type { ReplicaSet } from './replica-set/types.ts'
import { validateReplicaSet } from './replica-set/validate.ts'
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
  type: replicaSets,
  singular: 'replicaset',
  shortNames: ['rs'],
  categories: ['all'],
  schema: replicaSet,
  hasStatus: true,
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  defaults: defaultReplicaSet,
  validate: validateReplicaSet,
  warnings: templateWarnings,
  columns: [
    { name: 'Desired', type: 'integer', priority: 0, cell: ({ spec }) => spec.replicas ?? 1 },
    { name: 'Current', type: 'integer', priority: 0, cell: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', priority: 0, cell: ({ status }) => status?.readyReplicas ?? 0 },
    ageColumn,
    ...templateColumns,
  ],
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  strategicPatch: true,
}

function defaultReplicaSet(object: ReplicaSet): ReplicaSet {
  const { spec } = object
  return {
    ...object,
    spec: { ...spec, replicas: spec.replicas ?? 1, template: defaultPodTemplate(spec.template) },
    status: object.status ?? { replicas: 0 },
  }
}

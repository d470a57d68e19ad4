/** What all versions of ReplicaSets have in common. */
import { ageColumn } from '../age.ts'
import type { Kind } from '../kind.ts'
import { defaultPodTemplate } from '../pod/defaults.ts'
import { templateColumns } from '../pod/template-columns.ts'
import { templateWarnings } from '../pod/warnings.ts'
import type { ReplicaSet } from './types.ts'

type Shared = 'singular' | 'shortNames' | 'hasStatus' | 'scale' | 'warnings' | 'columns' | 'selectableFields'

export const replicaSetParts: Pick<Kind<ReplicaSet>, Shared | 'strategicPatch'> = {
  singular: 'replicaset',
  shortNames: ['rs'],
  hasStatus: true,
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
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

export function defaultReplicaSet(object: ReplicaSet): ReplicaSet {
  const { spec } = object
  return {
    ...object,
    spec: { ...spec, replicas: spec.replicas ?? 1, template: defaultPodTemplate(spec.template) },
    status: object.status ?? { replicas: 0 },
  }
}

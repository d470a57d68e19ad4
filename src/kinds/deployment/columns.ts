/** What `kubectl get deployments` shows, in every version. */
import { ageColumn } from '../age.ts'
import type { Column } from '../kind.ts'
import { templateColumns } from '../pod/template-columns.ts'
import type { Deployment } from './types.ts'

export const deploymentColumns: readonly Column<Deployment>[] = [
  {
    name: 'Ready',
    type: 'string',
    priority: 0,
    cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
  },
  { name: 'Up-to-date', type: 'string', priority: 0, cell: ({ status }) => String(status?.updatedReplicas ?? 0) },
  { name: 'Available', type: 'string', priority: 0, cell: ({ status }) => String(status?.availableReplicas ?? 0) },
  ageColumn,
  ...templateColumns,
]

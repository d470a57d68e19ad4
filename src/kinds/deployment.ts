/** Deployments: a pod template kept running in a number of copies, replaced step by step when it changes. */
import type { ResourceType } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import { defaultDeployment } from './deployment/defaults.ts'
import { deploymentSpec, deploymentStatus } from './deployment/spec.ts'
import type { Deployment } from './deployment/types.ts'
import { validateDeployment } from './deployment/validate.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { templateColumns } from './pod/template-columns.ts'
import { templateWarnings } from './pod/warnings.ts'
import { apps } from './published.ts'
import { neededInside, optional } from './schema.ts'

export type { Deployment, DeploymentSpec, DeploymentStatus } from './deployment/types.ts'

export const deployments: ResourceType<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
}

const deployment = apps('Deployment', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  spec: neededInside(deploymentSpec, 2),
  status: optional(deploymentStatus, 3),
})

export const deploymentKind: Kind<Deployment> = {
  type: deployments,
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  schema: deployment,
  hasStatus: true,
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  defaults: defaultDeployment,
  validate: validateDeployment,
  warnings: templateWarnings,
  columns: [
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
  ],
  strategicPatch: true,
}

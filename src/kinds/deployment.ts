/** Deployments: a pod template kept running in a number of copies, replaced step by step when it changes. */
import type { ResourceType } from '../kube/object.ts'
import { deploymentColumns } from './deployment/columns.ts'
import { deploymentDefaults } from './deployment/defaults.ts'
import { oldDeployments } from './deployment/old-versions.ts'
import { deploymentSpec, deploymentStatus } from './deployment/spec.ts'
import type { Deployment } from './deployment/types.ts'
import { validateDeployment, validateSameSelector } from './deployment/validate.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { templateWarnings } from './pod/warnings.ts'
import { apps } from './published.ts'
import { neededInside, optional } from './schema.ts'

export { ROLLBACK_ANNOTATION } from './deployment/rollback-field.ts'
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
  defaults: (object) => deploymentDefaults(object, { history: 10, deadlineSeconds: 600, share: '25%' }),
  validate: (object, old) => [...validateDeployment(object), ...validateSameSelector(object, old)],
  warnings: templateWarnings,
  columns: deploymentColumns,
  strategicPatch: true,
  versions: oldDeployments,
}

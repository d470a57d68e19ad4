/** The shapes of a Deployment, from its schemas. */
import type { KubeObject } from '../../kube/object.ts'
import type { Infer } from '../schema.ts'
import type { deploymentSpec, deploymentStatus } from './spec.ts'

export type DeploymentSpec = Infer<typeof deploymentSpec>
export type DeploymentStatus = Infer<typeof deploymentStatus>

export interface Deployment extends KubeObject {
  readonly spec: DeploymentSpec
  readonly status?: DeploymentStatus
}

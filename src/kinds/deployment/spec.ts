/** A Deployment's own fields. */
import { labelSelector } from '../metadata.ts'
import { podTemplateSpec } from '../pod/spec.ts'
import { apps } from '../published.ts'
import {
  boolean,
  explicit,
  int32,
  int64,
  intOrString,
  mergeArray,
  oneOf,
  optional,
  required,
  string,
  time,
} from '../schema.ts'

const rollingUpdateDeployment = apps('RollingUpdateDeployment', {
  maxUnavailable: optional(intOrString, 1),
  maxSurge: optional(intOrString, 2),
})

const deploymentStrategy = apps(
  'DeploymentStrategy',
  {
    type: optional(oneOf('Recreate', 'RollingUpdate'), 1),
    rollingUpdate: optional(rollingUpdateDeployment, 2),
  },
  { retainKeys: true },
)

export const deploymentSpec = apps('DeploymentSpec', {
  replicas: explicit(int32, 1),
  selector: required(labelSelector, 2),
  template: required(podTemplateSpec, 3),
  strategy: optional(deploymentStrategy, 4),
  minReadySeconds: optional(int32, 5),
  revisionHistoryLimit: explicit(int32, 6),
  paused: optional(boolean, 7),
  progressDeadlineSeconds: explicit(int32, 9),
})

const deploymentCondition = apps('DeploymentCondition', {
  type: required(string, 1),
  status: required(oneOf('True', 'False', 'Unknown'), 2),
  lastUpdateTime: optional(time, 6),
  lastTransitionTime: optional(time, 7),
  reason: optional(string, 4),
  message: optional(string, 5),
})

export const deploymentStatus = apps('DeploymentStatus', {
  observedGeneration: optional(int64, 1),
  replicas: optional(int32, 2),
  updatedReplicas: optional(int32, 3),
  readyReplicas: optional(int32, 7),
  availableReplicas: optional(int32, 4),
  unavailableReplicas: optional(int32, 5),
  terminatingReplicas: explicit(int32, 9),
  conditions: optional(mergeArray(deploymentCondition, 'type'), 6),
  collisionCount: explicit(int32, 8),
})

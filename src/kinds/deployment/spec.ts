/** A Deployment's own fields. Numbers: Kubernetes' published .proto files, where all its versions have the same. */
import { labelSelector } from '../metadata.ts'
import { podTemplateSpec } from '../pod/spec.ts'
import { apps } from '../published.ts'
import type { Named } from '../published.ts'
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
import type { Field } from '../schema.ts'

/** The fields of the spec that every version has; the selector is required in some of them. */
export function specFields<S extends Field>(named: Named, selector: S) {
  const rollingUpdate = named('RollingUpdateDeployment', {
    maxUnavailable: optional(intOrString, 1),
    maxSurge: optional(intOrString, 2),
  })
  const strategy = named(
    'DeploymentStrategy',
    { type: optional(oneOf('Recreate', 'RollingUpdate'), 1), rollingUpdate: optional(rollingUpdate, 2) },
    { retainKeys: true },
  )
  return {
    replicas: explicit(int32, 1),
    selector,
    template: required(podTemplateSpec, 3),
    strategy: optional(strategy, 4),
    minReadySeconds: optional(int32, 5),
    revisionHistoryLimit: explicit(int32, 6),
    paused: optional(boolean, 7),
    progressDeadlineSeconds: explicit(int32, 9),
  }
}

export function statusOf(named: Named) {
  const condition = named('DeploymentCondition', {
    type: required(string, 1),
    status: required(oneOf('True', 'False', 'Unknown'), 2),
    lastUpdateTime: optional(time, 6),
    lastTransitionTime: optional(time, 7),
    reason: optional(string, 4),
    message: optional(string, 5),
  })
  return named('DeploymentStatus', {
    observedGeneration: optional(int64, 1),
    replicas: optional(int32, 2),
    updatedReplicas: optional(int32, 3),
    readyReplicas: optional(int32, 7),
    availableReplicas: optional(int32, 4),
    unavailableReplicas: optional(int32, 5),
    terminatingReplicas: explicit(int32, 9),
    conditions: optional(mergeArray(condition, 'type'), 6),
    collisionCount: explicit(int32, 8),
  })
}

export const deploymentSpec = apps('DeploymentSpec', specFields(apps, required(labelSelector, 2)))

export const deploymentStatus = statusOf(apps)

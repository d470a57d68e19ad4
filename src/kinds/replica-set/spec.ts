/** A ReplicaSet's own fields. Numbers: Kubernetes' published .proto files, where all its versions have the same. */
import { labelSelector } from '../metadata.ts'
import { podTemplateSpec } from '../pod/spec.ts'
import { apps } from '../published.ts'
import type { Named } from '../published.ts'
import { explicit, int32, int64, mergeArray, neededInside, oneOf, optional, required, string, time } from '../schema.ts'
import type { Field } from '../schema.ts'

/** The fields of the spec; the selector is required in some versions. */
export function specFields<S extends Field>(selector: S) {
  return {
    replicas: explicit(int32, 1),
    minReadySeconds: optional(int32, 4),
    selector,
    template: neededInside(podTemplateSpec, 3),
  }
}

export function statusOf(named: Named) {
  const condition = named('ReplicaSetCondition', {
    type: required(string, 1),
    status: required(oneOf('True', 'False', 'Unknown'), 2),
    lastTransitionTime: optional(time, 3),
    reason: optional(string, 4),
    message: optional(string, 5),
  })
  return named('ReplicaSetStatus', {
    replicas: required(int32, 1),
    fullyLabeledReplicas: optional(int32, 2),
    readyReplicas: optional(int32, 4),
    availableReplicas: optional(int32, 5),
    terminatingReplicas: explicit(int32, 7),
    observedGeneration: optional(int64, 3),
    conditions: optional(mergeArray(condition, 'type'), 6),
  })
}

export const replicaSetSpec = apps('ReplicaSetSpec', specFields(required(labelSelector, 2)))

export const replicaSetStatus = statusOf(apps)

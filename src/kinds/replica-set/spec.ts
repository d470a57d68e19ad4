/** A ReplicaSet's own fields. */
import { labelSelector } from '../metadata.ts'
import { podTemplateSpec } from '../pod/spec.ts'
import { apps } from '../published.ts'
import { explicit, int32, int64, mergeArray, neededInside, oneOf, optional, required, string, time } from '../schema.ts'

export const replicaSetSpec = apps('ReplicaSetSpec', {
  replicas: explicit(int32, 1),
  minReadySeconds: optional(int32, 4),
  selector: required(labelSelector, 2),
  template: neededInside(podTemplateSpec, 3),
})

const replicaSetCondition = apps('ReplicaSetCondition', {
  type: required(string, 1),
  status: required(oneOf('True', 'False', 'Unknown'), 2),
  lastTransitionTime: optional(time, 3),
  reason: optional(string, 4),
  message: optional(string, 5),
})

export const replicaSetStatus = apps('ReplicaSetStatus', {
  replicas: required(int32, 1),
  fullyLabeledReplicas: optional(int32, 2),
  readyReplicas: optional(int32, 4),
  availableReplicas: optional(int32, 5),
  terminatingReplicas: explicit(int32, 7),
  observedGeneration: optional(int64, 3),
  conditions: optional(mergeArray(replicaSetCondition, 'type'), 6),
})

/** What every object carries, and the other shared parts of meta/v1. Fields and numbers: Kubernetes 1.35. */
import { meta } from './published.ts'
import {
  any,
  array,
  boolean,
  explicit,
  int64,
  map,
  mergeArray,
  oneOf,
  optional,
  required,
  setArray,
  string,
  time,
} from './schema.ts'

/** `apiVersion` and `kind`: in protobuf they travel in the envelope. */
export const typeMeta = { apiVersion: optional(string), kind: optional(string) }

const ownerReference = meta(
  'OwnerReference',
  {
    apiVersion: required(string, 5),
    kind: required(string, 1),
    name: required(string, 3),
    uid: required(string, 4),
    controller: explicit(boolean, 6),
    blockOwnerDeletion: explicit(boolean, 7),
  },
  { atomic: true },
)

const managedFieldsEntry = meta('ManagedFieldsEntry', {
  manager: optional(string, 1),
  operation: optional(string, 2),
  apiVersion: optional(string, 3),
  time: optional(time, 4),
  fieldsType: optional(string, 6),
  fieldsV1: optional(any, 7),
  subresource: optional(string, 8),
})

export const objectMeta = meta('ObjectMeta', {
  name: optional(string, 1),
  generateName: optional(string, 2),
  namespace: optional(string, 3),
  selfLink: optional(string, 4),
  uid: optional(string, 5),
  resourceVersion: optional(string, 6),
  generation: optional(int64, 7),
  creationTimestamp: optional(time, 8),
  deletionTimestamp: optional(time, 9),
  deletionGracePeriodSeconds: explicit(int64, 10),
  labels: optional(map(string), 11),
  annotations: optional(map(string), 12),
  ownerReferences: optional(mergeArray(ownerReference, 'uid'), 13),
  finalizers: optional(setArray(string), 14),
  managedFields: optional(array(managedFieldsEntry), 17),
})

const labelSelectorRequirement = meta('LabelSelectorRequirement', {
  key: required(string, 1),
  operator: required(oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'), 2),
  values: optional(array(string), 3),
})

export const labelSelector = meta(
  'LabelSelector',
  {
    matchLabels: optional(map(string), 1),
    matchExpressions: optional(array(labelSelectorRequirement), 2),
  },
  { atomic: true },
)

export const condition = meta('Condition', {
  type: required(string, 1),
  status: required(oneOf('True', 'False', 'Unknown'), 2),
  observedGeneration: optional(int64, 3),
  lastTransitionTime: required(time, 4),
  reason: required(string, 5),
  message: required(string, 6),
})

const preconditions = meta('Preconditions', {
  uid: explicit(string, 1),
  resourceVersion: explicit(string, 2),
})

export const deleteOptions = meta('DeleteOptions', {
  gracePeriodSeconds: explicit(int64, 1),
  preconditions: optional(preconditions, 2),
  orphanDependents: explicit(boolean, 3),
  propagationPolicy: explicit(string, 4),
  dryRun: optional(array(string), 5),
  ignoreStoreReadErrorWithClusterBreakingPotential: explicit(boolean, 6),
})

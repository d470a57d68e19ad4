/** References from a pod to one key or field elsewhere. */
import { localObjectReference } from '../references.ts'
import { core } from '../published.ts'
import { boolean, explicit, int32, optional, quantity, required, string, within } from '../schema.ts'

export const objectFieldSelector = core(
  'ObjectFieldSelector',
  {
    apiVersion: optional(string, 1),
    fieldPath: required(string, 2),
  },
  { atomic: true },
)

export const resourceFieldSelector = core(
  'ResourceFieldSelector',
  {
    containerName: optional(string, 1),
    resource: required(string, 2),
    divisor: optional(quantity, 3),
  },
  { atomic: true },
)

export const configMapKeySelector = core(
  'ConfigMapKeySelector',
  {
    ...within(1, localObjectReference.fields),
    key: required(string, 2),
    optional: explicit(boolean, 3),
  },
  { atomic: true },
)

export const secretKeySelector = core(
  'SecretKeySelector',
  {
    ...within(1, localObjectReference.fields),
    key: required(string, 2),
    optional: explicit(boolean, 3),
  },
  { atomic: true },
)

export const fileKeySelector = core(
  'FileKeySelector',
  {
    volumeName: required(string, 1),
    path: required(string, 2),
    key: required(string, 3),
    optional: explicit(boolean, 4),
  },
  { atomic: true },
)

export const keyToPath = core('KeyToPath', {
  key: required(string, 1),
  path: required(string, 2),
  mode: explicit(int32, 3),
})

export const downwardAPIVolumeFile = core('DownwardAPIVolumeFile', {
  path: required(string, 1),
  fieldRef: optional(objectFieldSelector, 2),
  resourceFieldRef: optional(resourceFieldSelector, 3),
  mode: explicit(int32, 4),
})

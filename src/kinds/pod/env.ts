/** A container's environment. */
import {
  configMapKeySelector,
  fileKeySelector,
  objectFieldSelector,
  resourceFieldSelector,
  secretKeySelector,
} from './selectors.ts'
import { localObjectReference } from '../references.ts'
import { core } from '../published.ts'
import { boolean, explicit, optional, required, string, within } from '../schema.ts'

const envVarSource = core('EnvVarSource', {
  fieldRef: optional(objectFieldSelector, 1),
  resourceFieldRef: optional(resourceFieldSelector, 2),
  configMapKeyRef: optional(configMapKeySelector, 3),
  secretKeyRef: optional(secretKeySelector, 4),
  fileKeyRef: optional(fileKeySelector, 5),
})

export const envVar = core('EnvVar', {
  name: required(string, 1),
  value: optional(string, 2),
  valueFrom: optional(envVarSource, 3),
})

const configMapEnvSource = core('ConfigMapEnvSource', {
  ...within(1, localObjectReference.fields),
  optional: explicit(boolean, 2),
})

const secretEnvSource = core('SecretEnvSource', {
  ...within(1, localObjectReference.fields),
  optional: explicit(boolean, 2),
})

export const envFromSource = core('EnvFromSource', {
  prefix: optional(string, 1),
  configMapRef: optional(configMapEnvSource, 2),
  secretRef: optional(secretEnvSource, 3),
})

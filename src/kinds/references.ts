/** References to other objects, as several core kinds carry them. Fields and numbers: Kubernetes 1.35, core/v1. */
import { core } from './published.ts'
import { explicit, optional, required, string } from './schema.ts'

export const objectReference = core(
  'ObjectReference',
  {
    kind: optional(string, 1),
    namespace: optional(string, 2),
    name: optional(string, 3),
    uid: optional(string, 4),
    apiVersion: optional(string, 5),
    resourceVersion: optional(string, 6),
    fieldPath: optional(string, 7),
  },
  { atomic: true },
)

export const localObjectReference = core(
  'LocalObjectReference',
  {
    name: optional(string, 1),
  },
  { atomic: true },
)

export const typedLocalObjectReference = core(
  'TypedLocalObjectReference',
  {
    apiGroup: explicit(string, 1),
    kind: required(string, 2),
    name: required(string, 3),
  },
  { atomic: true },
)

export const typedObjectReference = core('TypedObjectReference', {
  apiGroup: explicit(string, 1),
  kind: required(string, 2),
  name: required(string, 3),
  namespace: explicit(string, 4),
})

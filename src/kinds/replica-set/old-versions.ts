/** ReplicaSets as they were served before apps/v1. Source: Kubernetes 1.15, pkg/apis/{apps,extensions}. */
import type { ResourceType } from '../../kube/object.ts'
import { required as missing } from '../field-errors.ts'
import type { FieldError, KindVersion } from '../kind.ts'
import { labelSelector, objectMeta, typeMeta } from '../metadata.ts'
import type { Named } from '../published.ts'
import { appsV1beta2, extensionsV1beta1 } from '../published.ts'
import type { Field, ObjectSchema } from '../schema.ts'
import { neededInside, optional, required } from '../schema.ts'
import { selectTemplateLabels } from '../template-labels.ts'
import { defaultReplicaSet, replicaSetParts } from './shared.ts'
import { specFields, statusOf } from './spec.ts'
import type { ReplicaSet } from './types.ts'
import { validateReplicaSet, validateSameSelector } from './validate.ts'

type Version = KindVersion<ReplicaSet, ReplicaSet>

const inAppsV1beta2: Version = {
  ...replicaSetParts,
  type: typeIn('apps', 'v1beta2'),
  categories: ['all'],
  schema: schemaOf(appsV1beta2, required(labelSelector, 2)),
  defaults: defaultReplicaSet,
  validate: (object, old) => [...validateReplicaSet(object), ...validateSameSelector(object, old)],
}

/** Without categories and short names: kubectl looks those up in every group, and these objects are in `apps` already. */
const inExtensions: Version = {
  ...replicaSetParts,
  type: typeIn('extensions', 'v1beta1'),
  shortNames: [],
  categories: [],
  schema: schemaOf(extensionsV1beta1, optional(labelSelector, 2)),
  defaults: (object) => defaultReplicaSet(selectTemplateLabels(object)),
  validate: validateInExtensions,
}

export const oldReplicaSets: readonly Version[] = [inAppsV1beta2, inExtensions]

function validateInExtensions(object: ReplicaSet): readonly FieldError[] {
  // The schema does not ask for it, and a template without labels gives none.
  if ((object.spec.selector as unknown) === undefined) return [missing('spec.selector')]
  return validateReplicaSet(object)
}

function schemaOf(named: Named, selector: Field): ObjectSchema {
  return named('ReplicaSet', {
    ...typeMeta,
    metadata: optional(objectMeta, 1),
    spec: neededInside(named('ReplicaSetSpec', specFields(selector)), 2),
    status: optional(statusOf(named), 3),
  })
}

function typeIn(group: string, version: string): ResourceType<ReplicaSet> {
  return { group, version, kind: 'ReplicaSet', plural: 'replicasets', namespaced: true }
}

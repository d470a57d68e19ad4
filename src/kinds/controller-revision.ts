/** ControllerRevisions: an owner's earlier state, kept as an object (here: the last route spec that was accepted). */
import type { KubeObject, OwnerReference, ResourceType } from '../kube/object.ts'
import { controllerOf } from '../kube/object.ts'
import { ageColumn } from './age.ts'
import { checkAtLeast, checkImmutable, required as missing } from './field-errors.ts'
import type { FieldError, Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { apps } from './published.ts'
import { any, int64, optional, required } from './schema.ts'

const controllerRevision = apps('ControllerRevision', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  data: optional(any, 2),
  revision: required(int64, 3),
})

export interface ControllerRevision extends KubeObject {
  readonly data?: unknown
  readonly revision: number
}

export const controllerRevisions: ResourceType<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
}

export const controllerRevisionKind: Kind<ControllerRevision> = {
  type: controllerRevisions,
  singular: 'controllerrevision',
  shortNames: [],
  categories: [],
  schema: controllerRevision,
  hasStatus: false,
  validate: validateRevision,
  columns: [
    { name: 'Controller', type: 'string', priority: 0, cell: controllerName },
    { name: 'Revision', type: 'integer', priority: 0, cell: (object) => object.revision },
    ageColumn,
  ],
  strategicPatch: true,
}

function controllerName(object: ControllerRevision): string {
  const owner = controllerOf(object)
  return owner === undefined ? '<none>' : `${ownerResource(owner)}/${owner.name}`
}

/** `deployment.apps` for a Deployment of apps/v1. */
function ownerResource({ apiVersion, kind }: OwnerReference): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? kind.toLowerCase() : `${kind.toLowerCase()}.${apiVersion.slice(0, slash)}`
}

/** A revision is a record: once written, its data stays. */
function validateRevision(object: ControllerRevision, old: ControllerRevision | undefined): readonly FieldError[] {
  return [
    ...(object.data === undefined ? [missing('data')] : []),
    ...checkAtLeast('revision', object.revision, 0),
    ...(old === undefined ? [] : checkImmutable('data', object.data, old.data)),
  ]
}

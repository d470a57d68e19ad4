/** Namespaces. Deleting one empties it: finalizers `kubernetes` in the spec are the namespace controller's. */
import type { KubeObject, ResourceType } from '../kube/object.ts'
import type { Admission } from './admission.ts'
import { ageColumn } from './age.ts'
import type { Kind } from './kind.ts'
import { objectMeta, typeMeta } from './metadata.ts'
import { core } from './published.ts'
import type { Infer } from './schema.ts'
import { array, mergeArray, oneOf, optional, required, string, time } from './schema.ts'

const namespaceSpec = core('NamespaceSpec', {
  finalizers: optional(array(string), 1),
})

const namespaceCondition = core('NamespaceCondition', {
  type: required(string, 1),
  status: required(oneOf('True', 'False', 'Unknown'), 2),
  lastTransitionTime: optional(time, 4),
  reason: optional(string, 5),
  message: optional(string, 6),
})

const namespaceStatus = core('NamespaceStatus', {
  phase: optional(oneOf('Active', 'Terminating'), 1),
  conditions: optional(mergeArray(namespaceCondition, 'type'), 2),
})

const namespaceSchema = core('Namespace', {
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  spec: optional(namespaceSpec, 2),
  status: optional(namespaceStatus, 3),
})

export interface Namespace extends KubeObject {
  readonly spec?: Infer<typeof namespaceSpec>
  readonly status?: Infer<typeof namespaceStatus>
}

export const namespaces: ResourceType<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}

/** Clears away a namespace's contents before it goes; the namespace controller removes it through `/finalize`. */
const FINALIZER = 'kubernetes'
const IMMORTAL: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public'])

const namespaceAdmission: Admission<Namespace> = {
  create: (namespace) => {
    const { metadata, spec } = namespace
    const labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name ?? '' }
    const finalizers = [FINALIZER]
    return {
      ...namespace,
      metadata: { ...metadata, labels },
      spec: { ...spec, finalizers },
      status: { phase: 'Active' },
    }
  },
  // Only `/finalize` may change a namespace's finalizers.
  update: (namespace, old) => {
    const { finalizers: _finalizers, ...spec } = namespace.spec ?? {}
    const kept = old.spec?.finalizers ?? []
    return { ...namespace, spec: kept.length === 0 ? spec : { ...spec, finalizers: kept } }
  },
  whyNotDelete: (name) => (IMMORTAL.has(name) ? 'this namespace may not be deleted' : undefined),
  markDeleted: (namespace) => ({ ...namespace, status: { ...namespace.status, phase: 'Terminating' } }),
  isHeld: ({ spec }) => (spec?.finalizers ?? []).length > 0,
}

export const namespaceKind: Kind<Namespace> = {
  type: namespaces,
  singular: 'namespace',
  shortNames: ['ns'],
  categories: [],
  schema: namespaceSchema,
  hasStatus: true,
  defaults: defaultNamespace,
  admission: namespaceAdmission,
  subresources: [{ kind: 'finalize', name: 'finalize' }],
  columns: [{ name: 'Status', type: 'string', priority: 0, cell: (object) => object.status?.phase ?? '' }, ageColumn],
  selectableFields: { 'status.phase': (object) => object.status?.phase ?? '' },
  strategicPatch: true,
  nameFormat: 'dns-label',
}

/** The name label lets selectors choose namespaces by name; a namespace lives until its content is gone. */
function defaultNamespace(object: Namespace): Namespace {
  const { metadata, spec, status } = object
  const name = metadata.name
  const labels = name === undefined ? metadata.labels : { ...metadata.labels, 'kubernetes.io/metadata.name': name }
  return {
    ...object,
    metadata: { ...metadata, ...(labels === undefined ? {} : { labels }) },
    spec: { ...spec, finalizers: spec?.finalizers ?? [FINALIZER] },
    status: { ...status, phase: status?.phase ?? 'Active' },
  }
}

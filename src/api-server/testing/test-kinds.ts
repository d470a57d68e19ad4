/** Small kinds for the server's own tests: what they show is the server's doing, not a kind's. */
import type { Kind } from '../../kinds/kind.ts'
import { objectMeta, typeMeta } from '../../kinds/metadata.ts'
import { namespaceKind } from '../../kinds/namespace.ts'
import { podKind } from '../../kinds/pod.ts'
import { serviceKind } from '../../kinds/service.ts'
import { any, array, boolean, byKeys, int32, map, mergeArray, object, optional, string } from '../../kinds/schema.ts'
import type { KubeObject } from '../../kube/object.ts'

const base = { ...typeMeta, metadata: optional(objectMeta, 1) }
const common = { shortNames: [], categories: [], columns: [], strategicPatch: true, hasStatus: false } as const

/** What the real kind does beside its fields. */
function behaviourOf({ admission, subresources }: Kind): Pick<Kind, 'admission' | 'subresources'> {
  return { ...(admission === undefined ? {} : { admission }), ...(subresources === undefined ? {} : { subresources }) }
}

/** The real kinds always have a spec. */
function withSpec<T extends KubeObject>(given: T): T {
  return { spec: {}, ...given }
}

const namespaces: Kind = {
  ...common,
  ...behaviourOf(namespaceKind),
  type: { group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
  singular: 'namespace',
  schema: object({
    ...base,
    spec: optional(object({ finalizers: optional(array(string)) })),
    status: optional(object({ phase: optional(string) })),
  }),
  hasStatus: true,
  nameFormat: 'dns-label',
}

const services: Kind = {
  ...common,
  ...behaviourOf(serviceKind),
  defaults: withSpec,
  type: { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true },
  singular: 'service',
  schema: object({
    ...base,
    spec: optional(
      object({
        type: optional(string),
        clusterIP: optional(string),
        clusterIPs: optional(array(string)),
        selector: optional(map(string)),
      }),
    ),
  }),
}

interface Pod extends KubeObject {
  readonly spec?: { readonly nodeName?: string; readonly terminationGracePeriodSeconds?: number }
}

const pods: Kind<Pod> = {
  ...common,
  ...behaviourOf(podKind),
  defaults: withSpec,
  type: { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true },
  singular: 'pod',
  schema: object({
    ...base,
    spec: optional(
      object({
        nodeName: optional(string),
        terminationGracePeriodSeconds: optional(int32),
        serviceAccountName: optional(string),
        serviceAccount: optional(string),
        automountServiceAccountToken: optional(boolean),
      }),
    ),
    status: optional(object({ phase: optional(string), conditions: optional(array(any)) })),
  }),
  hasStatus: true,
  gracePeriodSeconds: ({ spec }) => (spec?.nodeName === undefined ? 0 : (spec.terminationGracePeriodSeconds ?? 30)),
}

/** Plain data, no status. */
const notes: Kind = {
  ...common,
  type: { group: '', version: 'v1', kind: 'Note', plural: 'notes', namespaced: true },
  singular: 'note',
  shortNames: ['no'],
  schema: object({ ...base, data: optional(map(string)) }),
}

interface Widget extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly size?: string; readonly legacy?: boolean }
  readonly status?: { readonly replicas?: number; readonly color?: string }
}

const port = object({
  number: optional(int32),
  protocol: optional(string, undefined, { default: 'TCP' }),
  name: optional(string),
})

/** Everything a kind can have. */
const widgets: Kind<Widget> = {
  ...common,
  type: { group: 'test.dev', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true },
  singular: 'widget',
  categories: ['all'],
  schema: object({
    ...base,
    spec: optional(
      object({
        replicas: optional(int32),
        size: optional(string),
        legacy: optional(boolean),
        selector: optional(object({ matchLabels: optional(map(string)) }, { atomic: true })),
        ports: optional(mergeArray(port, 'number', byKeys('number', 'protocol'))),
        parts: optional(mergeArray(object({ name: optional(string), image: optional(string) }), 'name')),
      }),
    ),
    status: optional(object({ replicas: optional(int32), color: optional(string) })),
  }),
  hasStatus: true,
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  defaults: (widget) => ({ ...widget, spec: { size: 'small', ...widget.spec } }),
  validate: ({ spec }) =>
    (spec?.replicas ?? 0) < 0
      ? [{ reason: 'FieldValueInvalid', field: 'spec.replicas', message: 'Invalid value: must not be negative' }]
      : [],
  warnings: ({ spec }) => (spec?.legacy === true ? ['spec.legacy: deprecated "since" v1'] : []),
  columns: [
    { name: 'Size', type: 'string', priority: 0, cell: ({ spec }) => spec?.size ?? '' },
    { name: 'Color', type: 'string', priority: 1, cell: ({ status }) => status?.color ?? '' },
  ],
  selectableFields: { 'spec.size': ({ spec }) => spec?.size ?? '' },
}

/** A custom resource: no strategic patch, no blind PUT. */
const gadgets: Kind = {
  ...common,
  type: { group: 'test.dev', version: 'v1', kind: 'Gadget', plural: 'gadgets', namespaced: false },
  singular: 'gadget',
  schema: object({ ...base, spec: optional(any) }),
  strategicPatch: false,
  requiresVersionOnUpdate: true,
}

export const testKinds: readonly Kind[] = [namespaces, services, pods, notes, widgets, gadgets]

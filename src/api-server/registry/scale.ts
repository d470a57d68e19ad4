/** `/scale`: one number of an object, seen and changed as an autoscaling/v1 Scale. */
import { ageColumn } from '../../kinds/age.ts'
import { jsonMistake } from '../../kinds/json-mistake.ts'
import type { Column } from '../../kinds/kind.ts'
import { objectMeta, typeMeta } from '../../kinds/metadata.ts'
import { int32, object, optional, string } from '../../kinds/schema.ts'
import type { KubeObject } from '../../kube/object.ts'
import { formatLabelSelector } from '../../kube/selector.ts'
import { asRecord, isRecord } from './document.ts'
import type { Document } from './document.ts'
import { badRequest } from './errors.ts'

export interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number }
  readonly status: { readonly replicas: number; readonly selector?: string }
}

/** What `kubectl get --subresource=scale` prints. */
export const scaleTable: { readonly columns: readonly Column<Scale>[]; readonly strategicPatch: boolean } = {
  strategicPatch: true,
  columns: [
    { name: 'Desired', type: 'integer', priority: 0, cell: ({ spec }) => spec.replicas ?? 0 },
    { name: 'Available', type: 'integer', priority: 0, cell: ({ status }) => status.replicas },
    ageColumn,
  ],
}

export const scaleSchema = object({
  ...typeMeta,
  metadata: optional(objectMeta, 1),
  spec: optional(object({ replicas: optional(int32, 1) }, { name: 'io.k8s.api.autoscaling.v1.ScaleSpec' }), 2),
  status: optional(
    object(
      { replicas: optional(int32, 1), selector: optional(string, 2) },
      { name: 'io.k8s.api.autoscaling.v1.ScaleStatus' },
    ),
    3,
  ),
})

export function scaleOf(scaled: Document): Scale {
  const spec = asRecord(scaled.spec)
  const status = asRecord(scaled.status)
  const { name, namespace, uid, resourceVersion, creationTimestamp } = scaled.metadata
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: definedOnly({ name, namespace, uid, resourceVersion, creationTimestamp }),
    spec: { replicas: toNumber(spec['replicas']) },
    status: { replicas: toNumber(status['replicas']), selector: formatLabelSelector(asRecord(spec['selector'])) },
  }
}

/** The object with the number of replicas of `scale`, which a client sent. */
export function withScale(old: Document, scale: unknown): Document {
  if (!isRecord(scale)) throw badRequest('the body of the request is not a Scale object')
  const mistake = jsonMistake('Scale', scaleSchema, scale)
  if (mistake !== undefined) throw badRequest(`Scale in version "v1" cannot be handled as a Scale: ${mistake}`)
  const replicas = asRecord(scale['spec'])['replicas'] ?? 0
  const metadata = asRecord(scale['metadata'])
  const version = metadata['resourceVersion']
  return {
    ...old,
    // The version that the client saw decides whether this is a conflict.
    metadata: typeof version === 'string' ? { ...old.metadata, resourceVersion: version } : old.metadata,
    spec: { ...asRecord(old.spec), replicas },
  }
}

function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function definedOnly<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

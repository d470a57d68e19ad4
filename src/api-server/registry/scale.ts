/** `/scale`: one number of an object, seen and changed as an autoscaling/v1 Scale. */
import { ageColumn } from '../../kinds/age.ts'
import type { Column } from '../../kinds/kind.ts'
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
export const scaleTable: { readonly columns: readonly Column<Scale>[] } = {
  columns: [
    { name: 'Desired', type: 'integer', priority: 0, cell: ({ spec }) => spec.replicas ?? 0 },
    { name: 'Available', type: 'integer', priority: 0, cell: ({ status }) => status.replicas },
    ageColumn,
  ],
}

export function scaleOf(object: Document): Scale {
  const spec = asRecord(object.spec)
  const status = asRecord(object.status)
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: definedOnly({ name, namespace, uid, resourceVersion, creationTimestamp }),
    spec: { replicas: toNumber(spec['replicas']) },
    status: { replicas: toNumber(status['replicas']), selector: formatLabelSelector(asRecord(spec['selector'])) },
  }
}

/** The object with the number of replicas of `scale`, which a client sent. */
export function withScale(object: Document, scale: unknown): Document {
  if (!isRecord(scale)) throw badRequest('the body of the request is not a Scale object')
  const replicas = asRecord(scale['spec'])['replicas'] ?? 0
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest(`Scale in version "v1" cannot be handled as a Scale: spec.replicas must be an integer`)
  }
  const metadata = asRecord(scale['metadata'])
  const version = metadata['resourceVersion']
  return {
    ...object,
    // The version that the client saw decides whether this is a conflict.
    metadata: typeof version === 'string' ? { ...object.metadata, resourceVersion: version } : object.metadata,
    spec: { ...asRecord(object.spec), replicas },
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

/** What the server itself demands of, and adds to, an object on its way in, kind by kind. */
import type { Kind } from '../../kinds/kind.ts'
import { objectKey } from '../../kube/object.ts'
import type { ApiContext } from './context.ts'
import { asRecord, withMetadata } from './document.ts'
import type { Document } from './document.ts'
import { failure } from '../../kube/api-error.ts'
import { admitNewPod, admitPod } from './admit-pod.ts'
import { admitNewService, admitService } from './admit-service.ts'
import { forbidden } from './errors.ts'

const NAMESPACES = 'namespaces'
/** Clears away a namespace's contents before it goes; the namespace controller removes it through `/finalize`. */
const NAMESPACE_FINALIZER = 'kubernetes'
const IMMORTAL_NAMESPACES = new Set(['default', 'kube-system', 'kube-public'])

export function isNamespace(kind: Kind): boolean {
  return isCore(kind, NAMESPACES)
}

function isCore(kind: Kind, plural: string): boolean {
  return kind.type.group === '' && kind.type.plural === plural
}

export function admitCreate(context: ApiContext, kind: Kind, object: Document): Document {
  if (kind.type.namespaced) checkNamespace(context, kind, object)
  if (isNamespace(kind)) return admitNamespace(object)
  if (isCore(kind, 'services')) return admitNewService(context, kind, object)
  if (isCore(kind, 'pods')) return admitNewPod(object)
  return object
}

export function admitUpdate(context: ApiContext, kind: Kind, object: Document, old: Document): Document {
  if (isCore(kind, 'services')) return admitService(context, kind, object, old)
  if (isCore(kind, 'pods')) return admitPod(object, old)
  // Only `/finalize` may change a namespace's finalizers.
  if (isNamespace(kind)) return keepFinalizers(object, old)
  return object
}

export function admitDelete(kind: Kind, name: string): void {
  if (isNamespace(kind) && IMMORTAL_NAMESPACES.has(name)) {
    throw forbidden(kind, name, 'this namespace may not be deleted')
  }
}

/** A namespace has finalizers in its spec too. */
export function specFinalizers(object: Document): readonly unknown[] {
  const finalizers = asRecord(object.spec)['finalizers']
  return Array.isArray(finalizers) ? finalizers : []
}

function checkNamespace({ store }: ApiContext, kind: Kind, object: Document): void {
  const name = object.metadata.namespace ?? ''
  const namespace = store.latest(NAMESPACES, objectKey(undefined, name))
  if (namespace === undefined) {
    const message = `namespaces "${name}" not found`
    throw failure({ code: 404, reason: 'NotFound', message, details: { name, kind: NAMESPACES } })
  }
  if (namespace.object.metadata.deletionTimestamp === undefined) return
  const why = `unable to create new content in namespace ${name} because it is being terminated`
  const message = `namespace ${name} is being terminated`
  throw forbidden(kind, object.metadata.name ?? '', why, [
    { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
  ])
}

function admitNamespace(object: Document): Document {
  const labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name }
  return {
    ...withMetadata(object, { labels }),
    spec: { ...asRecord(object.spec), finalizers: [NAMESPACE_FINALIZER] },
    status: { phase: 'Active' },
  }
}

/** The namespace with the finalizers it had. */
function keepFinalizers(namespace: Document, old: Document): Document {
  const { finalizers: _finalizers, ...spec } = asRecord(namespace.spec)
  const kept = specFinalizers(old)
  return { ...namespace, spec: kept.length === 0 ? spec : { ...spec, finalizers: kept } }
}

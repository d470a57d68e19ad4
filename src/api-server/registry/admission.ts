/** What the server itself demands of, and adds to, an object on its way in: namespace lifecycle, ClusterIPs. */
import type { FieldError, Kind } from '../../kinds/kind.ts'
import { objectKey } from '../../kube/object.ts'
import type { ApiContext } from './context.ts'
import { asRecord, withMetadata } from './document.ts'
import type { Document } from './document.ts'
import { failure } from '../../kube/api-error.ts'
import { forbidden, internal, invalid } from './errors.ts'
import { serviceSpec } from './service-addresses.ts'

const NAMESPACES = 'namespaces'
const SERVICES = 'services'
/** Clears away a namespace's contents before it goes; the namespace controller removes it through `/finalize`. */
const NAMESPACE_FINALIZER = 'kubernetes'
const IMMORTAL_NAMESPACES = new Set(['default', 'kube-system', 'kube-public'])

export function isNamespace(kind: Kind): boolean {
  return kind.type.group === '' && kind.type.plural === NAMESPACES
}

function isService(kind: Kind): boolean {
  return kind.type.group === '' && kind.type.plural === SERVICES
}

export function admitCreate(context: ApiContext, kind: Kind, object: Document): Document {
  if (kind.type.namespaced) checkNamespace(context, kind, object)
  if (isNamespace(kind)) return admitNamespace(object)
  if (isService(kind)) return allocateClusterIp(context, kind, object)
  return object
}

export function admitUpdate(context: ApiContext, kind: Kind, object: Document, old: Document): Document {
  if (isService(kind)) return keepClusterIp(context, kind, object, old)
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

function allocateClusterIp(context: ApiContext, kind: Kind, service: Document): Document {
  const { type = 'ClusterIP', clusterIP = '' } = serviceSpec(service)
  if (type === 'ExternalName' || clusterIP === 'None') return service
  const taken = takenAddresses(context)
  if (clusterIP !== '') {
    checkChosenAddress(context, { kind, service, clusterIP, taken })
    return withClusterIp(service, clusterIP)
  }
  const address = context.serviceAddresses.allocate(taken)
  if (address === undefined) throw internal('failed to allocate a serviceIP: range is full')
  return withClusterIp(service, address)
}

function checkChosenAddress(
  { serviceAddresses }: ApiContext,
  chosen: { kind: Kind; service: Document; clusterIP: string; taken: ReadonlySet<string> },
): void {
  const why = chosen.taken.has(chosen.clusterIP)
    ? 'provided IP is already allocated'
    : 'the provided network does not match the current range'
  if (serviceAddresses.contains(chosen.clusterIP) && !chosen.taken.has(chosen.clusterIP)) return
  const value = JSON.stringify([chosen.clusterIP])
  throw invalid(chosen.kind, chosen.service.metadata.name ?? '', [
    {
      reason: 'FieldValueInvalid',
      field: 'spec.clusterIPs',
      message: `Invalid value: ${value}: failed to allocate IP ${chosen.clusterIP}: ${why}`,
    },
  ])
}

/** An update that leaves the address out keeps it; a Service that becomes (or stops being) ExternalName gets (loses) it. */
function keepClusterIp(context: ApiContext, kind: Kind, service: Document, old: Document): Document {
  const { type = 'ClusterIP', clusterIP = '' } = serviceSpec(service)
  const before = serviceSpec(old)
  if (type === 'ExternalName') return service
  if (before.type === 'ExternalName' || (before.clusterIP ?? '') === '')
    return allocateClusterIp(context, kind, service)
  if (clusterIP === '') return withClusterIp(service, before.clusterIP ?? '')
  if (clusterIP === before.clusterIP) return withClusterIp(service, clusterIP)
  const error: FieldError = {
    reason: 'FieldValueInvalid',
    field: 'spec.clusterIPs[0]',
    message: `Invalid value: ${JSON.stringify([clusterIP])}: may not change once set`,
  }
  throw invalid(kind, service.metadata.name ?? '', [error])
}

function withClusterIp(service: Document, clusterIP: string): Document {
  return { ...service, spec: { ...asRecord(service.spec), clusterIP, clusterIPs: [clusterIP] } }
}

function takenAddresses({ store }: ApiContext): ReadonlySet<string> {
  const addresses = store.listLatest(SERVICES).map(({ object }) => serviceSpec(object).clusterIP ?? '')
  return new Set(addresses.filter((address) => address !== '' && address !== 'None'))
}

/** The ClusterIP of a Service on its way in: a free one, the one that was asked for, or the one that it has. */
import type { FieldError, Kind } from '../../kinds/kind.ts'
import type { ApiContext } from './context.ts'
import { asRecord } from './document.ts'
import type { Document } from './document.ts'
import { internal, invalid } from './errors.ts'
import { SERVICES, serviceSpec } from './service-addresses.ts'

export function allocateClusterIp(context: ApiContext, kind: Kind, service: Document): Document {
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
export function keepClusterIp(context: ApiContext, kind: Kind, service: Document, old: Document): Document {
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

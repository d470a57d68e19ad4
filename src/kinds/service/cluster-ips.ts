/**
 * The ClusterIP of a Service on its way in: a free one, the one that was asked for, or the one that it has. What is taken is read
 * from the stored Services, so there is no second list that could differ.
 */
import type { Surroundings } from '../admission.ts'
import { AdmissionError, invalid } from '../field-errors.ts'
import type { Service } from './types.ts'

export function allocateClusterIp(service: Service, surroundings: Surroundings<Service>): Service {
  const { type = 'ClusterIP', clusterIP = '' } = service.spec
  if (type === 'ExternalName' || clusterIP === 'None') return service
  const taken = takenAddresses(surroundings)
  if (clusterIP !== '') {
    checkChosenAddress(clusterIP, taken, surroundings)
    return withClusterIp(service, clusterIP)
  }
  const address = surroundings.serviceAddresses.allocate(taken)
  if (address === undefined) throw new Error('failed to allocate a serviceIP: range is full')
  return withClusterIp(service, address)
}

function checkChosenAddress(
  clusterIP: string,
  taken: ReadonlySet<string>,
  { serviceAddresses }: Surroundings<Service>,
): void {
  const isTaken = taken.has(clusterIP)
  if (serviceAddresses.contains(clusterIP) && !isTaken) return
  const why = isTaken ? 'provided IP is already allocated' : 'the provided network does not match the current range'
  throw new AdmissionError(invalid('spec.clusterIPs', [clusterIP], `failed to allocate IP ${clusterIP}: ${why}`))
}

/** An update that leaves the address out keeps it; a Service that becomes (or stops being) ExternalName gets (loses) it. */
export function keepClusterIp(service: Service, old: Service, surroundings: Surroundings<Service>): Service {
  const { type = 'ClusterIP', clusterIP = '' } = service.spec
  const before = old.spec
  if (type === 'ExternalName') return service
  if (before.type === 'ExternalName' || (before.clusterIP ?? '') === '') return allocateClusterIp(service, surroundings)
  if (clusterIP === '') return withClusterIp(service, before.clusterIP ?? '')
  if (clusterIP === before.clusterIP) return withClusterIp(service, clusterIP)
  throw new AdmissionError(invalid('spec.clusterIPs[0]', [clusterIP], 'may not change once set'))
}

function withClusterIp(service: Service, clusterIP: string): Service {
  return { ...service, spec: { ...service.spec, clusterIP, clusterIPs: [clusterIP] } }
}

function takenAddresses({ stored }: Surroundings<Service>): ReadonlySet<string> {
  const addresses = stored().map(({ spec }) => spec.clusterIP ?? '')
  return new Set(addresses.filter((address) => address !== '' && address !== 'None'))
}

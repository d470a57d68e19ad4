/** A Service on its way in: it gets the addresses and ports that its type needs, and loses those that it does not need any more. */
import { isSameJson } from '../../kube/json-value.ts'
import type { Admission } from '../admission.ts'
import { allocateClusterIp, keepClusterIp } from './cluster-ips.ts'
import { allocateNodePorts, hasNodePorts, keepNodePorts, withoutNodePorts } from './node-ports.ts'
import type { Service, ServiceSpec } from './types.ts'

export const serviceAdmission: Admission<Service> = {
  create: (service, surroundings) => allocateNodePorts(allocateClusterIp(service, surroundings), surroundings),
  update: (service, old, surroundings) => {
    const kept = keepNodePorts(withoutForeignFields(service, old), old)
    return allocateNodePorts(keepClusterIp(kept, old, surroundings), surroundings)
  },
}

/**
 * Who changes the type alone means the fields of the old type to go. What the client changed as well stays, and is judged.
 */
function withoutForeignFields(service: Service, old: Service): Service {
  const now = service.spec
  const before = old.spec
  const isLost = (needs: (spec: ServiceSpec) => boolean): boolean => needs(before) && !needs(now)
  const gone = [
    ...(isLost(({ type }) => type !== 'ExternalName') ? ADDRESS_FIELDS : []),
    ...(isLost(isExternal) ? ['externalTrafficPolicy'] : []),
    ...(isLost(({ type }) => type === 'LoadBalancer') ? ['allocateLoadBalancerNodePorts'] : []),
  ]
  const reduced = withoutUnchanged(service, old, gone)
  return isLost(hasNodePorts) ? withoutNodePorts(reduced, old) : reduced
}

const ADDRESS_FIELDS = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy']

function isExternal({ type, externalIPs = [] }: ServiceSpec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && externalIPs.length > 0)
}

function withoutUnchanged(service: Service, old: Service, fields: readonly string[]): Service {
  const before: Readonly<Record<string, unknown>> = old.spec
  const spec = Object.entries(service.spec).filter(
    ([name, value]) => !(fields.includes(name) && isSameJson(value, before[name])),
  )
  return { ...service, spec: Object.fromEntries(spec) }
}

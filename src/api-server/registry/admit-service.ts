/** A Service on its way in: it gets the addresses and ports that its type needs, and loses those that it does not need any more. */
import type { Kind } from '../../kinds/kind.ts'
import { isSameJson } from '../../kube/json-value.ts'
import { allocateClusterIp, keepClusterIp } from './cluster-ips.ts'
import type { ApiContext } from './context.ts'
import { asRecord } from './document.ts'
import type { Document } from './document.ts'
import { allocateNodePorts, hasNodePorts, keepNodePorts, withoutNodePorts } from './node-ports.ts'
import { serviceSpec } from './service-addresses.ts'

export function admitNewService(context: ApiContext, kind: Kind, service: Document): Document {
  return allocateNodePorts(context, kind, allocateClusterIp(context, kind, service))
}

export function admitService(context: ApiContext, kind: Kind, service: Document, old: Document): Document {
  const kept = keepNodePorts(withoutForeignFields(service, old), old)
  return allocateNodePorts(context, kind, keepClusterIp(context, kind, kept, old))
}

/**
 * Who changes the type alone means the fields of the old type to go. What the client changed as well stays, and is judged.
 */
function withoutForeignFields(service: Document, old: Document): Document {
  const now = serviceSpec(service)
  const before = serviceSpec(old)
  const isLost = (needs: (spec: typeof now) => boolean): boolean => needs(before) && !needs(now)
  const gone = [
    ...(isLost(({ type }) => type !== 'ExternalName') ? ADDRESS_FIELDS : []),
    ...(isLost(isExternal) ? ['externalTrafficPolicy'] : []),
    ...(isLost(({ type }) => type === 'LoadBalancer') ? ['allocateLoadBalancerNodePorts'] : []),
  ]
  const reduced = withoutUnchanged(service, old, gone)
  return isLost(hasNodePorts) ? withoutNodePorts(reduced, old) : reduced
}

const ADDRESS_FIELDS = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy']

function isExternal({ type, externalIPs = [] }: ReturnType<typeof serviceSpec>): boolean {
  return type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && externalIPs.length > 0)
}

function withoutUnchanged(service: Document, old: Document, fields: readonly string[]): Document {
  const before = asRecord(old.spec)
  const spec = Object.entries(asRecord(service.spec)).filter(
    ([name, value]) => !(fields.includes(name) && isSameJson(value, before[name])),
  )
  return { ...service, spec: Object.fromEntries(spec) }
}

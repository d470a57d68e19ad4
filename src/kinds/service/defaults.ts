/** What a Service leaves out. Addresses (clusterIP) are the API server's to give: they are not known here. */
import type { Service, ServicePort, ServiceSpec } from './types.ts'

export function defaultService(object: Service): Service {
  const { spec } = object
  const type = spec.type ?? 'ClusterIP'
  const isReachable = type !== 'ExternalName'
  const isExternal = type === 'NodePort' || type === 'LoadBalancer'
  return {
    ...object,
    spec: {
      ...spec,
      type,
      sessionAffinity: spec.sessionAffinity ?? 'None',
      ...(spec.ports === undefined ? {} : { ports: spec.ports.map(defaultPort) }),
      ...affinityDefaults(spec),
      ...(isReachable
        ? { internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster', ...familyDefaults(spec) }
        : {}),
      ...(isExternal ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? 'Cluster' } : {}),
      ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true } : {}),
    },
    status: { ...object.status, loadBalancer: object.status?.loadBalancer ?? {} },
  }
}

function defaultPort(port: ServicePort): ServicePort {
  const hasTarget = port.targetPort !== undefined && port.targetPort !== 0 && port.targetPort !== ''
  return { ...port, protocol: port.protocol ?? 'TCP', targetPort: hasTarget ? port.targetPort : port.port }
}

const AFFINITY_TIMEOUT_S = 10_800

function affinityDefaults({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): Partial<ServiceSpec> {
  if (sessionAffinity !== 'ClientIP') return {}
  const timeoutSeconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_TIMEOUT_S
  return { sessionAffinityConfig: { clientIP: { timeoutSeconds } } }
}

/** One machine, one family: IPv4. */
function familyDefaults({ ipFamilies, ipFamilyPolicy }: ServiceSpec): Partial<ServiceSpec> {
  return { ipFamilies: ipFamilies ?? ['IPv4'], ipFamilyPolicy: ipFamilyPolicy ?? 'SingleStack' }
}

/** Rules of a Service that its schema cannot say. */
import { dnsLabelErrors, dnsSubdomainErrors, ipFamilyOf } from '../../kube/names.ts'
import { checkDistinct, checkFormat, checkPort, duplicate, forbidden, invalid, required } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import { validateTarget } from '../pod/validate-probe.ts'
import { validateLabels } from '../selector-rules.ts'
import type { Service, ServicePort, ServiceSpec } from './types.ts'

export function validateService({ spec }: Service, old: Service | undefined): readonly FieldError[] {
  return [
    ...validatePorts(spec),
    ...validateLabels('spec.selector', spec.selector),
    ...validateAddress(spec),
    ...validateAffinity(spec),
    ...(spec.externalIPs ?? []).flatMap((ip, at) => checkIp(`spec.externalIPs[${at}]`, ip)),
    ...(old === undefined ? [] : validateUpdate(spec, old.spec)),
  ]
}

function validatePorts(spec: ServiceSpec): readonly FieldError[] {
  const ports = spec.ports ?? []
  const needsPorts = spec.type !== 'ExternalName' && spec.clusterIP !== 'None'
  if (ports.length === 0) return needsPorts ? [required('spec.ports')] : []
  const names = ports.flatMap(({ name = '' }, at) =>
    name === '' ? [] : [{ field: `spec.ports[${at}].name`, value: name }],
  )
  return [
    ...ports.flatMap((port, at) => validatePort(`spec.ports[${at}]`, port, spec)),
    ...checkDistinct(names),
    ...checkDistinct(
      ports.map(({ protocol = 'TCP', port }, at) => ({ field: `spec.ports[${at}]`, value: { protocol, port } })),
    ),
    ...repeatedNodePorts(ports),
  ]
}

/** One node port may serve one port over several protocols, not two over the same. */
function repeatedNodePorts(ports: readonly ServicePort[]): readonly FieldError[] {
  const keys = ports.map(({ protocol = 'TCP', nodePort = 0 }) => (nodePort === 0 ? '' : `${protocol} ${nodePort}`))
  return keys.flatMap((key, at) =>
    key !== '' && keys.indexOf(key) < at ? [duplicate(`spec.ports[${at}].nodePort`, ports[at]?.nodePort)] : [],
  )
}

function validatePort(path: string, port: ServicePort, spec: ServiceSpec): readonly FieldError[] {
  const { name = '', targetPort } = port
  const needsName = name === '' && (spec.ports ?? []).length > 1
  return [
    ...(needsName ? [required(`${path}.name`)] : []),
    ...(name === '' ? [] : checkFormat(`${path}.name`, name, dnsLabelErrors)),
    ...checkPort(`${path}.port`, port.port),
    ...(targetPort === undefined ? [] : validateTarget(`${path}.targetPort`, targetPort)),
    ...validateNodePort(`${path}.nodePort`, port.nodePort, spec.type),
  ]
}

/** Both inclusive: Kubernetes' default range. */
export const NODE_PORTS = { min: 30_000, max: 32_767 }

function validateNodePort(field: string, nodePort = 0, type: ServiceSpec['type'] = 'ClusterIP'): readonly FieldError[] {
  if (nodePort === 0) return []
  if (type === 'ClusterIP' || type === 'ExternalName') {
    return [forbidden(field, `may not be used when \`type\` is '${type}'`)]
  }
  if (nodePort >= NODE_PORTS.min && nodePort <= NODE_PORTS.max) return []
  const range = `${NODE_PORTS.min}-${NODE_PORTS.max}`
  return [invalid(field, nodePort, `provided port is not in the valid range. The range of valid ports is ${range}`)]
}

function validateAddress({ type, clusterIP = '', externalName = '' }: ServiceSpec): readonly FieldError[] {
  if (type === 'ExternalName') {
    return [
      ...(clusterIP === '' ? [] : [forbidden('spec.clusterIP', 'may not be set for ExternalName services')]),
      ...(externalName === ''
        ? [required('spec.externalName')]
        : checkFormat('spec.externalName', externalName, dnsSubdomainErrors)),
    ]
  }
  if (clusterIP === '') return []
  if (clusterIP !== 'None') return checkIp('spec.clusterIPs[0]', clusterIP)
  return type === 'LoadBalancer' || type === 'NodePort'
    ? [invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`)]
    : []
}

const AFFINITY_TIMEOUT_MAX_S = 86_400

function validateAffinity({ sessionAffinityConfig }: ServiceSpec): readonly FieldError[] {
  const timeout = sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (timeout === undefined || (timeout >= 1 && timeout <= AFFINITY_TIMEOUT_MAX_S)) return []
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds'
  return [invalid(field, timeout, `must be greater than 0 and less than ${AFFINITY_TIMEOUT_MAX_S}`)]
}

function validateUpdate(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
  const keepsAddress = spec.type !== 'ExternalName' && old.type !== 'ExternalName' && (old.clusterIP ?? '') !== ''
  if (!keepsAddress || spec.clusterIP === old.clusterIP) return []
  return [invalid('spec.clusterIPs[0]', [spec.clusterIP ?? ''], 'may not change once set')]
}

function checkIp(field: string, text: string): readonly FieldError[] {
  return ipFamilyOf(text) === undefined ? [invalid(field, text, 'must be a valid IP address')] : []
}

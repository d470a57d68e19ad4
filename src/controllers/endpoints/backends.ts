/** Which pods stand behind a Service, and on which ports. Pure. */
import { isIPv6 } from 'node:net'
import type { Endpoint, EndpointPort } from '../../kinds/endpoint-slice.ts'
import type { Pod } from '../../kinds/pod.ts'
import type { Service, ServicePort } from '../../kinds/service.ts'
import { matchesLabels } from '../../kube/selector.ts'
import { isFinished, isReady } from '../pods/availability.ts'

/** Endpoints that listen on the same ports. */
export interface BackendGroup {
  readonly addressType: 'IPv4' | 'IPv6'
  readonly ports: readonly EndpointPort[]
  /** In the order of pod names, so that the same pods always give the same list. */
  readonly endpoints: readonly Endpoint[]
}

export function selects({ spec }: Service, { metadata }: Pod): boolean {
  const selector = spec.selector ?? {}
  return Object.keys(selector).length > 0 && matchesLabels({ matchLabels: selector }, metadata.labels)
}

/** True for Services whose endpoints are ours to write: those that select pods. */
export function hasSelector({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && Object.keys(spec.selector ?? {}).length > 0
}

/** Pods with named target ports may resolve them differently, so one Service can have several groups. */
export function backendGroups(service: Service, pods: readonly Pod[]): readonly BackendGroup[] {
  const groups = new Map<
    string,
    { addressType: 'IPv4' | 'IPv6'; ports: readonly EndpointPort[]; endpoints: Endpoint[] }
  >()
  const backends = pods.filter((pod) => selects(service, pod) && !isFinished(pod))
  for (const pod of backends.toSorted(byName)) {
    const address = pod.status?.podIP ?? ''
    const ports = portsOf(service, pod)
    if (address === '' || ports === undefined) continue
    const addressType = isIPv6(address) ? 'IPv6' : 'IPv4'
    const key = groupKey(addressType, ports)
    const group = groups.get(key) ?? { addressType, ports, endpoints: [] }
    group.endpoints.push(endpointOf(service, pod, address))
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** What makes two slices, or a slice and a group, belong together. */
export function groupKey(addressType: string, ports: readonly EndpointPort[]): string {
  const keys = ports.map(({ name = '', protocol = 'TCP', port = 0, appProtocol = '' }) =>
    [name, protocol, port, appProtocol].join('|'),
  )
  return `${addressType} ${keys.toSorted().join(' ')}`
}

/**
 * A terminating pod is never ready, so that no new traffic goes to it; `serving` tells whether it could still answer.
 */
function endpointOf(service: Service, pod: Pod, address: string): Endpoint {
  const { namespace = '', name = '', uid = '', deletionTimestamp } = pod.metadata
  const { nodeName, hostname, subdomain } = pod.spec
  const serving = isReady(pod)
  const terminating = deletionTimestamp !== undefined
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}),
  }
}

/** Undefined when the Service has ports but the pod offers none of them. */
function portsOf({ spec }: Service, pod: Pod): readonly EndpointPort[] | undefined {
  const wanted = spec.ports ?? []
  const found = wanted.map((port) => portOf(port, pod)).filter((port) => port !== undefined)
  return found.length === 0 && wanted.length > 0 ? undefined : found
}

function portOf(servicePort: ServicePort, pod: Pod): EndpointPort | undefined {
  const { name = '', protocol = 'TCP', targetPort, appProtocol } = servicePort
  const port = targetPort === undefined ? servicePort.port : resolvePort(targetPort, protocol, pod)
  if (port === undefined) return undefined
  return { name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) }
}

function resolvePort(target: number | string, protocol: string, { spec }: Pod): number | undefined {
  if (typeof target === 'number') return target
  const named = spec.containers
    .flatMap((container) => container.ports ?? [])
    .find((port) => port.name === target && (port.protocol ?? 'TCP') === protocol)
  return named?.containerPort
}

function byName(a: Pod, b: Pod): number {
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1
}

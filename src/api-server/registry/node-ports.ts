/**
 * The node ports of Services. What is taken is read from the stored Services, so there is no second list that could differ:
 * a port is free as soon as its Service is gone or has another type. One number belongs to one Service.
 */
import type { Random } from '../../base/random.ts'
import type { Kind } from '../../kinds/kind.ts'
import { NODE_PORTS } from '../../kinds/service.ts'
import { keyOf } from '../../kube/object.ts'
import type { ApiContext } from './context.ts'
import { asRecord } from './document.ts'
import type { Document } from './document.ts'
import { internal, invalid } from './errors.ts'
import { SERVICES, serviceSpec } from './service-addresses.ts'
import type { ServicePort, ServiceSpec } from './service-addresses.ts'

/** Ports from here on are given first: the ones below are left to people who choose a port by hand, as in Kubernetes. */
const GIVEN_FIRST = NODE_PORTS.min + 86

export function hasNodePorts({ type }: ServiceSpec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer'
}

/** Every port without a node port gets one. One port over several protocols has one node port. */
export function allocateNodePorts(context: ApiContext, kind: Kind, service: Document): Document {
  const spec = serviceSpec(service)
  if (!hasNodePorts(spec)) return service
  const { ports = [] } = spec
  const others = takenByOthers(context, service)
  checkFree(kind, service, others)
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === false) return service
  const known = new Map(ports.flatMap(({ port, nodePort = 0 }) => (nodePort > 0 ? [[port, nodePort] as const] : [])))
  const taken = new Set([...others, ...known.values()])
  return withPorts(
    service,
    ports.map((port) => {
      if ((port.nodePort ?? 0) > 0) return port
      const nodePort = known.get(port.port) ?? freePort(taken, context.random)
      if (nodePort === undefined) throw internal('failed to allocate a nodePort: range is full')
      taken.add(nodePort)
      known.set(port.port, nodePort)
      return { ...port, nodePort }
    }),
  )
}

/** An update that leaves node ports out keeps them, port by port of the same name. */
export function keepNodePorts(service: Document, old: Document): Document {
  const now = serviceSpec(service)
  const before = serviceSpec(old)
  if (!hasNodePorts(now) || !hasNodePorts(before)) return service
  const { ports = [] } = now
  const used = new Set(ports.map(({ nodePort = 0 }) => nodePort))
  const known = new Map((before.ports ?? []).map(({ name = '', nodePort = 0 }) => [name, nodePort]))
  return withPorts(
    service,
    ports.map((port) => {
      const nodePort = known.get(port.name ?? '') ?? 0
      if ((port.nodePort ?? 0) > 0 || nodePort === 0 || used.has(nodePort)) return port
      used.add(nodePort)
      return { ...port, nodePort }
    }),
  )
}

/** Without the node ports that the Service had, unless the client names one that it did not have. */
export function withoutNodePorts(service: Document, old: Document): Document {
  const { ports = [] } = serviceSpec(service)
  const before = numbersOf(serviceSpec(old))
  const isNamed = numbersOf(serviceSpec(service)).some((nodePort) => !before.includes(nodePort))
  return isNamed
    ? service
    : withPorts(
        service,
        ports.map(({ nodePort: _nodePort, ...port }) => port),
      )
}

function checkFree(kind: Kind, service: Document, taken: ReadonlySet<number>): void {
  const errors = (serviceSpec(service).ports ?? []).flatMap(({ nodePort = 0 }, at) =>
    taken.has(nodePort)
      ? [
          {
            reason: 'FieldValueInvalid' as const,
            field: `spec.ports[${at}].nodePort`,
            message: `Invalid value: ${nodePort}: provided port is already allocated`,
          },
        ]
      : [],
  )
  if (errors.length > 0) throw invalid(kind, service.metadata.name ?? '', errors)
}

function takenByOthers({ store }: ApiContext, service: Document): ReadonlySet<number> {
  const others = store.listLatest(SERVICES).filter(({ key }) => key !== keyOf(service))
  return new Set(others.flatMap(({ object }) => numbersOf(serviceSpec(object))))
}

function numbersOf({ ports = [] }: ServiceSpec): readonly number[] {
  return ports.flatMap(({ nodePort = 0 }) => (nodePort > 0 ? [nodePort] : []))
}

/** From a random start, so that a port which was just released is not given at once to another Service. */
function freePort(taken: ReadonlySet<number>, random: Random): number | undefined {
  return freeIn(GIVEN_FIRST, NODE_PORTS.max, taken, random) ?? freeIn(NODE_PORTS.min, GIVEN_FIRST - 1, taken, random)
}

function freeIn(min: number, max: number, taken: ReadonlySet<number>, random: Random): number | undefined {
  const size = max - min + 1
  const start = Math.floor(random() * size)
  for (let tries = 0; tries < size; tries++) {
    const port = min + ((start + tries) % size)
    if (!taken.has(port)) return port
  }
  return undefined
}

function withPorts(service: Document, ports: readonly ServicePort[]): Document {
  if (ports.length === 0) return service
  return { ...service, spec: { ...asRecord(service.spec), ports } }
}

/**
 * The node ports of Services. What is taken is read from the stored Services, so there is no second list that could differ:
 * a port is free as soon as its Service is gone or has another type. One number belongs to one Service.
 */
import type { Random } from '../../base/random.ts'
import { keyOf } from '../../kube/object.ts'
import type { Surroundings } from '../admission.ts'
import { AdmissionError, invalid } from '../field-errors.ts'
import type { Service, ServicePort, ServiceSpec } from './types.ts'
import { NODE_PORTS } from './validate.ts'

/** Ports from here on are given first: the ones below are left to people who choose a port by hand, as in Kubernetes. */
const GIVEN_FIRST = NODE_PORTS.min + 86

export function hasNodePorts({ type }: ServiceSpec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer'
}

/** Every port without a node port gets one. One port over several protocols has one node port. */
export function allocateNodePorts(service: Service, surroundings: Surroundings<Service>): Service {
  const { spec } = service
  if (!hasNodePorts(spec)) return service
  const { ports = [] } = spec
  const others = takenByOthers(service, surroundings)
  checkFree(service, others)
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === false) return service
  const known = new Map(ports.flatMap(({ port, nodePort = 0 }) => (nodePort > 0 ? [[port, nodePort] as const] : [])))
  const taken = new Set([...others, ...known.values()])
  return withPorts(
    service,
    ports.map((port) => {
      if ((port.nodePort ?? 0) > 0) return port
      const nodePort = known.get(port.port) ?? freePort(taken, surroundings.random)
      if (nodePort === undefined) throw new Error('failed to allocate a nodePort: range is full')
      taken.add(nodePort)
      known.set(port.port, nodePort)
      return { ...port, nodePort }
    }),
  )
}

/** An update that leaves node ports out keeps them, port by port of the same name. */
export function keepNodePorts(service: Service, old: Service): Service {
  const now = service.spec
  const before = old.spec
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
export function withoutNodePorts(service: Service, old: Service): Service {
  const { ports = [] } = service.spec
  const before = numbersOf(old.spec)
  const isNamed = numbersOf(service.spec).some((nodePort) => !before.includes(nodePort))
  return isNamed
    ? service
    : withPorts(
        service,
        ports.map(({ nodePort: _nodePort, ...port }) => port),
      )
}

function checkFree({ spec }: Service, taken: ReadonlySet<number>): void {
  const errors = (spec.ports ?? []).flatMap(({ nodePort = 0 }, at) =>
    taken.has(nodePort) ? [invalid(`spec.ports[${at}].nodePort`, nodePort, 'provided port is already allocated')] : [],
  )
  if (errors.length > 0) throw new AdmissionError(...errors)
}

function takenByOthers(service: Service, { stored }: Surroundings<Service>): ReadonlySet<number> {
  const others = stored().filter((other) => keyOf(other) !== keyOf(service))
  return new Set(others.flatMap(({ spec }) => numbersOf(spec)))
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

function withPorts(service: Service, ports: readonly ServicePort[]): Service {
  if (ports.length === 0) return service
  return { ...service, spec: { ...service.spec, ports } }
}

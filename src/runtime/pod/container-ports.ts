/**
 * Whether connections to a container's ports reach it. On the loopback network that all pods share, they may reach
 * another pod instead, and a program that wants all addresses of a port may find it taken.
 */
import type { Answer, Stranger } from '../network/port-owners.ts'
import { portOf } from './handler.ts'
import { answeredBy, inUseBy } from './port-text.ts'
import type { Container, Probe } from './types.ts'

export interface PortsContext {
  readonly ip: string
  /** Who answers on the port of the pod's address. */
  readonly answer: (port: number) => Promise<Answer>
  /** Who else listens on the port, on whatever address. */
  readonly holder: (port: number) => Stranger | undefined
  /** Ports that Services send to although no container declares them. */
  readonly servicePorts: () => readonly number[]
}

/** What programs write when the address is taken: Node.js, C's strerror (Python, Java, nginx, …) and Go. */
const IN_USE = /EADDRINUSE|address (?:is )?already in use/i
const NUMBERS = /(?<![\d.])\d{2,5}(?![\d.])/g

/** Why connections do not reach the container; undefined if they do, or if nobody answers them. */
export async function findObstacle(spec: Container, context: PortsContext): Promise<string | undefined> {
  for (const port of portsOf(spec, context)) {
    const answer = await context.answer(port)
    if (answer.kind === 'stranger') return answeredBy(port, answer)
  }
  return undefined
}

/** Why a program that ended with these words could not listen; undefined if that was not its trouble. */
export async function explainInUse(words: string, spec: Container, context: PortsContext): Promise<string | undefined> {
  const lines = words.split('\n').filter((line) => IN_USE.test(line))
  if (lines.length === 0) return undefined
  const named = [...lines.join('\n').matchAll(NUMBERS)].map(([number]) => Number(number))
  const ports = [...portsOf(spec, context), ...named]
  const found = ports.map((port) => ({ port, holder: context.holder(port) })).find(({ holder }) => holder !== undefined)
  if (found?.holder === undefined) return undefined
  const { port, holder } = found
  const answer = await context.answer(port)
  if (answer.kind === 'stranger') return answeredBy(port, answer)
  return inUseBy(port, holder)
}

/** The ports at which somebody expects the container: those it declares, those of its probes and of Services. */
function portsOf(spec: Container, { ip, servicePorts }: PortsContext): readonly number[] {
  const declared = (spec.ports ?? [])
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map(({ containerPort }) => containerPort)
  const probes = [spec.startupProbe, spec.livenessProbe, spec.readinessProbe]
  const probed = probes.flatMap((probe) => probedPort(probe, spec, ip))
  return [...new Set([...declared, ...probed, ...servicePorts()])]
}

function probedPort(probe: Probe | undefined, { ports = [] }: Container, ip: string): readonly number[] {
  const action = probe?.httpGet ?? probe?.tcpSocket
  if (action === undefined || (action.host ?? ip) !== ip) return []
  try {
    return [portOf(action.port, { ports })]
  } catch {
    // The probe itself says that there is no such port.
    return []
  }
}

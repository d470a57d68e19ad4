/** What a person is told about a port that others have: the reason and the cure. */
import type { Stranger } from '../network/port-owners.ts'

/** Connections to the port of the pod's address reach somebody else, who listens on all addresses. */
export function answeredBy(port: number, { who, isPod }: Stranger): string {
  const cure = isPod
    ? 'listen on $HOST in both pods, not on all addresses'
    : 'choose another port, or let that process listen on one address only'
  return `port ${port} is answered by ${who}: ${cure}`
}

/** A program wanted the port on all addresses, and somebody else has it on another address than the pod's. */
export function inUseBy(port: number, { who }: Stranger): string {
  return `port ${port} is in use by ${who}: listen on $HOST, not on all addresses`
}

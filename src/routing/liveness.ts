/**
 * Whether what is served of an object is live: acknowledged by every data plane that serves something of it, by their own word.
 * A data plane that has nothing to do with the object holds nothing up. Pure.
 */
import type { DataPlaneState, ProxyState } from './data-plane.ts'

export interface Liveness {
  readonly isLive: boolean
  readonly reason: 'Programmed' | 'Pending' | 'NoDataPlane' | 'Refused' | 'NotListening'
  readonly message: string
}

/** What is asked about. */
export interface ServedPart {
  /** The first snapshot generation that contains it. */
  readonly since: number
  /** The listeners on which it is served. Absent: all. */
  readonly listeners?: readonly string[]
}

export function livenessOf({ expected, proxies }: DataPlaneState, { since, listeners }: ServedPart): Liveness {
  const audience = proxies.filter((proxy) => servesOneOf(proxy, listeners))
  const connected = audience.filter((proxy) => proxy.connected)
  const refused = connected.find((proxy) => refuses(proxy, since))
  if (refused?.refused !== undefined) {
    return { isLive: false, reason: 'Refused', message: `Proxy ${refused.id} refused it: ${refused.refused.reason}` }
  }
  // Proxies that are still to come may serve it, too.
  const wanted = Math.max(audience.length, expected - (proxies.length - audience.length))
  if (connected.length === 0 || connected.length < wanted) {
    const message = `${connected.length} of ${wanted} proxies are connected`
    return { isLive: false, reason: 'NoDataPlane', message }
  }
  const waiting = connected.filter(({ acknowledged }) => acknowledged === null || acknowledged < since)
  if (waiting.length > 0) {
    const message = `Waiting for ${waiting.map(({ id }) => id).join(', ')} to acknowledge it`
    return { isLive: false, reason: 'Pending', message }
  }
  return listening(connected, listeners)
}

/** One that has not said what it serves is taken to serve everything. */
function servesOneOf({ serves }: ProxyState, listeners: readonly string[] | undefined): boolean {
  return serves === undefined || listeners === undefined || listeners.some((id) => serves.includes(id))
}

/** A proxy that has refused a newer snapshot still serves what the one before contained. */
function refuses({ refused, acknowledged }: ProxyState, since: number): boolean {
  return refused !== undefined && refused.generation >= since && (acknowledged ?? 0) < since
}

function listening(connected: readonly ProxyState[], wanted: readonly string[] | undefined): Liveness {
  for (const { id, listeners } of connected) {
    const error = listeners.find((bound) => (wanted?.includes(bound.id) ?? true) && bound.error !== undefined)?.error
    if (error !== undefined) return { isLive: false, reason: 'NotListening', message: `Proxy ${id}: ${error}` }
  }
  const message = connected.length === 1 ? 'The proxy serves it' : `All ${connected.length} proxies serve it`
  return { isLive: true, reason: 'Programmed', message }
}

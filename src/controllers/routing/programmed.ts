/** Whether an object's served generation is live: on every proxy that there should be, by their own word. Pure. */
import { liveGeneration } from '../../routing/data-plane.ts'
import type { DataPlaneState, ProxyState } from '../../routing/data-plane.ts'

export interface Liveness {
  readonly isLive: boolean
  readonly reason: 'Programmed' | 'Pending' | 'NoDataPlane' | 'Refused' | 'NotListening'
  readonly message: string
}

/** `since` is the first snapshot generation that contains what we ask about. */
export function livenessOf(state: DataPlaneState, since: number, listener: string): Liveness {
  const connected = state.proxies.filter((proxy) => proxy.connected)
  const refused = connected.find((proxy) => refuses(proxy, since))
  if (refused?.refused !== undefined) {
    return { isLive: false, reason: 'Refused', message: `Proxy ${refused.id} refused it: ${refused.refused.reason}` }
  }
  if (connected.length === 0 || connected.length < state.expected) {
    const message = `${connected.length} of ${state.expected} proxies are connected`
    return { isLive: false, reason: 'NoDataPlane', message }
  }
  const live = liveGeneration(state)
  if (live === null || live < since) {
    const waiting = connected.filter(({ acknowledged }) => (acknowledged ?? 0) < since).map(({ id }) => id)
    return { isLive: false, reason: 'Pending', message: `Waiting for ${waiting.join(', ')} to acknowledge it` }
  }
  return listening(connected, listener)
}

/** A proxy that has refused a newer snapshot still serves what the one before contained. */
function refuses({ refused, acknowledged }: ProxyState, since: number): boolean {
  return refused !== undefined && refused.generation >= since && (acknowledged ?? 0) < since
}

function listening(connected: readonly ProxyState[], listener: string): Liveness {
  for (const { id, listeners } of connected) {
    const error = listeners.find((bound) => bound.id === listener)?.error
    if (error !== undefined) return { isLive: false, reason: 'NotListening', message: `Proxy ${id}: ${error}` }
  }
  const message = connected.length === 1 ? 'The proxy serves it' : `All ${connected.length} proxies serve it`
  return { isLive: true, reason: 'Programmed', message }
}

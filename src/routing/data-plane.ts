/** How the control plane sees its data planes, whichever they are: it hands out snapshots and watches what is live. */
import type { Watched } from '../base/watched.ts'
import type { RoutingSnapshot } from './model.ts'

/** All proxies of one control plane. */
export interface DataPlane {
  /** Hands a snapshot to every proxy, now and when one connects later. Only the newest counts. Returns at once. */
  publish(snapshot: RoutingSnapshot): void
  readonly state: Watched<DataPlaneState>
}

export interface DataPlaneState {
  /** How many proxies there should be; a snapshot is live when that many have acknowledged it. */
  readonly expected: number
  readonly proxies: readonly ProxyState[]
}

export interface ProxyState {
  readonly id: string
  readonly connected: boolean
  /** The newest snapshot generation of this control plane that new requests use; null: none yet. */
  readonly acknowledged: number | null
  /** The newest snapshot that the proxy refused, and why; it keeps serving the one before. */
  readonly refused?: { readonly generation: number; readonly reason: string }
  /** The listeners of the snapshots that the proxy is given. Absent: all there are. */
  readonly serves?: readonly string[]
  /** Where the listeners really listen. */
  readonly listeners: readonly BoundListener[]
  /** `address:port` of endpoints that left the acknowledged snapshot but still have requests in flight. */
  readonly draining: readonly string[]
}

/** A listener as one proxy has opened it. */
export interface BoundListener {
  readonly id: string
  readonly address: string
  readonly port: number
  /** Why it does not listen, where it does not. */
  readonly error?: string
}

/** The newest generation that all expected proxies have acknowledged; null while any has none. */
export function liveGeneration({ expected, proxies }: DataPlaneState): number | null {
  const acknowledged = proxies.filter((proxy) => proxy.connected && proxy.acknowledged !== null)
  if (acknowledged.length < expected || expected === 0) return null
  return Math.min(...acknowledged.map((proxy) => proxy.acknowledged ?? 0))
}

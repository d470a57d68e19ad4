/**
 * A connection of a client to an endpoint that goes on for as long as they want: an upgraded one, a CONNECT, TCP. It stays with
 * its endpoint when the snapshot changes; where new ones of its route would no longer get there it has some time left.
 */
import type { DestinationTraffic, TunnelCounts } from '../../telemetry/recorder.ts'
import type { EndpointPool } from '../upstream/endpoint-pool.ts'
import type { RouteReach } from '../cluster/route-reach.ts'

/** Unless the route says otherwise. Shorter than a pod's grace period. */
const TUNNEL_DRAIN_TIMEOUT_MS = 20_000

export interface TunnelStart {
  readonly pool: EndpointPool
  /** Of the endpoint. */
  readonly traffic: Pick<DestinationTraffic, 'tunnels'>
  readonly routeId: string
  /** Of the snapshot by which it was routed. */
  readonly reach: RouteReach
  /** Undefined: the default. */
  readonly drainMs: number | undefined
}

/** Pair with `end`. */
export class Tunnel {
  readonly #pool: EndpointPool
  readonly #counts: TunnelCounts
  readonly #routeId: string
  readonly #drainMs: number
  /** By the snapshot that the tunnel was last compared with. */
  #reach: RouteReach
  #drainSinceMs = Infinity
  /** Its listener is gone: it drains whatever snapshots say. */
  #isClosing = false

  constructor({ pool, traffic, routeId, reach, drainMs = TUNNEL_DRAIN_TIMEOUT_MS }: TunnelStart) {
    this.#pool = pool
    this.#routeId = routeId
    this.#reach = reach
    this.#drainMs = drainMs
    this.#counts = traffic.tunnels
    this.#counts.active++
    pool.tunnels++
  }

  end(): void {
    this.#drainFrom(Infinity)
    this.#counts.active--
    this.#pool.tunnels--
  }

  /** The listener is gone. */
  drain(nowMs: number): void {
    this.#isClosing = true
    this.#beginDrain(nowMs)
  }

  /** Whether its time is over. `reach` is of the newest snapshot. */
  isOver(nowMs: number, reach: RouteReach): boolean {
    if (reach !== this.#reach) {
      this.#reach = reach
      if (this.#pool.isRetired || !reach.has(this.#routeId, this.#pool)) this.#beginDrain(nowMs)
      else if (!this.#isClosing) this.#drainFrom(Infinity)
    }
    return nowMs >= this.#drainSinceMs + this.#drainMs
  }

  #beginDrain(nowMs: number): void {
    this.#drainFrom(Math.min(this.#drainSinceMs, nowMs))
  }

  /** Infinity: not at all. */
  #drainFrom(sinceMs: number): void {
    const change = Number(sinceMs !== Infinity) - Number(this.#drainSinceMs !== Infinity)
    this.#counts.draining += change
    this.#pool.drainingTunnels += change
    this.#drainSinceMs = sinceMs
  }
}

/**
 * The connections to one endpoint: idle ones wait here, newest first, to be used again. A pool outlives the snapshots that
 * name its endpoint; once no snapshot does it is retired: its idle connections close, and when its last request is over it
 * is drained.
 */
import { hostPort } from '../../base/host-port.ts'
import type { Log } from '../../base/log.ts'
import type { Cluster } from '../../routing/cluster-model.ts'

import type { ClusterGate } from './cluster-gate.ts'
import { Http2Sessions } from './http2-sessions.ts'
import type { ClientTlsContext } from '../tls/client-tls.ts'
import { Http1UpstreamConnection } from './http1-connection.ts'
import type { ConnectionOwner } from './http1-connection.ts'
import type { UpstreamSide } from './side.ts'

/**
 * Shorter than the 5 s after which common servers (Node, uvicorn, Apache) close an idle connection, so that requests
 * seldom meet a connection that is being closed.
 */
const UPSTREAM_IDLE_TIMEOUT_MS = 4_000
const IDLE_CONNECTIONS_PER_ENDPOINT_MAX = 256
/** Requests beyond are answered with 503 and flag UO. */
const CONNECTIONS_PER_ENDPOINT_MAX = 8_192
/** After a failed connect, other endpoints are preferred for this long. */
const AVOID_AFTER_FAILURE_MS = 1_000

/** Where a pool's connections go, and what they speak. */
export interface PoolAddress {
  readonly address: string
  readonly port: number
  /** Null: in clear text. */
  readonly tls: ClientTlsContext | null
  readonly protocol: NonNullable<Cluster['protocol']>
}

export interface PoolEvents {
  /** A connection is opened. */
  onConnect(pool: EndpointPool): void
  /** The last request to a retired endpoint is over. */
  onDrained(pool: EndpointPool): void
}

/** What `/clusters` of the admin port tells. */
export interface PoolState {
  /** `address:port` */
  readonly endpoint: string
  /** Requests that began to use it since the pool was made. */
  readonly requests: number
  readonly active: number
  /** Those of `active` that go on for as long as both sides want; absent: a proxy of an older version does not say. */
  readonly tunnels?: number
  /** Those of `tunnels` that will be closed soon; absent: as `tunnels`. */
  readonly drainingTunnels?: number
  readonly connections: number
  readonly idle: number
  /** Passed over because connecting failed a moment ago. */
  readonly isAvoided: boolean
}

export class EndpointPool implements ConnectionOwner {
  readonly address: string
  readonly port: number
  readonly tls: ClientTlsContext | null
  /** See `Tunnel`, which counts itself here. */
  tunnels = 0
  drainingTunnels = 0
  readonly key: string
  readonly #events: PoolEvents
  /** Null: the endpoint speaks HTTP/1.1. */
  readonly #sessions: Http2Sessions | null
  readonly #idle: Http1UpstreamConnection[] = []
  readonly #connections = new Set<Http1UpstreamConnection>()
  /** Those that were opened under the limits of a cluster. */
  readonly #gated = new Map<Http1UpstreamConnection, { readonly gate: ClusterGate; served: number }>()
  #requests = 0
  #active = 0
  #retired = false
  #avoidUntilMs = 0

  constructor(at: PoolAddress, events: PoolEvents, log: Log) {
    this.address = at.address
    this.port = at.port
    this.tls = at.tls
    this.key = poolKey(at)
    this.#events = events
    this.#sessions = at.protocol === 'http2' ? new Http2Sessions(at, log) : null
  }

  /** `address:port` */
  get endpoint(): string {
    return hostPort(this.address, this.port)
  }

  /** Requests that use the endpoint now. */
  get active(): number {
    return this.#active
  }

  get hasConnections(): boolean {
    return this.#connections.size > 0 || (this.#sessions !== null && this.#sessions.count > 0)
  }

  get isRetired(): boolean {
    return this.#retired
  }

  /** Whether no more connection may be opened. */
  get isFull(): boolean {
    return this.#connections.size >= CONNECTIONS_PER_ENDPOINT_MAX || this.#sessions?.isFull === true
  }

  isAvoided(nowMs: number): boolean {
    return this.#avoidUntilMs > nowMs
  }

  avoid(nowMs: number): void {
    this.#avoidUntilMs = nowMs + AVOID_AFTER_FAILURE_MS
  }

  state(nowMs: number): PoolState {
    const sessions = this.#sessions
    return {
      endpoint: this.endpoint,
      requests: this.#requests,
      active: this.#active,
      tunnels: this.tunnels,
      drainingTunnels: this.drainingTunnels,
      connections: this.#connections.size + (sessions === null ? 0 : sessions.count),
      idle: this.#idle.length + (sessions === null ? 0 : sessions.idle),
      isAvoided: this.isAvoided(nowMs),
    }
  }

  /** A request begins to use the endpoint. Pair with `leave`. */
  enter(): void {
    this.#requests++
    this.#active++
  }

  leave(): void {
    this.#active--
    if (this.#active === 0 && this.#retired) this.#events.onDrained(this)
  }

  /** A way that is there: an idle connection, or a stream of a session, which may still be connecting. */
  takeIdle(): UpstreamSide | undefined {
    if (this.#sessions !== null) return this.#sessions.take()
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isUsable) return idle
    }
    return undefined
  }

  /**
   * `gate`: that of the cluster that it is opened for; it counts there until it is closed. `isTunnel`: all of a connection is
   * wanted, for other bytes than HTTP.
   */
  open(deadlineMs: number, gate: ClusterGate | null, isTunnel: boolean): UpstreamSide {
    this.#events.onConnect(this)
    if (this.#sessions !== null && !isTunnel) return this.#sessions.open(deadlineMs, gate)
    const connection = new Http1UpstreamConnection(this, deadlineMs)
    this.#connections.add(connection)
    if (gate !== null) {
      this.#gated.set(connection, { gate, served: 0 })
      gate.connected()
    }
    return connection
  }

  keep(connection: Http1UpstreamConnection): void {
    const isSpent = this.#gated.size > 0 && this.#isSpent(connection)
    if (isSpent || this.#retired || this.#idle.length >= IDLE_CONNECTIONS_PER_ENDPOINT_MAX) return connection.destroy()
    this.#idle.push(connection)
    if (this.#gated.size > 0) this.#gated.get(connection)?.gate.freed()
  }

  forget(connection: Http1UpstreamConnection): void {
    this.#connections.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at !== -1) this.#idle.splice(at, 1)
    if (this.#gated.size === 0) return
    const gated = this.#gated.get(connection)
    this.#gated.delete(connection)
    gated?.gate.closed()
  }

  /** Closes an idle connection that counts there. False: there is none. */
  closeIdle(gate: ClusterGate): boolean {
    if (this.#sessions?.closeIdle(gate) === true) return true
    const idle = this.#idle.find((connection) => this.#gated.get(connection)?.gate === gate)
    idle?.destroy()
    return idle !== undefined
  }

  retire(): void {
    this.#retired = true
    this.#closeAllIdle()
    this.#sessions?.drain()
  }

  revive(): void {
    this.#retired = false
  }

  #closeAllIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy()
    this.#sessions?.closeAll()
  }

  sweep(nowMs: number): void {
    this.#sessions?.sweep(nowMs)
    for (const connection of this.#connections) connection.sweep(nowMs)
    const idleSinceMs = nowMs - UPSTREAM_IDLE_TIMEOUT_MS
    // Oldest first; destroying one takes it off the list.
    while (this.#idle[0]?.isIdleSince(idleSinceMs) === true) this.#idle[0].destroy()
  }

  #isSpent(connection: Http1UpstreamConnection): boolean {
    const gated = this.#gated.get(connection)
    if (gated === undefined) return false
    const { requestsPerConnectionMax } = gated.gate.limits
    return ++gated.served >= requestsPerConnectionMax && requestsPerConnectionMax > 0
  }
}

export function poolKey({ address, port, tls, protocol }: PoolAddress): string {
  return `${hostPort(address, port)} ${protocol}${tls === null ? '' : ` tls ${tls.id}`}`
}

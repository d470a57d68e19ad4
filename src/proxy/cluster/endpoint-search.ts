/** Where one request after the other goes: endpoints are tried by health and turn, under the limits of their cluster. */
import { defined } from '../../base/assert.ts'

import type { ClusterGate, Waiting } from '../upstream/cluster-gate.ts'
import type { EndpointPool } from '../upstream/endpoint-pool.ts'
import { isGood, pickEndpoint } from './pick-endpoint.ts'
import type { ServingCluster, ServingEndpoint } from './serving-cluster.ts'
import type { UpstreamSide } from '../upstream/side.ts'

/** How many endpoints a request or connection tries to connect to before it fails. */
export const CONNECT_ATTEMPTS_MAX = 5

/** `found`: see `endpoint` and `idle`. `waiting`: the request gets its turn. */
export type Search = 'found' | 'waiting' | 'no-endpoint' | 'overflow'

export interface SearchStart {
  /** Of the key that the cluster balances by. */
  readonly hash: number
  readonly nowMs: number
  /** Not one that served others before. */
  readonly needsNewConnection: boolean
}

export class EndpointSearch {
  readonly #request: Waiting
  /** By the newest snapshot; null when the request has none. */
  readonly #newest: (name: string) => ServingCluster | undefined
  #cluster: ServingCluster | null = null
  /** The limits under which the request is counted. */
  gate: ClusterGate | null = null
  /** The last one found. */
  endpoint: ServingEndpoint | null = null
  /** A way to it that is there, or being made for others too. */
  idle: UpstreamSide | undefined
  #tried: EndpointPool[] | null = null
  #connects = 0
  #hash = 0
  #nowMs = 0
  #needsNew = false

  constructor(request: Waiting, newest: (name: string) => ServingCluster | undefined) {
    this.#request = request
    this.#newest = newest
  }

  get cluster(): ServingCluster {
    return defined(this.#cluster, 'cluster')
  }

  /** False: the cluster has as many requests as it may. */
  begin(cluster: ServingCluster, { hash, nowMs, needsNewConnection }: SearchStart): boolean {
    this.#cluster = cluster
    this.#hash = hash
    this.#nowMs = nowMs
    this.#needsNew = needsNewConnection
    this.#tried = null
    this.#connects = 0
    if (cluster.gate?.admit() === false) return false
    this.gate = cluster.gate
    return true
  }

  /** The request is over. */
  end(): void {
    this.gate?.leave(this.#request)
    this.gate = null
    this.endpoint = null
    this.idle = undefined
  }

  /** `isTurn`: the request has waited, and it is its turn. */
  next(isTurn = false): Search {
    const endpoint = this.#pick()
    if (endpoint === undefined) return 'no-endpoint'
    if (this.gate === null) return this.#found(endpoint, this.#takeIdle(endpoint.pool))
    return this.#throughGate(this.gate, endpoint, isTurn)
  }

  /** The turn of a request that waited. */
  onTurn(): Search {
    this.#refresh()
    return this.next(true)
  }

  /** On a new connection: where one kept connection was closed, the others may be too. */
  again(pool: EndpointPool): Search {
    this.#refresh()
    const same = this.cluster.endpoints.find((endpoint) => endpoint.pool === pool && !pool.isRetired)
    const endpoint = same ?? this.#pick()
    if (endpoint === undefined) return 'no-endpoint'
    if (this.gate === null) return this.#found(endpoint, undefined)
    return this.#throughGate(this.gate, endpoint, true)
  }

  /** After a connection that could not be made. */
  elsewhere(failed: EndpointPool, nowMs: number): Search {
    failed.avoid(nowMs)
    this.#tried = [...(this.#tried ?? []), failed]
    if (++this.#connects >= CONNECT_ATTEMPTS_MAX) return 'no-endpoint'
    this.#refresh()
    return this.next()
  }

  /** The try under way has failed. */
  leaveEndpoint(): void {
    if (this.endpoint !== null) this.#tried = [...(this.#tried ?? []), this.endpoint.pool]
    this.endpoint = null
    this.#connects = 0
  }

  /** A new try: preferably on an endpoint that has not failed the request yet. */
  retry(nowMs: number): Search {
    this.#nowMs = nowMs
    this.#refresh()
    const tried = this.#tried
    if (!this.cluster.endpoints.some(({ pool }) => !pool.isRetired && tried?.includes(pool) !== true))
      this.#tried = null
    return this.next()
  }

  /** A request that must look for another endpoint looks among those of the newest snapshot. */
  #refresh(): void {
    this.#cluster = this.#newest(this.cluster.name) ?? this.cluster
  }

  #pick(): ServingEndpoint | undefined {
    return pickEndpoint(this.cluster, this.#hash, this.#nowMs, this.#tried)
  }

  /** Where no connection may be opened, one that stands idle elsewhere in the cluster serves too, or makes room. */
  #throughGate(gate: ClusterGate, endpoint: ServingEndpoint, isTurn: boolean): Search {
    if (isTurn || !gate.hasWaiting) {
      const idle = this.#takeIdle(endpoint.pool)
      if (idle !== undefined || gate.mayConnect) return this.#found(endpoint, idle)
      const elsewhere = this.#takeElsewhere()
      if (elsewhere !== null) return elsewhere
      if (this.#makesRoom(gate)) return this.#found(endpoint, undefined)
    }
    return gate.wait(this.#request, isTurn) ? 'waiting' : 'overflow'
  }

  /** A key stays with its endpoint. */
  #takeElsewhere(): Search | null {
    if (this.cluster.key !== null) return null
    for (const other of this.cluster.endpoints) {
      if (this.#tried?.includes(other.pool) === true || !isGood(other, this.#nowMs)) continue
      const idle = this.#takeIdle(other.pool)
      if (idle !== undefined) return this.#found(other, idle)
    }
    return null
  }

  #makesRoom(gate: ClusterGate): boolean {
    for (const { pool } of this.cluster.endpoints) {
      while (!gate.mayConnect && pool.closeIdle(gate));
    }
    return gate.mayConnect
  }

  #takeIdle(pool: EndpointPool): UpstreamSide | undefined {
    return this.#needsNew ? undefined : pool.takeIdle()
  }

  #found(endpoint: ServingEndpoint, idle: UpstreamSide | undefined): Search {
    this.endpoint = endpoint
    this.idle = idle
    return idle === undefined && endpoint.pool.isFull ? 'overflow' : 'found'
  }
}

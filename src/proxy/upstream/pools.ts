/** All endpoint pools of a proxy, by address and port, and by what they speak. */
import type { Holdings } from '../../base/holdings.ts'
import type { Log } from '../../base/log.ts'

import { EndpointPool, poolKey } from './endpoint-pool.ts'
import type { PoolAddress, PoolEvents, PoolState } from './endpoint-pool.ts'

export class UpstreamPools {
  readonly #pools = new Map<string, EndpointPool>()
  /** How many parts of snapshots use the pool; absent: none, it is retired. */
  readonly #holders = new Map<EndpointPool, number>()
  /** Retired ones that the next snapshot has again. */
  readonly #returning = new Set<EndpointPool>()
  /** Those that have connections. */
  readonly #connected = new Set<EndpointPool>()
  /** Retired ones with requests still in flight. */
  readonly #draining = new Set<EndpointPool>()
  readonly #onChange: () => void

  /** `onDrainingChange` is called when an entry leaves `draining`. */
  constructor(onDrainingChange: () => void) {
    this.#onChange = onDrainingChange
  }

  /** The pool of the endpoint, new or known. It is in use until the holdings are released. */
  use(at: PoolAddress, log: Log, holdings: Holdings): EndpointPool {
    const key = poolKey(at)
    const pool = this.#pools.get(key) ?? new EndpointPool(at, this.#events, log)
    this.#pools.set(key, pool)
    this.#holders.set(pool, (this.#holders.get(pool) ?? 0) + 1)
    if (pool.isRetired) this.#returning.add(pool)
    holdings.add(this, key)
    return pool
  }

  release(key: string): void {
    const pool = this.#pools.get(key)
    const holders = pool === undefined ? undefined : this.#holders.get(pool)
    if (pool === undefined || holders === undefined) return
    if (holders > 1) {
      this.#holders.set(pool, holders - 1)
      return
    }
    this.#holders.delete(pool)
    this.#returning.delete(pool)
    pool.retire()
    if (pool.active === 0) this.#pools.delete(key)
    else this.#draining.add(pool)
  }

  /** What was prepared is about to be served: its endpoints that had gone get requests again. */
  settle(): void {
    for (const pool of this.#returning) this.revive(pool)
    this.#returning.clear()
  }

  revive(pool: EndpointPool): void {
    pool.revive()
    this.#draining.delete(pool)
  }

  /** Endpoints that no new request goes to, with requests still in flight. */
  draining(): readonly string[] {
    return [...this.#draining].map(({ endpoint }) => endpoint)
  }

  states(nowMs: number): readonly PoolState[] {
    return [...this.#pools.values()].map((pool) => pool.state(nowMs))
  }

  sweep(nowMs: number): void {
    for (const pool of this.#connected) {
      pool.sweep(nowMs)
      if (!pool.hasConnections) this.#connected.delete(pool)
    }
  }

  closeAll(): void {
    for (const pool of this.#pools.values()) pool.closeAll()
  }

  readonly #events: PoolEvents = {
    onConnect: (pool) => this.#connected.add(pool),
    onDrained: (pool) => this.#onDrained(pool),
  }

  #onDrained(pool: EndpointPool): void {
    this.#draining.delete(pool)
    if (this.#pools.get(pool.key) === pool && !this.#holders.has(pool)) this.#pools.delete(pool.key)
    this.#onChange()
  }
}

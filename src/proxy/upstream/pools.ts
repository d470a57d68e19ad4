/** All endpoint pools of a proxy, by address and port, and by what they speak. */
import type { Log } from '../../base/log.ts'

import { EndpointPool, poolKey } from './endpoint-pool.ts'
import type { PoolAddress, PoolState } from './endpoint-pool.ts'

export class UpstreamPools {
  readonly #pools = new Map<string, EndpointPool>()
  /** A snapshot that is being prepared uses them: they stay, drained or not. */
  readonly #wanted = new Set<EndpointPool>()
  readonly #onChange: () => void

  /** `onDrainingChange` is called when an entry leaves `draining`. */
  constructor(onDrainingChange: () => void) {
    this.#onChange = onDrainingChange
  }

  /** The pool of the endpoint, new or known. It is in use until `retireExcept` leaves it out. */
  use(at: PoolAddress, log: Log): EndpointPool {
    const key = poolKey(at)
    const known = this.#pools.get(key)
    if (known !== undefined) {
      this.#wanted.add(known)
      return known
    }
    const created = new EndpointPool(at, { onDrained: (pool) => this.#onDrained(pool) }, log)
    this.#pools.set(key, created)
    return created
  }

  retireExcept(inUse: ReadonlySet<EndpointPool>): void {
    this.#wanted.clear()
    for (const pool of this.#pools.values()) {
      if (inUse.has(pool)) {
        pool.revive()
      } else {
        pool.retire()
        if (pool.active === 0) this.#pools.delete(pool.key)
      }
    }
  }

  /** Endpoints that no new request goes to, with requests still in flight. */
  draining(): readonly string[] {
    return [...this.#pools.values()].flatMap((pool) => (pool.isRetired && pool.active > 0 ? [pool.endpoint] : []))
  }

  states(nowMs: number): readonly PoolState[] {
    return [...this.#pools.values()].map((pool) => pool.state(nowMs))
  }

  sweep(nowMs: number): void {
    for (const pool of this.#pools.values()) pool.sweep(nowMs)
  }

  closeAll(): void {
    for (const pool of this.#pools.values()) pool.closeAll()
  }

  #onDrained(pool: EndpointPool): void {
    if (this.#pools.get(pool.key) === pool && !this.#wanted.has(pool)) this.#pools.delete(pool.key)
    this.#onChange()
  }
}

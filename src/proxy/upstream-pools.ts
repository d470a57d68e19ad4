/** All endpoint pools of a proxy, by address and port, and by what TLS they speak. */
import { EndpointPool, poolKey } from './endpoint-pool.ts'
import type { ClientTlsContext } from './tls/client-tls.ts'
import type { PoolState } from './endpoint-pool.ts'

export class UpstreamPools {
  readonly #pools = new Map<string, EndpointPool>()
  readonly #onChange: () => void

  /** `onDrainingChange` is called when an entry leaves `draining`. */
  constructor(onDrainingChange: () => void) {
    this.#onChange = onDrainingChange
  }

  /** The pool of the endpoint, new or known. It is in use until `retireExcept` leaves it out. */
  use(address: string, port: number, tls: ClientTlsContext | null): EndpointPool {
    const key = poolKey(address, port, tls)
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const created = new EndpointPool({ address, port, tls }, { onDrained: (pool) => this.#onDrained(pool) })
    this.#pools.set(key, created)
    return created
  }

  retireExcept(inUse: ReadonlySet<EndpointPool>): void {
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
    if (this.#pools.get(pool.key) === pool) this.#pools.delete(pool.key)
    this.#onChange()
  }
}

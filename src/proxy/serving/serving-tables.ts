/**
 * Route tables made ready to serve, each once for all listeners that use it. Of a table that changed only the virtual hosts that
 * are other objects are prepared.
 *
 * A snapshot is prepared in a round: `begin`, then any number of `use`, then `settle` or `abandon`.
 */
import { defined } from '../../base/assert.ts'
import { Holdings } from '../../base/holdings.ts'
import type { Steps } from '../../base/steps.ts'
import type { ContinuityStore } from '../balance/continuity.ts'
import { concatenated, prepareTableInSteps, TableMemory } from '../../routing/decide.ts'
import type { PreparedTable } from '../../routing/decide.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import type { RouteTable, VirtualHost } from '../../routing/route-model.ts'

import { nothingShared, prepareRoute } from './serving-route.ts'
import type { RouteDeps, ServingRoute, SharedParts } from './serving-route.ts'

export interface ServingTable {
  readonly table: PreparedTable
  /** As `table.routes`. */
  readonly routes: readonly ServingRoute[]
}

interface ServingHost {
  readonly virtualHost: VirtualHost
  readonly routes: readonly ServingRoute[]
  readonly holdings: Holdings
  /** The last round in which the host was part of the table. */
  round: number
  isReleased: boolean
}

interface PreparedServingTable extends ServingTable {
  readonly source: RouteTable
  readonly hosts: readonly ServingHost[]
}

/** Of one table, across snapshots. */
interface Memory {
  readonly table: TableMemory
  readonly hosts: WeakMap<VirtualHost, ServingHost>
  readonly shared: SharedParts
  /** That of the clusters to which `shared` refers. */
  readonly epoch: number
}

interface TableDeps extends Omit<RouteDeps, keyof SharedParts | 'continuity'> {
  readonly continuity: ContinuityStore
  readonly clusters: RouteDeps['clusters'] & { readonly epoch: number }
}

/** What routes share is forgotten when there is so much more of it than routes. */
const SHARED_PER_ROUTE_MAX = 4
const SHARED_MIN = 1_000

export class ServingTables {
  readonly #deps: TableDeps
  readonly #memories = new Map<string, Memory>()
  #serving = new Map<string, PreparedServingTable>()
  #sources: ReadonlyMap<string, RouteTable> = new Map()
  #next = new Map<string, PreparedServingTable>()
  #created: ServingHost[] = []
  #round = 0

  constructor(deps: TableDeps) {
    this.#deps = deps
  }

  begin({ routeTables }: RoutingSnapshot): void {
    this.#round++
    this.#next = new Map()
    this.#created = []
    this.#sources = new Map(routeTables.map((table) => [table.id, table]))
  }

  /** A virtual host that is new in each step. */
  *use(id: string): Steps<ServingTable> {
    const prepared = this.#next.get(id) ?? (yield* this.#prepare(defined(this.#sources.get(id), 'route table')))
    this.#next.set(id, prepared)
    return prepared
  }

  /** Requests see the snapshot from now on. What only the one before used is to be released, some time before the next round. */
  settle(): readonly Holdings[] {
    const gone: Holdings[] = []
    for (const [id, before] of this.#serving) {
      const next = this.#next.get(id)
      if (next === before) continue
      for (const host of before.hosts) {
        if (next !== undefined && host.round === this.#round) continue
        host.isReleased = true
        gone.push(host.holdings)
      }
      if (next === undefined) this.#memories.delete(id)
    }
    this.#serving = this.#next
    this.#created = []
    return gone
  }

  /** The snapshot will not be served. What was prepared from is what is served now. */
  abandon(): void {
    for (const host of this.#created) host.holdings.release()
    this.#created = []
    this.#memories.clear()
  }

  *#prepare(source: RouteTable): Steps<PreparedServingTable> {
    const before = this.#serving.get(source.id)
    if (before?.source === source) return before
    const memory = this.#memoryOf(source.id, before)
    const lastTable = before?.table
    const table = yield* prepareTableInSteps(source, memory.table)
    const hosts: ServingHost[] = []
    for (const [index, virtualHost] of source.virtualHosts.entries()) {
      const same = before?.hosts[index]
      const known = same?.virtualHost === virtualHost ? same : memory.hosts.get(virtualHost)
      const isKnown = known !== undefined && !known.isReleased
      if (!isKnown) yield
      const host = isKnown ? known : this.#prepareHost(virtualHost, memory)
      host.round = this.#round
      hosts.push(host)
    }
    const last = before === undefined || lastTable === undefined ? undefined : { ...lastTable, hosts: before.hosts }
    return { source, table, hosts, routes: concatenated(hosts, last, ({ routes }) => routes, before?.routes) }
  }

  #prepareHost(virtualHost: VirtualHost, memory: Memory): ServingHost {
    const holdings = new Holdings()
    const deps = { ...this.#deps, ...memory.shared, continuity: this.#deps.continuity.heldBy(holdings) }
    const routes = virtualHost.routes.map((route) => prepareRoute(route, virtualHost.name, deps))
    const host = { virtualHost, routes, holdings, round: this.#round, isReleased: false }
    memory.hosts.set(virtualHost, host)
    this.#created.push(host)
    return host
  }

  /** Prepared virtual hosts stay as long as the table; what they share begins anew when clusters went or it grew too large. */
  #memoryOf(id: string, before: PreparedServingTable | undefined): Memory {
    const { epoch } = this.#deps.clusters
    const known = this.#memories.get(id)
    const most = SHARED_MIN + SHARED_PER_ROUTE_MAX * (before?.routes.length ?? 0)
    if (known !== undefined && known.epoch === epoch && sizeOf(known) <= most) return known
    const table = known === undefined || known.table.compiled.size > most ? newTableMemory(before) : known.table
    const memory = { table, hosts: known?.hosts ?? new WeakMap(), shared: nothingShared(), epoch }
    this.#memories.set(id, memory)
    return memory
  }
}

function newTableMemory(before: PreparedServingTable | undefined): TableMemory {
  const memory = new TableMemory()
  memory.last = before?.table
  return memory
}

function sizeOf({ shared: { policies, forwards }, table }: Memory): number {
  return policies.size + forwards.size + table.compiled.size
}

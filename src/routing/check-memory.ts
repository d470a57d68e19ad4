/**
 * What was found good in earlier snapshots. Unchanged parts are the same objects in the next one, so only what is new is
 * checked, and whether the names to which the rest refers are still there.
 */
import type { Cluster } from './cluster-model.ts'
import type { Listener } from './listener-model.ts'
import type { RouteTable, VirtualHost } from './route-model.ts'

export class CheckMemory {
  /** Each with the names of the clusters for which it was found good. */
  readonly #hosts = new WeakMap<VirtualHost, { readonly refersTo: readonly string[]; names: ReadonlySet<string> }>()
  readonly #clusters = new WeakSet<Cluster>()
  readonly #listeners = new WeakSet<Listener>()
  /** By id, the last one in which all virtual hosts were good, for these names of clusters. */
  readonly #goodTables = new Map<string, { readonly table: RouteTable; readonly names: ReadonlySet<string> }>()
  /** The last in which all were good. */
  #goodClusters: readonly Cluster[] = []
  /** By id, the last one in which no route id and no domain stood twice. */
  readonly #distinct = new Map<string, RouteTable>()
  #lastClusters: readonly Cluster[] = []
  #lastNames: ReadonlySet<string> = new Set()

  /** The same set as long as the names are the same in the same order. */
  namesOf(clusters: readonly Cluster[]): ReadonlySet<string> {
    const last = this.#lastClusters
    const isSame =
      clusters.length === last.length &&
      clusters.every((cluster, index) => cluster === last[index] || cluster.name === last[index]?.name)
    if (!isSame) this.#lastNames = new Set(clusters.map(({ name }) => name))
    this.#lastClusters = clusters
    return this.#lastNames
  }

  /** The virtual hosts that are not known to be good, with their places. */
  hostsToCheck(table: RouteTable, names: ReadonlySet<string>): readonly (readonly [at: number, host: VirtualHost])[] {
    const good = this.#goodTables.get(table.id)
    const known = good?.names === names ? good.table.virtualHosts : []
    const found: (readonly [number, VirtualHost])[] = []
    for (const [index, host] of table.virtualHosts.entries()) {
      if (host !== known[index] && !this.#isGoodHost(host, names)) found.push([index, host])
    }
    if (found.length === 0) this.#goodTables.set(table.id, { table, names })
    return found
  }

  #isGoodHost(host: VirtualHost, names: ReadonlySet<string>): boolean {
    const known = this.#hosts.get(host)
    if (known === undefined) return false
    if (known.names === names) return true
    if (!known.refersTo.every((name) => names.has(name))) return false
    known.names = names
    return true
  }

  /** Not where its warnings depend on more of its clusters than that they are there. */
  addGoodHost(host: VirtualHost, names: ReadonlySet<string>): void {
    const dependsOnBalance = host.routes.some(({ action }) => action.kind === 'forward' && action.hashKey !== undefined)
    if (!dependsOnBalance) this.#hosts.set(host, { refersTo: clustersOf(host), names })
  }

  /** Apart from their fallbacks: those that are not known to be good, with their places. */
  clustersToCheck(clusters: readonly Cluster[]): readonly (readonly [at: number, cluster: Cluster])[] {
    const known = this.#goodClusters
    const found: (readonly [number, Cluster])[] = []
    for (const [index, cluster] of clusters.entries()) {
      if (cluster !== known[index] && !this.#clusters.has(cluster)) found.push([index, cluster])
    }
    if (found.length === 0) this.#goodClusters = clusters
    return found
  }

  addGoodCluster(cluster: Cluster): void {
    this.#clusters.add(cluster)
  }

  /** Apart from its route table. */
  isGoodListener(listener: Listener): boolean {
    return this.#listeners.has(listener)
  }

  addGoodListener(listener: Listener): void {
    this.#listeners.add(listener)
  }

  /** Whether it has the same ids and domains at the same places as one in which none stood twice. */
  isDistinct(table: RouteTable): boolean {
    const last = this.#distinct.get(table.id)
    if (last === undefined || last.virtualHosts.length !== table.virtualHosts.length) return false
    return table.virtualHosts.every((host, index) => {
      const before = last.virtualHosts[index]
      return host === before || (before !== undefined && hasSameNames(host, before))
    })
  }

  /** Forgets tables that are gone. */
  setDistinct(tables: readonly RouteTable[]): void {
    for (const id of this.#goodTables.keys()) if (!tables.some((table) => table.id === id)) this.#goodTables.delete(id)
    this.#distinct.clear()
    for (const table of tables) this.#distinct.set(table.id, table)
  }
}

function hasSameNames(a: VirtualHost, b: VirtualHost): boolean {
  return (
    a.name === b.name &&
    a.domains.length === b.domains.length &&
    a.domains.every((domain, index) => domain === b.domains[index]) &&
    a.routes.length === b.routes.length &&
    a.routes.every(({ id }, index) => id === b.routes[index]?.id)
  )
}

function clustersOf({ routes }: VirtualHost): readonly string[] {
  return routes.flatMap(({ action, policy: { mirrors = [] } }) => [
    ...(action.kind === 'forward'
      ? action.destinations.flatMap((each) => (each.kind === 'cluster' ? [each.cluster] : []))
      : []),
    ...mirrors.map(({ cluster }) => cluster),
  ])
}

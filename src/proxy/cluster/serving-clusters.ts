/**
 * The clusters of a proxy by name, each prepared when a route first reaches it. From then on it is prepared again whenever it
 * changes, until its name leaves the snapshot: requests under way may still look for another endpoint of it.
 *
 * A snapshot is prepared in a round: `begin`, then any number of `use` and `mirror`, then `settle`, at which requests see it, or
 * `abandon`.
 */
import { defined } from '../../base/assert.ts'
import { Holdings } from '../../base/holdings.ts'
import type { Steps } from '../../base/steps.ts'
import type { Cluster, Locality } from '../../routing/cluster-model.ts'
import { withEndpoints } from '../../routing/fallback.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'

import { prepareCluster, ServingCluster } from './serving-cluster.ts'
import type { ClusterDeps, PreparedCluster } from './serving-cluster.ts'

/** A cluster as it was prepared, and from what. */
interface Made {
  readonly cluster: Cluster
  readonly source: Cluster
  readonly prepared: PreparedCluster
  readonly holdings: Holdings
}

interface Entry {
  readonly serving: ServingCluster
  made: Made
}

/** Those that get requests, and those that get copies, which have the same endpoints but round-robin positions of their own. */
type Purpose = 'requests' | 'mirrors'

export class ServingClusters {
  readonly #deps: ClusterDeps
  readonly #entries: Readonly<Record<Purpose, Map<string, Entry>>> = { requests: new Map(), mirrors: new Map() }
  /** Those that may use the endpoints of another cluster. */
  readonly #falling: Readonly<Record<Purpose, Set<Entry>>> = { requests: new Set(), mirrors: new Set() }
  #known: Known = { clusters: [], locality: undefined, byName: new Map(), renewed: new Map() }
  /** What the round has prepared, by entry, and entries that are new. */
  #next: Known = this.#known
  readonly #changed = new Map<Entry, Made>()
  readonly #added: Readonly<Record<Purpose, Map<string, Entry>>> = { requests: new Map(), mirrors: new Map() }
  /** Rises when a name goes: whoever remembers clusters by name forgets them. */
  epoch = 0

  constructor(deps: ClusterDeps) {
    this.#deps = deps
  }

  /** As the newest snapshot has it; undefined: no route has reached it, or its name is gone. */
  get(name: string): ServingCluster | undefined {
    return this.#entries.requests.get(name)?.serving
  }

  /** The names in the snapshot that is served. */
  get names(): Pick<ReadonlySet<string>, 'has'> {
    return this.#known.byName
  }

  /** A cluster that has changed in each step. */
  *begin({ clusters, locality }: RoutingSnapshot): Steps<void> {
    const renewed = renewedOf(this.#known.clusters, clusters)
    // Where the names are the same as before, what changed is looked up before the rest.
    const byName = renewed === undefined ? new Map(clusters.map((each) => [each.name, each])) : this.#known.byName
    this.#next = { clusters, locality, byName, renewed: new Map((renewed ?? []).map((each) => [each.name, each])) }
    const changed = renewed === undefined || locality !== this.#known.locality ? undefined : renewed
    for (const purpose of ['requests', 'mirrors'] as const) {
      for (const entry of this.#entriesOf(purpose, changed)) {
        const cluster = this.#find(entry.serving.name)
        if (cluster === undefined || !this.#isStale(entry.made, cluster)) continue
        yield
        this.#changed.set(entry, this.#make(cluster, purpose))
      }
    }
  }

  /** That may be stale. `changed`: the clusters that are other objects; undefined: nothing is known. */
  #entriesOf(purpose: Purpose, changed: readonly Cluster[] | undefined): Iterable<Entry> {
    const entries = this.#entries[purpose]
    if (changed === undefined) return entries.values()
    const named = changed.flatMap(({ name }) => entries.get(name) ?? [])
    return changed.length === 0 ? named : new Set([...named, ...this.#falling[purpose]])
  }

  /** Of the snapshot that is being prepared. */
  use(name: string): ServingCluster {
    return this.#use(name, 'requests')
  }

  /** The same for copies of requests. */
  mirror(name: string): ServingCluster {
    return this.#use(name, 'mirrors')
  }

  /** Requests see the snapshot from now on. What only the one before used is to be released, some time before the next round. */
  settle(): readonly Holdings[] {
    const gone: Holdings[] = []
    for (const [entry, made] of this.#changed) {
      entry.serving.become(made.prepared)
      gone.push(entry.made.holdings)
      entry.made = made
    }
    const hasOtherNames = this.#next.byName !== this.#known.byName
    this.#known = this.#next
    for (const [name, cluster] of this.#next.renewed) this.#next.byName.set(name, cluster)
    for (const purpose of ['requests', 'mirrors'] as const) {
      for (const [name, entry] of this.#added[purpose]) this.#entries[purpose].set(name, entry)
      this.#noteFalling(purpose, [...this.#changed.keys(), ...this.#added[purpose].values()])
      this.#added[purpose].clear()
      if (hasOtherNames) for (const holdings of this.#forgetGone(purpose)) gone.push(holdings)
    }
    this.#changed.clear()
    return gone
  }

  /** The snapshot will not be served. */
  abandon(): void {
    for (const { holdings } of this.#changed.values()) holdings.release()
    this.#changed.clear()
    for (const added of Object.values(this.#added)) {
      for (const { made } of added.values()) made.holdings.release()
      added.clear()
    }
    this.#next = this.#known
  }

  #use(name: string, purpose: Purpose): ServingCluster {
    const known = this.#entries[purpose].get(name) ?? this.#added[purpose].get(name)
    if (known !== undefined) return known.serving
    const made = this.#make(defined(this.#find(name), 'cluster'), purpose)
    const serving = new ServingCluster(made.prepared)
    this.#added[purpose].set(name, { serving, made })
    return serving
  }

  #make(cluster: Cluster, purpose: Purpose): Made {
    const holdings = new Holdings()
    const source = this.#sourceOf(cluster)
    const turns = purpose === 'mirrors' ? purpose : undefined
    const prepared = prepareCluster({ cluster, source, here: this.#next.locality, turns }, this.#deps, holdings)
    return { cluster, source, prepared, holdings }
  }

  #isStale({ cluster: before, source }: Made, cluster: Cluster): boolean {
    if (before !== cluster || this.#next.locality !== this.#known.locality) return true
    return cluster.fallback !== undefined && this.#sourceOf(cluster) !== source
  }

  #sourceOf(cluster: Cluster): Cluster {
    return withEndpoints(cluster, (name) => this.#find(name))
  }

  /** Of the snapshot that is being prepared. */
  #find(name: string): Cluster | undefined {
    return this.#next.renewed.get(name) ?? this.#next.byName.get(name)
  }

  #noteFalling(purpose: Purpose, entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.#entries[purpose].get(entry.serving.name) !== entry) continue
      if (entry.made.cluster.fallback === undefined) this.#falling[purpose].delete(entry)
      else this.#falling[purpose].add(entry)
    }
  }

  #forgetGone(purpose: Purpose): readonly Holdings[] {
    const gone: Holdings[] = []
    for (const [name, entry] of this.#entries[purpose]) {
      if (this.#known.byName.has(name)) continue
      gone.push(entry.made.holdings)
      this.#entries[purpose].delete(name)
      this.#falling[purpose].delete(entry)
      this.epoch++
    }
    return gone
  }
}

interface Known extends Pick<RoutingSnapshot, 'clusters'> {
  readonly locality: Locality | undefined
  readonly byName: Map<string, Cluster>
  /** Clusters that stand in `byName` as they were before, until the snapshot is served. */
  readonly renewed: ReadonlyMap<string, Cluster>
}

/** Clusters that are other objects than before; undefined: the names are not the same, in the same order. */
function renewedOf(before: readonly Cluster[], after: readonly Cluster[]): readonly Cluster[] | undefined {
  if (before === after) return []
  if (before.length !== after.length) return undefined
  const renewed: Cluster[] = []
  for (const [index, cluster] of after.entries()) {
    const old = before[index]
    if (old === cluster) continue
    if (old?.name !== cluster.name) return undefined
    renewed.push(cluster)
  }
  return renewed
}

/** The clusters of the snapshot, each once, with the endpoints that are ready now. */
import { isSameJson } from '../../../kube/json-value.ts'
import type { Derivations, Family } from '../../../base/derivations.ts'
import type { Cluster, Endpoint } from '../../../routing/cluster-model.ts'
import { byText } from '../../../routing/object-reference.ts'
import type { ClusterUse } from './clusters.ts'
import { clusterOf } from './clusters.ts'

type Uses = readonly ClusterUse[]

export class ClusterResults {
  /** Who asks for a cluster of this name, and how often. */
  readonly #askers = new Map<string, Map<ClusterUse, number>>()
  readonly #clusters: Family<Cluster | undefined>
  #lists: ReadonlySet<Uses> = new Set()
  /** Names, in order; absent: to be put in order again. */
  #order: readonly string[] | undefined = []

  constructor(derivations: Derivations, endpointsOf: (use: ClusterUse) => readonly Endpoint[]) {
    this.#clusters = derivations.family((name) => {
      const use = this.#chosen(name)
      return use === undefined ? undefined : clusterOf(use, endpointsOf(use))
    }, isSameJson)
  }

  /** In the order of names. A list that did not change is the same JavaScript object, and costs next to nothing. */
  all(lists: readonly Uses[]): readonly Cluster[] {
    const wanted = new Set(lists)
    for (const list of wanted) if (!this.#lists.has(list)) for (const use of list) this.#ask(use)
    for (const list of this.#lists) if (!wanted.has(list)) for (const use of list) this.#leave(use)
    this.#lists = wanted
    this.#order ??= [...this.#askers.keys()].toSorted(byText)
    const clusters: Cluster[] = []
    for (const name of this.#order) {
      const cluster = this.#clusters.get(name)
      if (cluster !== undefined) clusters.push(cluster)
    }
    return clusters
  }

  #ask(use: ClusterUse): void {
    const askers = this.#askers.get(use.name) ?? new Map<ClusterUse, number>()
    if (askers.size === 0) this.#order = undefined
    this.#askers.set(use.name, askers.set(use, (askers.get(use) ?? 0) + 1))
    this.#clusters.invalidate(use.name)
  }

  #leave(use: ClusterUse): void {
    const askers = this.#askers.get(use.name)
    const count = askers?.get(use) ?? 0
    if (count > 1) askers?.set(use, count - 1)
    else askers?.delete(use)
    this.#clusters.invalidate(use.name)
    if (askers !== undefined && askers.size > 0) return
    this.#askers.delete(use.name)
    this.#clusters.release(use.name)
    this.#order = undefined
  }

  /** Independent of who asked first: forms of one name differ only for a moment, or where objects of one name were made anew. */
  #chosen(name: string): ClusterUse | undefined {
    const [first, ...others] = this.#askers.get(name)?.keys() ?? []
    if (first === undefined || others.every(({ upstream }) => upstream === first.upstream)) return first
    return others.reduce((best, use) => (rank(use) < rank(best) ? use : best), first)
  }
}

function rank({ upstream }: ClusterUse): string {
  return JSON.stringify(upstream)
}

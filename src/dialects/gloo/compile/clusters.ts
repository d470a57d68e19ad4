/** The clusters that routes ask for, each once, by a name that says what it is. */
import { fallbackPolicy } from '../../../kinds/gloo-upstream.ts'
import type { Cluster } from '../../../routing/cluster-model.ts'
import type { Backend } from '../../backends.ts'
import { byText } from '../../dialect.ts'
import type { ResolvedUpstream } from './upstream.ts'

export type SubsetValues = Readonly<Record<string, string>>

export interface Clusters {
  /** The cluster of the Upstream, or of one of its subsets; makes it, and what it falls back to, if need be. */
  use(upstream: ResolvedUpstream, subset?: SubsetValues): Cluster
  /** Takes it as it is, unless one of the name is there: the same name always means the same cluster. */
  add(cluster: Cluster): Cluster
  /** In the order of names. */
  all(): readonly Cluster[]
}

export function createClusters(): Clusters {
  const byName = new Map<string, Cluster>()
  const add = (cluster: Cluster): Cluster => {
    const known = byName.get(cluster.name)
    if (known === undefined) byName.set(cluster.name, cluster)
    return known ?? cluster
  }
  const clusters: Clusters = {
    add,
    use(upstream, subset) {
      if (subset === undefined) return add(clusterOf(upstream))
      const fallback = fallbackOf(clusters, upstream, subset)
      return add({ ...clusterOf(upstream, subset), ...(fallback === undefined ? {} : { fallback: fallback.name }) })
    },
    all: () => [...byName.values()].toSorted((a, b) => byText(a.name, b.name)),
  }
  return clusters
}

/** `echo_gloo-system|version=v1`: as Gloo names clusters, and the subset that Gloo leaves out. */
function clusterName(base: string, subset: SubsetValues): string {
  const values = sortedEntries(subset).map(([key, value]) => `${escape(key)}=${escape(value)}`)
  return `${base}|${values.join(',')}`
}

function sortedEntries(subset: SubsetValues): [string, string][] {
  return Object.entries(subset).toSorted(([a], [b]) => byText(a, b))
}

/** No label needs it; what somebody else wrote must not make two subsets one. */
function escape(text: string): string {
  return text.replace(/[%,=|]/g, encodeURIComponent)
}

function clusterOf(upstream: ResolvedUpstream, subset?: SubsetValues): Cluster {
  const { service, connectTimeoutMs, settings, backends } = upstream
  const chosen = subset === undefined ? backends : backends.filter(({ labels }) => isIn(subset, labels))
  return {
    name: subset === undefined ? upstream.cluster : clusterName(upstream.cluster, subset),
    service,
    ...(subset === undefined ? {} : { subset: Object.fromEntries(sortedEntries(subset)) }),
    endpoints: chosen.map(({ endpoint }) => endpoint),
    connectTimeoutMs,
    ...settings,
  }
}

/** Where the requests of an empty subset go; undefined: nowhere, they answer 503. A default subset falls back no further. */
function fallbackOf(clusters: Clusters, upstream: ResolvedUpstream, subset: SubsetValues): Cluster | undefined {
  const policy = fallbackPolicy(upstream.subsetSpec?.fallbackPolicy)
  if (policy === 'NO_FALLBACK') return undefined
  if (policy !== 'DEFAULT_SUBSET') return clusters.use(upstream)
  return defaultOf(clusters, upstream, subset, upstream.subsetSpec?.defaultSubset?.values ?? {})
}

function defaultOf(
  clusters: Clusters,
  upstream: ResolvedUpstream,
  subset: SubsetValues,
  values: SubsetValues,
): Cluster | undefined {
  if (clusterName('', values) === clusterName('', subset)) return undefined
  return clusters.use({ ...upstream, subsetSpec: { fallbackPolicy: 'NO_FALLBACK' } }, values)
}

function isIn(subset: SubsetValues, labels: Backend['labels']): boolean {
  return Object.entries(subset).every(([key, value]) => labels[key] === value)
}

/**
 * The clusters that routes and Upstreams ask for. A route knows a cluster by name; its endpoints are looked up for the snapshot,
 * so an endpoint that comes or goes is no reason to compile the route again.
 */
import { fallbackPolicy } from '../kinds/upstream.ts'
import type { Cluster, Endpoint } from '../../../routing/cluster-model.ts'
import { byText } from '../../../routing/object-reference.ts'
import type { Backend } from '../../backends.ts'
import type { ResolvedUpstream } from './upstream.ts'

export type SubsetValues = Readonly<Record<string, string>>

/** A cluster that somebody asked for: everything of it but its endpoints. */
export interface ClusterUse {
  readonly name: string
  readonly upstream: ResolvedUpstream
  readonly subset?: SubsetValues
  readonly fallback?: ClusterUse
}

/** The clusters of one compiled object, each once. */
export interface ClusterUses {
  /** The cluster of the Upstream, or of one of its subsets, with what it falls back to. */
  use(upstream: ResolvedUpstream, subset?: SubsetValues): ClusterUse
  /** Whether it has no ready endpoint now. */
  isEmpty(use: ClusterUse): boolean
  all(): readonly ClusterUse[]
}

/** `endpointsOf`: the ready endpoints of a cluster. */
export function createClusterUses(endpointsOf: (use: ClusterUse) => readonly Endpoint[]): ClusterUses {
  const byName = new Map<string, ClusterUse>()
  const add = (made: ClusterUse): ClusterUse => {
    const known = byName.get(made.name)
    if (known !== undefined) return known
    byName.set(made.name, made)
    if (made.fallback !== undefined) add(made.fallback)
    return made
  }
  return {
    use: (upstream, subset) => add(useOf(upstream, subset)),
    isEmpty: (use) => endpointsOf(use).length === 0,
    all: () => [...byName.values()],
  }
}

/** Which of the backends of its Upstream are in the cluster. */
export function endpointsIn({ subset }: ClusterUse, backends: readonly Backend[]): readonly Endpoint[] {
  const chosen = subset === undefined ? backends : backends.filter(({ labels }) => isIn(subset, labels))
  return chosen.map(({ endpoint }) => endpoint)
}

export function clusterOf({ name, upstream, subset, fallback }: ClusterUse, endpoints: readonly Endpoint[]): Cluster {
  return {
    name,
    service: upstream.service,
    ...(subset === undefined ? {} : { subset: Object.fromEntries(sortedEntries(subset)) }),
    endpoints,
    connectTimeoutMs: upstream.connectTimeoutMs,
    ...upstream.settings,
    ...(fallback === undefined ? {} : { fallback: fallback.name }),
  }
}

function useOf(upstream: ResolvedUpstream, subset: SubsetValues | undefined): ClusterUse {
  if (subset === undefined) return { name: upstream.cluster, upstream }
  const fallback = fallbackOf(upstream, subset)
  const name = clusterName(upstream.cluster, subset)
  return { name, upstream, subset, ...(fallback === undefined ? {} : { fallback }) }
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

/** Where the requests of an empty subset go; undefined: nowhere, they answer 503. A default subset falls back no further. */
function fallbackOf(upstream: ResolvedUpstream, subset: SubsetValues): ClusterUse | undefined {
  const policy = fallbackPolicy(upstream.subsetSpec?.fallbackPolicy)
  if (policy === 'NO_FALLBACK') return undefined
  if (policy !== 'DEFAULT_SUBSET') return useOf(upstream, undefined)
  const values = upstream.subsetSpec?.defaultSubset?.values ?? {}
  if (clusterName('', values) === clusterName('', subset)) return undefined
  return useOf({ ...upstream, subsetSpec: { fallbackPolicy: 'NO_FALLBACK' } }, values)
}

function isIn(subset: SubsetValues, labels: Backend['labels']): boolean {
  return Object.entries(subset).every(([key, value]) => labels[key] === value)
}

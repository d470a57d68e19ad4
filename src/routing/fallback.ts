/** Which cluster stands in for another that has no endpoint. */
import type { Cluster } from './cluster-model.ts'

/** The first down the chain of fallbacks that has endpoints; where none has, the cluster itself. Chains may lead back. */
export function withEndpoints(cluster: Cluster, find: (name: string) => Cluster | undefined): Cluster {
  const seen = new Set<string>()
  let current = cluster
  while (current.endpoints.length === 0 && current.fallback !== undefined && !seen.has(current.name)) {
    seen.add(current.name)
    const next = find(current.fallback)
    if (next === undefined) return cluster
    current = next
  }
  return current.endpoints.length === 0 ? cluster : current
}

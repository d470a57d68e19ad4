/** A route made ready to serve: its split, its policy, and where it forwards to. */
import { createCohorts } from '../../routing/cohort.ts'
import type { Cohorts } from '../../routing/cohort.ts'
import { hashText } from '../../routing/hash.ts'
import type { Affinity, ForwardAction, Route, WeightedDestination } from '../../routing/route-model.ts'
import type { Split } from '../../routing/split.ts'

import { prepareKey } from '../cluster/prepared-key.ts'
import type { RequestKey } from '../cluster/prepared-key.ts'
import type { ReachingRoute } from '../cluster/route-reach.ts'
import type { ServingCluster } from '../cluster/serving-cluster.ts'
import { policyTowards, prepareRoutePolicy } from './route-policy.ts'
import type { PolicyDeps, ServingPolicy } from './route-policy.ts'

/** What is of one route alone is here and small: of many routes, none is in a cache. */
export interface ServingRoute {
  readonly route: Route
  /** Name of the virtual host; empty: it stands in none. */
  readonly virtualHost: string
  readonly policy: ServingPolicy
  /** Where the route forwards. */
  readonly split: Split
  /** Shared by routes that forward alike; null unless the route forwards. */
  readonly forward: ServingForward | null
}

export interface ServingForward {
  /** Same order as the split's weights. */
  readonly destinations: readonly ServingDestination[]
  readonly affinity: ServingAffinity | null
  /** What a cluster that hashes goes by, where the route says; null: the cluster's own key. */
  readonly hashKey: RequestKey | null
}

interface ServingAffinity {
  readonly key: RequestKey
  /** From the salt. */
  readonly seed: number
  readonly cohorts: Cohorts
}

type ServingDestination =
  /** `policy`: with the destination's own edits; null: it has none. */
  | { readonly kind: 'cluster'; readonly cluster: ServingCluster; readonly policy: ServingPolicy | null }
  | { readonly kind: 'invalid'; readonly status: 500 | 503; readonly reason: string }

/** What routes that are alike have between them: memory that many requests use stays near. */
export interface SharedParts extends Pick<PolicyDeps, 'policies'> {
  readonly forwards: Map<string, ServingForward>
}

export interface RouteDeps extends Omit<PolicyDeps, 'mirror'>, SharedParts {
  readonly clusters: {
    use(name: string): ServingCluster
    /** With round-robin positions of its own. */
    mirror(name: string): ServingCluster
  }
}

export function nothingShared(): SharedParts {
  return { policies: new Map(), forwards: new Map() }
}

/** The snapshot must have passed `checkSnapshot`. */
export function prepareRoute(route: Route, virtualHost: string, deps: RouteDeps): ServingRoute {
  const { clusters } = deps
  const policy = prepareRoutePolicy(route, { ...deps, mirror: (name) => clusters.mirror(name) })
  const { action } = route
  if (action.kind !== 'forward') return { route, virtualHost, policy, split: NO_SPLIT, forward: null }
  const weights = action.destinations.map(({ weight }) => weight)
  const split = deps.continuity.split(['route', action.split, action.destinations], weights)
  return { route, virtualHost, policy, split, forward: prepareForward(action, policy, deps) }
}

const NO_SPLIT: Split = { next: () => 0 }

function prepareForward(action: ForwardAction, policy: ServingPolicy, deps: RouteDeps): ServingForward {
  const { destinations, affinity, hashKey } = action
  // Edits of a destination are made together with those of its route.
  if (destinations.some(hasEdits)) return newForward(action, policy, deps)
  const key = JSON.stringify([destinations, affinity, hashKey])
  const forward = deps.forwards.get(key) ?? newForward(action, policy, deps)
  deps.forwards.set(key, forward)
  return forward
}

function newForward(action: ForwardAction, policy: ServingPolicy, { clusters }: RouteDeps): ServingForward {
  const { affinity, hashKey, destinations } = action
  const weights = destinations.map(({ weight }) => weight)
  return {
    destinations: destinations.map((destination): ServingDestination => {
      if (destination.kind === 'invalid') {
        return { kind: 'invalid', status: destination.status, reason: destination.reason }
      }
      const cluster = clusters.use(destination.cluster)
      return { kind: 'cluster', cluster, policy: hasEdits(destination) ? policyTowards(destination, policy) : null }
    }),
    affinity: affinity === undefined ? null : prepareAffinity(affinity, weights),
    hashKey: hashKey === undefined ? null : prepareKey(hashKey),
  }
}

function hasEdits(destination: WeightedDestination): boolean {
  if (destination.kind !== 'cluster') return false
  return destination.requestHeaders !== undefined || destination.responseHeaders !== undefined
}

export function reachOf({ route: { id, action }, forward }: ServingRoute): ReachingRoute {
  const weighted = action.kind === 'forward' ? action.destinations : []
  return {
    id,
    clusters: () =>
      (forward?.destinations ?? []).flatMap((destination, index) =>
        destination.kind === 'cluster' && (weighted[index]?.weight ?? 0) > 0 ? [destination.cluster] : [],
      ),
  }
}

function prepareAffinity({ key, salt }: Affinity, weights: readonly number[]): ServingAffinity {
  return { key: prepareKey(key), seed: hashText(salt), cohorts: createCohorts(weights) }
}

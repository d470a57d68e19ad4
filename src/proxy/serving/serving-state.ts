/**
 * A snapshot made ready to serve one listener: routes with their splits, clusters with their pools and counters. Immutable;
 * a new snapshot makes a new one. What must go on from one snapshot to the next lives in `Continuity`, pools and counters.
 */
import { defined } from '../../base/assert.ts'
import type { Steps } from '../../base/steps.ts'
import { createCohorts } from '../../routing/cohort.ts'
import type { Cohorts } from '../../routing/cohort.ts'
import { prepareTableInSteps } from '../../routing/decide.ts'
import type { PreparedTable } from '../../routing/decide.ts'
import { hashText } from '../../routing/hash.ts'
import type { Listener } from '../../routing/listener-model.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import type { Affinity, ForwardAction, Route, WeightedDestination } from '../../routing/route-model.ts'
import type { Split } from '../../routing/split.ts'
import type { DestinationTraffic } from '../../telemetry/recorder.ts'

import { prepareHttp } from './http-policy.ts'
import type { ServingHttp } from './http-policy.ts'
import { prepareKey } from '../cluster/prepared-key.ts'
import type { RequestKey } from '../cluster/prepared-key.ts'
import type { MirrorsDeps } from '../tries/mirrors.ts'
import { policyTowards, prepareRoutePolicy } from './route-policy.ts'
import type { PolicyDeps, ServingPolicy } from './route-policy.ts'
import { Passthrough } from './passthrough.ts'
import { RouteReach } from '../cluster/route-reach.ts'
import type { ReachingRoute } from '../cluster/route-reach.ts'
import { NOBODY, prepareCluster, prepareClusters } from '../cluster/serving-cluster.ts'
import type { ServingCluster, ServingDeps } from '../cluster/serving-cluster.ts'
import type { ListenerTelling } from '../telling/listener-telling.ts'
import { sourcedRecorder } from '../telling/sourced-recorder.ts'

export interface ServingListener {
  readonly table: PreparedTable
  /** As `table.routes`. */
  readonly routes: readonly ServingRoute[]
  /** By name, for requests that must look for another endpoint. */
  readonly clusters: ReadonlyMap<string, ServingCluster>
  /** For tunnels. */
  readonly reach: RouteReach
  /** Counts requests that reached no service. */
  readonly nowhere: DestinationTraffic
  readonly http: ServingHttp
  /** Null: requests for unknown hosts go nowhere. */
  readonly passthrough: Passthrough<ServingRoute> | null
  /** Null: nothing is told of single requests. */
  readonly telling: ListenerTelling | null
}

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

export interface ListenerDeps extends ServingDeps {
  /** What the listener served until now; undefined: it is new. */
  readonly before: ServingListener | undefined
}

/** A route, a cluster or a virtual host in each step. The snapshot must have passed `checkSnapshot`. */
export function* prepareListener(
  snapshot: RoutingSnapshot,
  listener: Listener,
  { before, ...shared }: ListenerDeps,
): Steps<ServingListener> {
  const deps = { ...shared, recorder: sourcedRecorder(shared.recorder, listener.source) }
  const source = defined(
    snapshot.routeTables.find(({ id }) => id === listener.routeTable),
    'route table',
  )
  const clusters = yield* prepareClusters(snapshot, listener.id, deps)
  const table = yield* prepareTableInSteps(source)
  const routeDeps = { ...deps, clusters, mirror: mirrorsOf(snapshot, listener.id, deps), ...nothingShared() }
  const routes: ServingRoute[] = []
  for (const { virtualHost } of table.hosts) {
    for (const route of virtualHost.routes) {
      yield
      routes.push(prepareRoute(route, virtualHost.name, routeDeps))
    }
  }
  const passthrough =
    table.unknownHost === 'passthrough'
      ? (before?.passthrough ?? passthroughOf({ ...snapshot, ...NOTHING }, listener.id, deps))
      : null
  return {
    table,
    clusters,
    routes,
    passthrough,
    reach: new RouteReach(() => [...routes, ...(passthrough?.routes ?? [])].map(reachOf)),
    nowhere: deps.recorder.destination({ ...NOBODY, listener: listener.id, service: '' }),
    http: prepareHttp(listener.http),
    telling: deps.telling.listener(listener.id, listener.http ?? {}, deps.continuity),
  }
}

/** It outlives snapshots, so it must not hold on to one. */
const NOTHING = { listeners: [], tcpListeners: [], routeTables: [], clusters: [] } as const

function passthroughOf(snapshot: RoutingSnapshot, listener: string, deps: ServingDeps): Passthrough<ServingRoute> {
  const mirror = mirrorsOf(snapshot, listener, deps)
  return new Passthrough({
    random: deps.random,
    table: listener,
    prepare: (route, cluster) => {
      const prepared = prepareCluster(cluster, snapshot, listener, deps)
      // An endpoint that has just left the snapshot, or was forgotten here, is wanted again.
      for (const { pool } of prepared.endpoints) pool.revive()
      const clusters = new Map([[cluster.name, prepared]])
      return prepareRoute(route, '', { ...deps, clusters, mirror, ...nothingShared() })
    },
  })
}

/** The clusters of the snapshot as mirrors: with the same endpoints, and with turns and counters of their own. */
function mirrorsOf(snapshot: RoutingSnapshot, listener: string, deps: ServingDeps): MirrorsDeps['mirror'] {
  const mirrors = new Map<string, ServingCluster>()
  const recorder: ServingDeps['recorder'] = {
    destination: (labels) => deps.recorder.destination({ ...labels, protocol: 'mirror' }),
  }
  return (name) => {
    const known = mirrors.get(name)
    if (known !== undefined) return known
    const cluster = defined(
      snapshot.clusters.find((each) => each.name === name),
      'cluster',
    )
    const prepared = prepareCluster(cluster, snapshot, listener, { ...deps, recorder, turns: 'mirrors' })
    mirrors.set(name, prepared)
    return prepared
  }
}

interface RouteDeps extends ServingDeps, Pick<PolicyDeps, 'mirror' | 'policies'> {
  readonly clusters: ReadonlyMap<string, ServingCluster>
  /** Routes that forward alike have this between them: memory that many requests use stays near. */
  readonly forwards: Map<string, ServingForward>
}

function nothingShared(): Pick<RouteDeps, 'policies' | 'forwards'> {
  return { policies: new Map(), forwards: new Map() }
}

function prepareRoute(route: Route, virtualHost: string, deps: RouteDeps): ServingRoute {
  const policy = prepareRoutePolicy(route, deps)
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
      const cluster = defined(clusters.get(destination.cluster), 'cluster')
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

function reachOf({ route: { id, action }, forward }: ServingRoute): ReachingRoute {
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

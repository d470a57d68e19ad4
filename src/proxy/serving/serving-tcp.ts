/** What a TCP listener serves. Immutable, as `ServingListener` is. */
import { Holdings } from '../../base/holdings.ts'
import type { TcpListener, TcpRoute } from '../../routing/listener-model.ts'
import { hasServerName } from '../../routing/server-name.ts'
import type { Split } from '../../routing/split.ts'

import { ListenerCounts } from '../cluster/destination-counters.ts'
import { prepareKey } from '../cluster/prepared-key.ts'
import type { RequestKey } from '../cluster/prepared-key.ts'
import { RouteReach } from '../cluster/route-reach.ts'
import type { ReachingRoute } from '../cluster/route-reach.ts'
import type { ServingCluster } from '../cluster/serving-cluster.ts'
import type { ServingClusters } from '../cluster/serving-clusters.ts'
import type { ListenerTelling } from '../telling/listener-telling.ts'
import type { ServingDeps } from './serving-state.ts'

export interface ServingTcp {
  readonly routes: readonly ServingTcpRoute[]
  /** By name, for connections that must look for another endpoint. */
  readonly clusters: Pick<ServingClusters, 'get'>
  readonly reach: RouteReach
  readonly counts: ListenerCounts
  /** Null: nothing is told of single connections. */
  readonly telling: ListenerTelling | null
}

export interface ServingTcpRoute {
  readonly route: TcpRoute
  readonly split: Split
  /** In the order of the split; null: this share is closed. */
  readonly destinations: readonly (ServingCluster | null)[]
  /** What clusters that hash go by; null: their own key. */
  readonly hashKey: RequestKey | null
}

/** A TCP listener made ready, with what it was made from. */
export interface MadeTcpListener {
  readonly listener: TcpListener
  readonly serving: ServingTcp
  readonly holdings: Holdings
}

/** `before`: what it served until now. The snapshot must have passed `checkSnapshot`. */
export function prepareTcpListener(
  listener: TcpListener,
  before: MadeTcpListener | undefined,
  deps: ServingDeps,
): MadeTcpListener {
  if (before?.listener === listener) {
    // Endpoints may be others, so who gets where is asked anew.
    return { ...before, serving: { ...before.serving, reach: reachOfAll(before.serving.routes) } }
  }
  const holdings = new Holdings()
  const continuity = deps.continuity.heldBy(holdings)
  const routes = listener.routes.map((route): ServingTcpRoute => {
    const { split, destinations, hashKey } = route.action
    const weights = destinations.map(({ weight }) => weight)
    return {
      route,
      split: continuity.split(['tcp', split, destinations], weights),
      destinations: destinations.map((each) => (each.kind === 'invalid' ? null : deps.clusters.use(each.cluster))),
      hashKey: hashKey === undefined ? null : prepareKey(hashKey),
    }
  })
  const counts = new ListenerCounts({ listener: listener.id, source: listener.source, protocol: 'tcp' }, deps.recorder)
  const telling = deps.telling.listener(listener.id, { accessLog: listener.accessLog }, continuity)
  const { clusters } = deps
  return { listener, serving: { routes, clusters, reach: reachOfAll(routes), counts, telling }, holdings }
}

function reachOfAll(routes: readonly ServingTcpRoute[]): RouteReach {
  return new RouteReach(() => routes.map(reachOf))
}

export function findTcpRoute({ routes }: ServingTcp, serverName: string): ServingTcpRoute | undefined {
  return routes.find(({ route }) => route.serverNames.length === 0 || hasServerName(route.serverNames, serverName))
}

function reachOf({ route, destinations }: ServingTcpRoute): ReachingRoute {
  const weighted = route.action.destinations
  return {
    id: route.id,
    clusters: () =>
      destinations.flatMap((cluster, index) =>
        cluster !== null && (weighted[index]?.weight ?? 0) > 0 ? [cluster] : [],
      ),
  }
}

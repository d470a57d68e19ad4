/** What a listener serves: the route table that it shares with others, and what is its own. Each snapshot makes a new one. */
import { Holdings } from '../../base/holdings.ts'
import type { Steps } from '../../base/steps.ts'
import type { PreparedTable } from '../../routing/decide.ts'
import type { Listener } from '../../routing/listener-model.ts'
import type { TrafficRecorder } from '../../telemetry/recorder.ts'

import type { ContinuityStore } from '../balance/continuity.ts'
import { ListenerCounts } from '../cluster/destination-counters.ts'
import { RouteReach } from '../cluster/route-reach.ts'
import { prepareCluster, ServingCluster } from '../cluster/serving-cluster.ts'
import type { ClusterDeps } from '../cluster/serving-cluster.ts'
import type { ServingClusters } from '../cluster/serving-clusters.ts'
import type { ListenerTelling } from '../telling/listener-telling.ts'
import type { ProxyTelling } from '../telling/proxy-telling.ts'
import { prepareHttp } from './http-policy.ts'
import type { ServingHttp } from './http-policy.ts'
import { Passthrough } from './passthrough.ts'
import { nothingShared, prepareRoute, reachOf } from './serving-route.ts'
import type { ServingRoute } from './serving-route.ts'
import type { ServingTables } from './serving-tables.ts'

export interface ServingListener extends ListenerParts {
  readonly table: PreparedTable
  /** As `table.routes`. */
  readonly routes: readonly ServingRoute[]
  /** By name, for requests that must look for another endpoint. */
  readonly clusters: Pick<ServingClusters, 'get'>
  /** For tunnels. */
  readonly reach: RouteReach
  /** Null: requests for unknown hosts go nowhere. */
  readonly passthrough: Passthrough<ServingRoute> | null
}

/** What is of the listener alone, and stays as long as its part of the snapshot is the same object. */
interface ListenerParts {
  readonly counts: ListenerCounts
  /** For copies of requests. */
  readonly mirrorCounts: ListenerCounts
  readonly http: ServingHttp
  /** Null: nothing is told of single requests. */
  readonly telling: ListenerTelling | null
}

export interface ServingDeps extends ClusterDeps {
  readonly continuity: ContinuityStore
  readonly clusters: ServingClusters
  readonly tables: ServingTables
  readonly telling: ProxyTelling
  readonly recorder: Pick<TrafficRecorder, 'destination'>
}

/** A listener made ready, with what it was made from. */
export interface MadeListener {
  readonly listener: Listener
  readonly serving: ServingListener
  readonly holdings: Holdings
}

/**
 * `before`: what the listener served until now; undefined: it is new. A virtual host or cluster that is new in each step. The
 * snapshot must have passed `checkSnapshot`.
 */
export function* prepareListener(
  listener: Listener,
  before: MadeListener | undefined,
  deps: ServingDeps,
): Steps<MadeListener> {
  const { table, routes } = yield* deps.tables.use(listener.routeTable)
  const isSame = before?.listener === listener
  const holdings = isSame ? before.holdings : new Holdings()
  const parts = isSame ? before.serving : prepareParts(listener, holdings, deps)
  const { counts, mirrorCounts, http, telling } = parts
  const passthrough =
    table.unknownHost === 'passthrough' ? (before?.serving.passthrough ?? passthroughOf(listener.id, deps)) : null
  const reach = new RouteReach(() => [...routes, ...(passthrough?.routes ?? [])].map(reachOf))
  const { clusters } = deps
  const serving = { table, routes, clusters, reach, passthrough, counts, mirrorCounts, http, telling }
  return { listener, serving, holdings }
}

function prepareParts({ id, source, http = {} }: Listener, holdings: Holdings, deps: ServingDeps): ListenerParts {
  return {
    counts: new ListenerCounts({ listener: id, source }, deps.recorder),
    mirrorCounts: new ListenerCounts({ listener: id, source, protocol: 'mirror' }, deps.recorder),
    http: prepareHttp(http),
    telling: deps.telling.listener(id, http, deps.continuity.heldBy(holdings)),
  }
}

function passthroughOf(listener: string, deps: ServingDeps): Passthrough<ServingRoute> {
  return new Passthrough({
    random: deps.random,
    table: listener,
    prepare: (route, cluster) => {
      const holdings = new Holdings()
      const serving = new ServingCluster(prepareCluster({ cluster, source: cluster, here: undefined }, deps, holdings))
      // An endpoint that has just left the snapshot, or was forgotten here, is wanted again.
      for (const { pool } of serving.endpoints) deps.pools.revive(pool)
      const clusters = { use: () => serving, mirror: () => serving }
      const continuity = deps.continuity.heldBy(holdings)
      return { route: prepareRoute(route, '', { ...deps, ...nothingShared(), clusters, continuity }), holdings }
    },
  })
}

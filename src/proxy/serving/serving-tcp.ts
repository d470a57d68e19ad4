/** A snapshot made ready to serve one TCP listener. Immutable, as `ServingListener` is. */
import { defined } from '../../base/assert.ts'
import type { Steps } from '../../base/steps.ts'
import type { TcpListener, TcpRoute } from '../../routing/listener-model.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'
import { hasServerName } from '../../routing/server-name.ts'
import type { Split } from '../../routing/split.ts'
import type { DestinationTraffic } from '../../telemetry/recorder.ts'

import { prepareKey } from '../cluster/prepared-key.ts'
import type { RequestKey } from '../cluster/prepared-key.ts'
import { RouteReach } from '../cluster/route-reach.ts'
import type { ReachingRoute } from '../cluster/route-reach.ts'
import { NOBODY, prepareClusters } from '../cluster/serving-cluster.ts'
import type { ServingCluster, ServingDeps } from '../cluster/serving-cluster.ts'
import type { ListenerTelling } from '../telling/listener-telling.ts'
import { sourcedRecorder } from '../telling/sourced-recorder.ts'

export interface ServingTcp {
  readonly routes: readonly ServingTcpRoute[]
  readonly clusters: ReadonlyMap<string, ServingCluster>
  readonly reach: RouteReach
  /** Counts connections that no route takes. */
  readonly nowhere: DestinationTraffic
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

/** A cluster in each step. The snapshot must have passed `checkSnapshot`. */
export function* prepareTcpListener(
  snapshot: RoutingSnapshot,
  listener: TcpListener,
  deps: ServingDeps,
): Steps<ServingTcp> {
  const sourced = sourcedRecorder(deps.recorder, listener.source)
  const recorder: ServingDeps['recorder'] = {
    destination: (labels) => sourced.destination({ ...labels, protocol: 'tcp' }),
  }
  const clusters = yield* prepareClusters(snapshot, listener.id, { ...deps, recorder })
  const routes = listener.routes.map((route): ServingTcpRoute => {
    const { split, destinations, hashKey } = route.action
    const weights = destinations.map(({ weight }) => weight)
    return {
      route,
      split: deps.continuity.split(['tcp', split, destinations], weights),
      destinations: destinations.map((destination) =>
        destination.kind === 'invalid' ? null : defined(clusters.get(destination.cluster), 'cluster'),
      ),
      hashKey: hashKey === undefined ? null : prepareKey(hashKey),
    }
  })
  const reach = new RouteReach(() => routes.map(reachOf))
  const nowhere = recorder.destination({ ...NOBODY, listener: listener.id, service: '' })
  const telling = deps.telling.listener(listener.id, { accessLog: listener.accessLog }, deps.continuity)
  return { routes, clusters, reach, nowhere, telling }
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

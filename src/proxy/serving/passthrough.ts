/**
 * Requests for hosts that the route table does not know, on their way to just these hosts: what a workload asks of the world
 * outside. A request that comes back to us is refused.
 */
import type { Holdings } from '../../base/holdings.ts'
import type { Random } from '../../base/random.ts'
import type { Cluster } from '../../routing/cluster-model.ts'
import { outsideAddress } from '../../routing/outside-address.ts'
import type { Route } from '../../routing/route-model.ts'

import type { RequestHead } from '../http1/request-head.ts'

/** Hosts remembered, with their connections; the one asked for longest ago makes room. */
const HOSTS_MAX = 1_000
const CONNECT_TIMEOUT_MS = 10_000
/** What Istio calls it in metrics. */
const PASSTHROUGH_CLUSTER = 'PassthroughCluster'

export interface PassthroughDeps<Prepared> {
  readonly random: Random
  /** Of the route table. */
  readonly table: string
  /** Makes a route and the only cluster it goes to ready; they are in use until the holdings are released. */
  readonly prepare: (route: Route, cluster: Cluster) => Outside<Prepared>
}

interface Outside<Prepared> {
  readonly route: Prepared
  readonly holdings: Holdings
}

export class Passthrough<Prepared> {
  readonly #deps: PassthroughDeps<Prepared>
  readonly #hosts = new Map<string, Outside<Prepared>>()
  /** Says in `via` that a request was here (RFC 9110 §7.6.3). */
  readonly #name: string

  constructor(deps: PassthroughDeps<Prepared>) {
    this.#deps = deps
    this.#name = `sluice-${Math.floor(deps.random() * 2 ** 48).toString(16)}`
  }

  /** Those of the hosts that were asked for lately. */
  get routes(): readonly Prepared[] {
    return [...this.#hosts.values()].map(({ route }) => route)
  }

  /** The way of the request; null: there is none, as its host is no address or it was here before. */
  route({ host, fields }: Pick<RequestHead, 'host' | 'fields'>): Prepared | null {
    const key = host.toLowerCase()
    if (fields.get('via')?.includes(this.#name) === true) return null
    const known = this.#hosts.get(key)
    if (known !== undefined) {
      this.#hosts.delete(key)
      this.#hosts.set(key, known)
      return known.route
    }
    const address = outsideAddress(key)
    return address === undefined ? null : this.#add(key, address)
  }

  /** The listener has no use for it any more: requests under way are finished. */
  close(): void {
    for (const { holdings } of this.#hosts.values()) holdings.release()
    this.#hosts.clear()
  }

  #add(key: string, address: Cluster['endpoints'][number]): Prepared {
    const outside = this.#deps.prepare(this.#routeTo(key), clusterOf(address))
    this.#hosts.set(key, outside)
    const [oldest] = this.#hosts
    if (this.#hosts.size > HOSTS_MAX && oldest !== undefined) this.#forget(...oldest)
    return outside.route
  }

  /** Requests under way are finished; its connections close when they are idle. */
  #forget(key: string, { holdings }: Outside<Prepared>): void {
    this.#hosts.delete(key)
    holdings.release()
  }

  #routeTo(host: string): Route {
    const { table } = this.#deps
    const requestHeaders = { remove: [], set: [], add: [{ name: 'via', value: `1.1 ${this.#name}` }] }
    return {
      id: `passthrough ${host}`,
      origin: { group: '', kind: 'RouteTable', namespace: '', name: table, generation: 0, rule: 0, match: 0 },
      match: { path: { kind: 'prefix', value: '/', caseSensitive: true }, methods: [], headers: [], query: [] },
      action: {
        kind: 'forward',
        split: 'passthrough',
        destinations: [{ kind: 'cluster', cluster: PASSTHROUGH_CLUSTER, weight: 1 }],
      },
      policy: { timeoutMs: 0, requestHeaders },
    }
  }
}

function clusterOf(endpoint: Cluster['endpoints'][number]): Cluster {
  return {
    name: PASSTHROUGH_CLUSTER,
    service: { namespace: '', name: PASSTHROUGH_CLUSTER, port: endpoint.port },
    endpoints: [endpoint],
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  }
}

/** Snapshots of many virtual hosts, made in memory as an incremental compiler makes them: what does not change is the same object. */
import type { ObjectReference } from '../../src/routing/object-reference.ts'
import type { Cluster } from '../../src/routing/cluster-model.ts'
import type { Listener } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { VirtualHost } from '../../src/routing/route-model.ts'

const TABLE = 'gateway'

export interface Size {
  readonly hosts: number
  /** Of each cluster; there is one cluster for each host. */
  readonly endpoints: number
  readonly listeners: number
}

export function snapshotOf({ hosts, endpoints, listeners }: Size): RoutingSnapshot {
  return {
    generation: 1,
    sources: numbers(hosts).map((index) => ({ ...objectOf(index), uid: `uid-${index}`, generation: 1 })),
    listeners: numbers(listeners).map(listenerOf),
    routeTables: [{ id: TABLE, virtualHosts: numbers(hosts).map((index) => hostOf(index, hosts, 10)) }],
    clusters: numbers(hosts).map((index) => clusterOf(index, endpoints)),
  }
}

/** The next snapshot: in one virtual host the weights are others, and its object has another generation. */
export function withOtherWeights(before: RoutingSnapshot, index: number): RoutingSnapshot {
  const { sources, routeTables } = before
  const generation = before.generation + 1
  const hosts = sources.length
  return {
    ...before,
    generation,
    sources: sources.with(index, { ...objectOf(index), uid: `uid-${index}`, generation }),
    routeTables: routeTables.map((table) => ({
      ...table,
      virtualHosts: table.virtualHosts.with(index, hostOf(index, hosts, generation % 100)),
    })),
  }
}

/** The next snapshot: one endpoint of a cluster has gone; where there was only one, another has come in its place. */
export function withoutEndpoint(before: RoutingSnapshot, index: number): RoutingSnapshot {
  const generation = before.generation + 1
  const cluster = before.clusters[index]
  if (cluster === undefined) return { ...before, generation }
  const left = cluster.endpoints.slice(1)
  const endpoints = left.length > 0 ? left : [endpointOf(index, generation)]
  return { ...before, generation, clusters: before.clusters.with(index, { ...cluster, endpoints }) }
}

function hostOf(index: number, hosts: number, canary: number): VirtualHost {
  const origin = { ...objectOf(index), generation: 1, rule: 0, match: 0 }
  return {
    name: `host-${index}`,
    domains: [`host-${index}.example.com`],
    routes: [
      {
        id: `route-${index}`,
        origin,
        match: {
          path: { kind: 'prefix', value: `/api/${index}`, caseSensitive: true },
          methods: [],
          headers: [],
          query: [],
        },
        action: {
          kind: 'forward',
          split: `route-${index}`,
          destinations: [
            { kind: 'cluster', cluster: `cluster-${index}`, weight: 100 - canary },
            { kind: 'cluster', cluster: `cluster-${(index + 1) % hosts}`, weight: canary },
          ],
        },
        policy: { timeoutMs: 15_000 },
      },
    ],
  }
}

function clusterOf(index: number, endpoints: number): Cluster {
  return {
    name: `cluster-${index}`,
    service: { namespace: 'default', name: `service-${index}`, port: 80 },
    endpoints: numbers(endpoints).map((at) => endpointOf(index, at)),
    connectTimeoutMs: 5_000,
  }
}

function endpointOf(index: number, at: number): Cluster['endpoints'][number] {
  return {
    address: `10.${(index >> 8) & 255}.${index & 255}.${1 + (at % 250)}`,
    port: 8080,
    workload: { namespace: 'default', name: `app-${index}`, version: 'v1', pod: `app-${index}-${at}` },
  }
}

function listenerOf(index: number): Listener {
  return { id: `listener-${index}`, address: '127.0.0.1', port: 0, protocol: 'http', routeTable: TABLE }
}

function objectOf(index: number): ObjectReference {
  return { group: 'gateway.solo.io', kind: 'VirtualService', namespace: 'default', name: `host-${index}` }
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}

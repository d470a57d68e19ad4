/** Gloo's objects, written short, and what their compiler makes of them as a snapshot of one gateway. */
import { parse } from 'yaml'
import { tlsProblem } from '../../src/controllers/routing/tls-problem.ts'
import type { GlooInput, GlooOutput } from '../../src/dialects/gloo/compile.ts'
import type { Upstream } from '../../src/kinds/gloo-upstream.ts'
import type { VirtualService } from '../../src/kinds/gloo-virtual-service.ts'
import type { Secret } from '../../src/kinds/secret.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

export interface GlooObjects {
  /** As YAML. */
  readonly virtualHost: string
  /** Specs, by name. */
  readonly upstreams: Readonly<Record<string, NonNullable<Upstream['spec']>>>
  readonly secrets?: readonly Secret[]
}

/** All in the namespace `gloo-system`. */
export function glooInput({ virtualHost, upstreams, secrets = [] }: GlooObjects): GlooInput {
  return {
    virtualServices: [virtualServiceOf(virtualHost)],
    upstreams: Object.entries(upstreams).map(([name, spec]) => ({
      apiVersion: 'gloo.solo.io/v1',
      kind: 'Upstream',
      metadata: { namespace: 'gloo-system', name, uid: name, generation: 1 },
      spec,
    })),
    secrets,
    services: [],
    endpointSlices: [],
    pods: [],
    accepted: new Map(),
    tlsFiles: new Map(),
    tlsProblem,
  }
}

function virtualServiceOf(virtualHost: string): VirtualService {
  return {
    apiVersion: 'gateway.solo.io/v1',
    kind: 'VirtualService',
    metadata: { namespace: 'gloo-system', name: 'echo', uid: 'vs', generation: 1 },
    spec: { virtualHost: parse(virtualHost) as NonNullable<VirtualService['spec']>['virtualHost'] & object },
  }
}

/** Static hosts on these ports. */
export function hostsAt(...ports: readonly number[]): NonNullable<Upstream['spec']> {
  return { static: { hosts: ports.map((port) => ({ addr: '127.0.0.1', port })) } }
}

let generation = 0

export function gatewayOf({ virtualHosts, clusters, sources }: GlooOutput): RoutingSnapshot {
  return {
    generation: ++generation,
    sources,
    listeners: [{ id: 'gateway', address: '127.0.0.1', port: 0, protocol: 'http', routeTable: 'gateway' }],
    routeTables: [{ id: 'gateway', virtualHosts }],
    clusters,
  }
}

/** What was found, without the messages. */
export function findingsOf({ reports }: GlooOutput): readonly string[] {
  return reports.flatMap(({ diagnostics }) =>
    diagnostics.map(({ severity, code, path }) => `${severity} ${code} ${path}`),
  )
}

/** Gloo's objects, written short. */
import { parse } from 'yaml'
import type { Upstream } from '../../src/dialects/gloo/kinds/upstream.ts'
import type { VirtualService } from '../../src/dialects/gloo/kinds/virtual-service.ts'
import type { Secret } from '../../src/kinds/secret.ts'
import type { KubeObject } from '../../src/kube/object.ts'

export interface GlooObjects {
  /** As YAML. */
  readonly virtualHost: string
  /** Specs, by name. */
  readonly upstreams: Readonly<Record<string, NonNullable<Upstream['spec']>>>
  readonly secrets?: readonly Secret[]
}

/** All in the namespace `gloo-system`. */
export function glooObjects({ virtualHost, upstreams, secrets = [] }: GlooObjects): readonly KubeObject[] {
  return [
    virtualServiceOf(virtualHost),
    ...Object.entries(upstreams).map(([name, spec]): Upstream => ({
      apiVersion: 'gloo.solo.io/v1',
      kind: 'Upstream',
      metadata: { namespace: 'gloo-system', name, uid: name, generation: 1 },
      spec,
    })),
    ...secrets,
  ]
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

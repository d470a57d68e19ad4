/** What the release controller reads. */
import { deployments } from '../../kinds/deployment.ts'
import type { Deployment } from '../../kinds/deployment.ts'
import { endpointSlices } from '../../kinds/endpoint-slice.ts'
import type { EndpointSlice } from '../../kinds/endpoint-slice.ts'
import { pods } from '../../kinds/pod.ts'
import type { Pod } from '../../kinds/pod.ts'
import { releases } from '../../kinds/release.ts'
import type { Release } from '../../kinds/release.ts'
import { services } from '../../kinds/service.ts'
import type { Service } from '../../kinds/service.ts'
import type { RouteShift } from '../../dialects/traffic-shift.ts'
import type { Informer } from '../../kube/informer.ts'
import type { Informers } from '../../kube/informers.ts'
import { apiVersionOf, keyOf, resourceName } from '../../kube/object.ts'
import type { KubeObject, ObjectKey } from '../../kube/object.ts'
import { watchKeys, watchObjects } from '../controller.ts'
import type { Source } from '../controller.ts'

export interface ReleaseCaches {
  readonly releases: Informer<Release>
  readonly deployments: Informer<Deployment>
  readonly pods: Informer<Pod>
  readonly endpointSlices: Informer<EndpointSlice>
  readonly services: Informer<Service>
  /** The kinds of route objects that a release can edit. */
  readonly routes: readonly RouteCache[]
  /** What the shifts read, besides. */
  readonly others: readonly Informer<KubeObject>[]
}

export interface RouteCache {
  readonly shift: RouteShift
  readonly informer: Informer<KubeObject>
}

export function openCaches(informers: Informers, shifts: readonly RouteShift[]): ReleaseCaches {
  const read = new Map(shifts.flatMap(({ reads }) => reads).map((type) => [resourceName(type), type]))
  return {
    releases: informers.of(releases),
    deployments: informers.of(deployments),
    pods: informers.of(pods),
    endpointSlices: informers.of(endpointSlices),
    services: informers.of(services),
    routes: shifts.map((shift) => ({ shift, informer: informers.of(shift.type) })),
    others: [...read.values()].map((type) => informers.of(type)),
  }
}

/** The kind that a release names as `gateway.solo.io/v1 VirtualService`; undefined: no language here can shift it. */
export function routeCacheFor(
  { routes }: ReleaseCaches,
  route: { readonly apiVersion: string; readonly kind: string },
): RouteCache | undefined {
  return routes.find(({ shift: { type } }) => type.kind === route.kind && apiVersionOf(type) === route.apiVersion)
}

/** Anything that a release may wait for wakes it; releases that have ended sleep on. */
export function wakeSources(caches: ReleaseCaches): readonly Source[] {
  const open = (namespace?: string): readonly Release[] => caches.releases.list(namespace).filter(isOpen)
  const inNamespace = ({ metadata }: KubeObject): readonly ObjectKey[] => open(metadata.namespace).map(keyOf)
  const anywhere = (): readonly ObjectKey[] => open().map(keyOf)
  return [
    watchKeys(caches.releases),
    watchObjects(caches.deployments, inNamespace),
    // A slice may show a pod before the pod itself is in its cache.
    watchObjects(caches.pods, inNamespace),
    watchObjects(caches.endpointSlices, inNamespace),
    watchObjects(caches.services, inNamespace),
    ...[...caches.routes.map(({ informer }) => informer), ...caches.others].map((informer) =>
      watchObjects(informer, anywhere),
    ),
  ]
}

/** Something may still be asked of it, or is still to be cleaned up. One that was taken back may start over. */
export function isOpen(release: Release): boolean {
  return !isClosed(release) || release.status?.phase === 'RolledBack'
}

/** It has ended and left nothing behind. */
export function isClosed({ status, metadata }: Release): boolean {
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'RolledBack'
  return hasEnded && (metadata.finalizers ?? []).length === 0
}

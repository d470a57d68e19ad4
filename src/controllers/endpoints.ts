/** Services → Endpoints: the older form of EndpointSlices, for those who still read it. */
import { isDeepStrictEqual } from 'node:util'
import { endpointsResource } from '../kinds/endpoints.ts'
import type { Endpoints, EndpointSubset } from '../kinds/endpoints.ts'
import type { Endpoint } from '../kinds/endpoint-slice.ts'
import { pods } from '../kinds/pod.ts'
import { services } from '../kinds/service.ts'
import type { Service } from '../kinds/service.ts'
import { isReason } from '../kube/api-error.ts'
import { keyOf, splitKey } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { runController, watchKeys, watchObjects } from './controller.ts'
import { backendGroups, hasSelector } from './endpoints/backends.ts'
import type { BackendGroup } from './endpoints/backends.ts'
import { watchBackends } from './endpoints/watch-backends.ts'
import type { WorkloadDeps } from './workload-deps.ts'

const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by'
const MANAGED_BY = 'endpoint-controller'
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity'
const ADDRESSES_MAX = 1000

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export function runEndpointsController(deps: WorkloadDeps): Promise<void> {
  const { client, informers } = deps
  const serviceInformer = informers.of(services)
  const podInformer = informers.of(pods)
  const endpointsInformer = informers.of(endpointsResource)

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const service = serviceInformer.get(key)
    const existing = endpointsInformer.get(key)
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
      if (existing !== undefined && isOurs(existing)) await remove(existing, signal)
      return
    }
    if (!hasSelector(service)) return
    const wanted = endpointsOf(service, backendGroups(service, podInformer.list(splitKey(key).namespace)), existing)
    if (existing === undefined) await client.create(endpointsResource, wanted, { signal })
    else if (!isSame(existing, wanted)) await client.update(endpointsResource, wanted, { signal })
  }

  async function remove(existing: Endpoints, signal: AbortSignal): Promise<void> {
    const { uid = '' } = existing.metadata
    await client
      .delete(endpointsResource, keyOf(existing), { preconditions: { uid }, signal })
      .catch((error: unknown) => {
        if (!isReason(error, 'NotFound')) throw error
      })
  }

  return runController({
    name: 'endpoints',
    reconcile,
    sources: [
      watchKeys(serviceInformer),
      watchBackends(podInformer, serviceInformer),
      watchObjects(endpointsInformer, (object) => (isOurs(object) ? [keyOf(object)] : [])),
    ],
    ...deps,
  })
}

function endpointsOf(service: Service, groups: readonly BackendGroup[], existing: Endpoints | undefined): Endpoints {
  const { namespace = '', name = '', labels } = service.metadata
  const isTooMany = groups.reduce((sum, { endpoints }) => sum + endpoints.length, 0) > ADDRESSES_MAX
  const { [OVER_CAPACITY]: _, ...annotations } = existing?.metadata.annotations ?? {}
  const noted = isTooMany ? { ...annotations, [OVER_CAPACITY]: 'truncated' } : annotations
  return {
    apiVersion: 'v1',
    kind: endpointsResource.kind,
    metadata: {
      ...(existing?.metadata ?? { namespace, name }),
      labels: { ...labels, [MANAGED_BY_LABEL]: MANAGED_BY },
      annotations: noted,
    },
    subsets: subsetsOf(groups),
  }
}

/** Terminating pods are in neither list, as they are not to be connected to. */
function subsetsOf(groups: readonly BackendGroup[]): readonly EndpointSubset[] {
  let room = ADDRESSES_MAX
  return groups.flatMap(({ ports, endpoints }) => {
    const shown = endpoints.filter(({ conditions }) => conditions?.terminating !== true).slice(0, room)
    room -= shown.length
    const addresses = shown.filter(({ conditions }) => conditions?.ready === true).map(addressOf)
    const notReadyAddresses = shown.filter(({ conditions }) => conditions?.ready !== true).map(addressOf)
    if (shown.length === 0) return []
    return {
      ...(addresses.length === 0 ? {} : { addresses }),
      ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }),
      ports: ports.map(({ name = '', port = 0, protocol = 'TCP', appProtocol }) => ({
        ...(name === '' ? {} : { name }),
        port,
        protocol,
        ...(appProtocol === undefined ? {} : { appProtocol }),
      })),
    }
  })
}

function addressOf({ addresses, targetRef, nodeName, hostname }: Endpoint) {
  return {
    ip: addresses[0] ?? '',
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  }
}

function isOurs({ metadata }: Endpoints): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY
}

function isSame(a: Endpoints, b: Endpoints): boolean {
  return (
    isDeepStrictEqual(a.subsets ?? [], b.subsets ?? []) &&
    isDeepStrictEqual(a.metadata.labels ?? {}, b.metadata.labels ?? {}) &&
    isDeepStrictEqual(a.metadata.annotations ?? {}, b.metadata.annotations ?? {})
  )
}

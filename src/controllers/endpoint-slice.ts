/** Services → EndpointSlices: where the traffic of a Service may go, up to date with the readiness of its pods. */
import { SERVICE_NAME_LABEL, endpointSlices } from '../kinds/endpoint-slice.ts'
import type { EndpointSlice } from '../kinds/endpoint-slice.ts'
import { pods } from '../kinds/pod.ts'
import { services } from '../kinds/service.ts'
import { isReason } from '../kube/api-error.ts'
import { keyOf, objectKey, splitKey } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { runController, watchKeys, watchObjects } from './controller.ts'
import { backendGroups, hasSelector } from './endpoints/backends.ts'
import { MANAGED_BY, MANAGED_BY_LABEL, planSlices } from './endpoints/slice-plan.ts'
import { watchBackends } from './endpoints/watch-backends.ts'
import type { WorkloadDeps } from './workload-deps.ts'

const BY_SERVICE = 'managed-by-service'

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export function runEndpointSliceController(deps: WorkloadDeps): Promise<void> {
  const { client, informers } = deps
  const serviceInformer = informers.of(services)
  const podInformer = informers.of(pods)
  const sliceInformer = informers.of(endpointSlices)
  sliceInformer.addIndex(BY_SERVICE, serviceKeysOf)

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const service = serviceInformer.get(key)
    if (service === undefined || service.metadata.deletionTimestamp !== undefined || !hasSelector(service)) return
    const groups = backendGroups(service, podInformer.list(splitKey(key).namespace))
    const { create, update, remove } = planSlices(service, groups, sliceInformer.by(BY_SERVICE, key))
    await Promise.all([
      ...create.map((slice) => client.create(endpointSlices, slice, { signal })),
      ...update.map((slice) => client.update(endpointSlices, slice, { signal })),
    ])
    // Afterwards, so that an endpoint that moves to another slice is never missing in between.
    await Promise.all(remove.map((slice) => removeSlice(slice, signal)))
  }

  async function removeSlice(slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    const { uid = '' } = slice.metadata
    await client.delete(endpointSlices, keyOf(slice), { preconditions: { uid }, signal }).catch((error: unknown) => {
      if (!isReason(error, 'NotFound')) throw error
    })
  }

  return runController({
    name: 'endpoint-slice',
    reconcile,
    sources: [
      watchKeys(serviceInformer),
      watchBackends(podInformer, serviceInformer),
      watchObjects(sliceInformer, serviceKeysOf),
    ],
    ...deps,
  })
}

/** The Service of a slice that we manage; slices of others are not ours to touch. */
function serviceKeysOf({ metadata }: EndpointSlice): readonly ObjectKey[] {
  const { namespace, labels = {} } = metadata
  const service = labels[SERVICE_NAME_LABEL]
  return service === undefined || labels[MANAGED_BY_LABEL] !== MANAGED_BY ? [] : [objectKey(namespace, service)]
}

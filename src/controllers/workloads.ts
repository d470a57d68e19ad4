/** The controllers that a real cluster's controller manager runs, as far as we have them; only for standalone. */
import type { ResourceType } from '../kube/object.ts'
import { runDeploymentController } from './deployment.ts'
import { runEndpointSliceController } from './endpoint-slice.ts'
import { runEndpointsController } from './endpoints.ts'
import { runGarbageCollector } from './garbage-collector.ts'
import { runNamespaceController } from './namespace.ts'
import { runReplicaSetController } from './replica-set.ts'
import { runServiceAccountController } from './service-account.ts'
import type { WorkloadDeps } from './workload-deps.ts'

export interface WorkloadControllersOptions extends WorkloadDeps {
  /** Every kind the API serves. */
  readonly types: readonly ResourceType[]
}

/** Runs until the signal aborts; resolves once every controller has stopped. */
export async function runWorkloadControllers(options: WorkloadControllersOptions): Promise<void> {
  const { types, ...deps } = options
  // Events own nothing and are never owned, but there are many.
  const owningTypes = types.filter((type) => type.kind !== 'Event')
  await Promise.all([
    runDeploymentController(deps),
    runReplicaSetController(deps),
    runEndpointSliceController(deps),
    runEndpointsController(deps),
    runServiceAccountController(deps),
    runNamespaceController({ ...deps, types }),
    runGarbageCollector({ ...deps, types: owningTypes }),
  ])
}

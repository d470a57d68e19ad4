/** Every namespace has the service account `default`, as tools expect. */
import { namespaces } from '../kinds/namespace.ts'
import { serviceAccounts } from '../kinds/service-account.ts'
import { isReason } from '../kube/api-error.ts'
import { objectKey } from '../kube/object.ts'
import type { ObjectKey } from '../kube/object.ts'
import { runController, watchKeys, watchObjects } from './controller.ts'
import type { WorkloadDeps } from './workload-deps.ts'

const DEFAULT_NAME = 'default'

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export function runServiceAccountController(deps: WorkloadDeps): Promise<void> {
  const { client, informers } = deps
  const namespaceInformer = informers.of(namespaces)
  const accountInformer = informers.of(serviceAccounts)

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const namespace = namespaceInformer.get(key)
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return
    if (accountInformer.get(objectKey(key, DEFAULT_NAME)) !== undefined) return
    const metadata = { namespace: key, name: DEFAULT_NAME }
    await client
      .create(serviceAccounts, { apiVersion: 'v1', kind: serviceAccounts.kind, metadata }, { signal })
      .catch((error: unknown) => {
        // The cache may lag, and the namespace may have begun to go.
        if (!isReason(error, 'AlreadyExists') && !isReason(error, 'Forbidden') && !isReason(error, 'NotFound'))
          throw error
      })
  }

  return runController({
    name: 'service-account',
    reconcile,
    sources: [
      watchKeys(namespaceInformer),
      watchObjects(accountInformer, ({ metadata }, change) =>
        change.new === undefined ? [objectKey(undefined, metadata.namespace ?? '')] : [],
      ),
    ],
    ...deps,
  })
}

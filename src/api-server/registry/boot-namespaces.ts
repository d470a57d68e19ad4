/** The namespaces that are there from the beginning: Kubernetes' own, and those that others ask for. */
import { objectKey } from '../../kube/object.ts'
import type { ApiContext } from './context.ts'
import { createObject } from './create.ts'
import { storageOf } from './resource.ts'

const NAMESPACES = ['default', 'kube-system', 'kube-public']

export async function ensureNamespaces(context: ApiContext, others: readonly string[]): Promise<void> {
  const kind = context.registry.find('', 'v1', 'namespaces')
  if (kind === undefined) return
  const missing = [...new Set([...NAMESPACES, ...others])].filter(
    (name) => context.store.latest(storageOf(kind), objectKey(undefined, name)) === undefined,
  )
  const request = { dryRun: false, fieldValidation: 'Strict', manager: 'sluice', warn: () => {} } as const
  await Promise.all(
    missing.map((name) => {
      const value = { metadata: { name } }
      return createObject(context, { kind, namespace: undefined, body: { value, duplicateFields: [] }, request })
    }),
  )
}

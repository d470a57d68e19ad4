/** Namespaces: one that is deleted is emptied, whatever is in it, and goes when nothing is left. */
import { isDeepStrictEqual } from 'node:util'
import { namespaces } from '../kinds/namespace.ts'
import type { Namespace } from '../kinds/namespace.ts'
import { pods } from '../kinds/pod.ts'
import { isReason } from '../kube/api-error.ts'
import type { KubeClient } from '../kube/client.ts'
import { keyOf, objectKey, resourceName } from '../kube/object.ts'
import type { KubeObject, ObjectKey, ResourceType } from '../kube/object.ts'
import { toTimestamp } from '../kube/timestamp.ts'
import { runController, watchKeys, watchObjects } from './controller.ts'
import type { Requeue } from './controller.ts'
import type { WorkloadDeps } from './workload-deps.ts'

const FINALIZER = 'kubernetes'
/** Content that goes in its own time (pods that end, finalizers of others) is looked at this often. */
const LOOK_AGAIN_MS = 1000

export interface NamespaceControllerOptions extends WorkloadDeps {
  /** Every namespaced kind. */
  readonly types: readonly ResourceType[]
}

/** Runs until the signal aborts; resolves once nothing is under way any more. */
export function runNamespaceController({ types, ...deps }: NamespaceControllerOptions): Promise<void> {
  const { client, clock, informers } = deps
  const namespaceInformer = informers.of(namespaces)
  const contentTypes = types.filter((type) => type.namespaced)

  async function reconcile(key: ObjectKey, signal: AbortSignal): Promise<Requeue | void> {
    const namespace = namespaceInformer.get(key)
    if (namespace?.metadata.deletionTimestamp === undefined) return undefined
    if (!(namespace.spec?.finalizers ?? []).includes(FINALIZER)) return undefined
    const found = await contentOf(client, { name: key, types: contentTypes, signal })
    await Promise.all(found.map((content) => deleteAll(client, content, signal)))
    const left = await contentOf(client, { name: key, types: found.map(({ type }) => type), signal })
    if (left.length === 0) {
      await finalize(client, namespace, signal)
      return undefined
    }
    await report(client, namespace, conditionsFor(left, toTimestamp(clock.now())), signal)
    return { requeueAfterMs: LOOK_AGAIN_MS }
  }

  return runController({
    name: 'namespace',
    reconcile,
    sources: [
      watchKeys(namespaceInformer),
      watchObjects(informers.of(pods), ({ metadata }, change) =>
        change.new === undefined ? [objectKey(undefined, metadata.namespace ?? '')] : [],
      ),
    ],
    ...deps,
  })
}

interface Content {
  readonly type: ResourceType
  readonly items: readonly KubeObject[]
}

/** What the namespace holds, read from the server: an informer may lag, and this must miss nothing. */
async function contentOf(
  client: KubeClient,
  {
    name,
    types,
    signal,
  }: { readonly name: string; readonly types: readonly ResourceType[]; readonly signal: AbortSignal },
): Promise<readonly Content[]> {
  const contents = await Promise.all(
    types.map(async (type): Promise<Content> => {
      const { items } = await client.list(type, { namespace: name, signal })
      return { type, items }
    }),
  )
  return contents.filter(({ items }) => items.length > 0)
}

async function deleteAll(client: KubeClient, { type, items }: Content, signal: AbortSignal): Promise<void> {
  const live = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  await Promise.all(
    live.map(async (object) => {
      const { uid = '' } = object.metadata
      await client
        .delete(type, keyOf(object), { propagationPolicy: 'Background', preconditions: { uid }, signal })
        .catch(ignoreNotFound)
    }),
  )
}

async function finalize(client: KubeClient, namespace: Namespace, signal: AbortSignal): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER)
  const emptied = { ...namespace, spec: { ...namespace.spec, finalizers } }
  await client.update(namespaces, emptied, { subresource: 'finalize', signal }).catch(ignoreNotFound)
}

type Conditions = NonNullable<NonNullable<Namespace['status']>['conditions']>

/** For those who wonder why the namespace is still there. */
function conditionsFor(left: readonly Content[], now: string): Conditions {
  const remaining = left.map(({ type, items }) => `${resourceName(type)}: ${items.length}`).join(', ')
  const finalizers = left.flatMap(({ items }) => items.flatMap(({ metadata }) => metadata.finalizers ?? []))
  const content = {
    type: 'NamespaceContentRemaining',
    status: 'True' as const,
    reason: 'SomeResourcesRemain',
    message: `Some resources are remaining: ${remaining}`,
    lastTransitionTime: now,
  }
  if (finalizers.length === 0) return [content]
  return [
    content,
    {
      type: 'NamespaceFinalizersRemaining',
      status: 'True',
      reason: 'SomeFinalizersRemain',
      message: `Some content waits for finalizers: ${[...new Set(finalizers)].join(', ')}`,
      lastTransitionTime: now,
    },
  ]
}

async function report(
  client: KubeClient,
  namespace: Namespace,
  conditions: Conditions,
  signal: AbortSignal,
): Promise<void> {
  const dated = conditions.map((condition) => {
    const old = namespace.status?.conditions?.find(
      ({ type, message }) => type === condition.type && message === condition.message,
    )
    return old ?? condition
  })
  if (isDeepStrictEqual(namespace.status?.conditions ?? [], dated)) return
  const status = { ...namespace.status, conditions: dated }
  await client.update(namespaces, { ...namespace, status }, { subresource: 'status', signal }).catch(ignoreNotFound)
}

function ignoreNotFound(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error
}

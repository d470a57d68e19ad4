/** POST `pods/{name}/binding`: the scheduler's decision where a pod runs, taken once. */
import { objectMeta } from '../../kinds/metadata.ts'
import { object, optional, string } from '../../kinds/schema.ts'
import type { ObjectKey } from '../../kube/object.ts'
import { splitKey } from '../../kube/object.ts'
import type { ApiContext, WriteRequest } from './context.ts'
import { isRecord } from './document.ts'
import type { Document } from './document.ts'
import { badRequest, conflict, notFound } from './errors.ts'
import { nowTimestamp } from './identity.ts'
import { storageOf } from './resource.ts'

/** core/v1 Binding; of its target, an ObjectReference, what a binding may say. */
export const bindingSchema = object({
  metadata: optional(objectMeta, 1),
  target: optional(
    object({
      kind: optional(string, 1),
      namespace: optional(string, 2),
      name: optional(string, 3),
      uid: optional(string, 4),
      apiVersion: optional(string, 5),
    }),
    2,
  ),
})

export async function bindPod(
  context: ApiContext,
  key: ObjectKey,
  binding: unknown,
  request: WriteRequest,
): Promise<void> {
  const kind = context.registry.find('', 'v1', 'pods')
  const { name } = splitKey(key)
  const stored = kind === undefined ? undefined : context.store.latest(storageOf(kind), key)
  if (kind === undefined) throw badRequest('this server has no pods')
  if (stored === undefined) throw notFound(kind, name)
  const target = isRecord(binding) && isRecord(binding['target']) ? binding['target']['name'] : undefined
  if (typeof target !== 'string' || target === '') throw badRequest('target.name: Required value')
  const pod = stored.object as Document
  const spec = isRecord(pod.spec) ? pod.spec : {}
  const node = spec['nodeName'] ?? ''
  if (node !== '') throw conflict(kind, name, `pod ${name} is already assigned to node ${JSON.stringify(node)}`)
  if (request.dryRun) return
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: nowTimestamp(context.clock) }
  const status = isRecord(pod.status) ? pod.status : {}
  await context.store.put(storageOf(kind), key, {
    ...pod,
    spec: { ...spec, nodeName: target },
    status: { ...status, conditions: [...otherConditions(status), scheduled] },
  } as Document)
}

function otherConditions(status: Readonly<Record<string, unknown>>): readonly unknown[] {
  const conditions = Array.isArray(status['conditions']) ? (status['conditions'] as unknown[]) : []
  return conditions.filter((condition) => !isRecord(condition) || condition['type'] !== 'PodScheduled')
}

/** What can be asked of a pod by its name: a place to run, and what its node knows of it. */
import { isJsonObject } from '../../kube/json-value.ts'
import { objectMeta } from '../metadata.ts'
import { object, optional, string } from '../schema.ts'
import type { Acted, Subresource } from '../subresource.ts'
import type { Pod, PodStatus } from './types.ts'

/** core/v1 Binding; of its target, an ObjectReference, what a binding may say. */
const bindingSchema = object({
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

export const podSubresources: readonly Subresource<Pod>[] = [
  {
    kind: 'action',
    name: 'binding',
    bodyType: { apiVersion: 'v1', kind: 'Binding' },
    bodySchema: bindingSchema,
    act: bind,
  },
  { kind: 'node', name: 'log' },
  { kind: 'node', name: 'exec' },
  { kind: 'node', name: 'attach' },
  { kind: 'node', name: 'portforward' },
]

/** The scheduler's decision where the pod runs, taken once. */
function bind(pod: Pod, binding: unknown, now: string): Acted<Pod> {
  const target = isJsonObject(binding) && isJsonObject(binding['target']) ? binding['target']['name'] : undefined
  if (typeof target !== 'string' || target === '') return { kind: 'bad-request', why: 'target.name: Required value' }
  const { nodeName = '' } = pod.spec
  if (nodeName !== '') {
    const why = `pod ${pod.metadata.name ?? ''} is already assigned to node ${JSON.stringify(nodeName)}`
    return { kind: 'conflict', why }
  }
  const status: PodStatus = { ...pod.status, conditions: [...otherConditions(pod), scheduledAt(now)] }
  return { kind: 'done', object: { ...pod, spec: { ...pod.spec, nodeName: target }, status } }
}

type PodCondition = NonNullable<PodStatus['conditions']>[number]

function scheduledAt(now: string): PodCondition {
  return { type: 'PodScheduled', status: 'True', lastTransitionTime: now }
}

function otherConditions({ status }: Pod): readonly PodCondition[] {
  return (status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled')
}

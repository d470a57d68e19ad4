/** Whether a pod may run on this, the only node. Pure. */
import type { Pod } from '../../kinds/pod.ts'

export type Placement =
  | { readonly kind: 'bind' }
  /** Somebody else's to place, or placed already. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'unschedulable'; readonly message: string }

const DEFAULT_SCHEDULER = 'default-scheduler'

export function place({ metadata, spec }: Pod, nodeLabels: Readonly<Record<string, string>>): Placement {
  if (spec.nodeName !== undefined && spec.nodeName !== '') return { kind: 'leave' }
  if (metadata.deletionTimestamp !== undefined) return { kind: 'leave' }
  if ((spec.schedulerName ?? DEFAULT_SCHEDULER) !== DEFAULT_SCHEDULER) return { kind: 'leave' }
  if ((spec.schedulingGates?.length ?? 0) > 0) return { kind: 'leave' }
  const wrong = Object.entries(spec.nodeSelector ?? {}).find(([name, value]) => nodeLabels[name] !== value)
  if (wrong === undefined) return { kind: 'bind' }
  const labels = Object.entries(nodeLabels).map(([name, value]) => `${name}=${value}`)
  return {
    kind: 'unschedulable',
    message:
      `0/1 nodes are available: 1 node(s) didn't match the pod's node selector (${wrong.join('=')}). ` +
      `The node's labels: ${labels.join(', ')}`,
  }
}

/** The wide columns of every kind that has a pod template. */
import type { KubeObject, LabelSelector } from '../../kube/object.ts'
import { formatLabelSelector } from '../../kube/selector.ts'
import type { Column } from '../kind.ts'
import type { Container, PodTemplateSpec } from './types.ts'

interface Workload extends KubeObject {
  readonly spec: { readonly selector: LabelSelector; readonly template: PodTemplateSpec }
}

export const templateColumns: readonly Column<Workload>[] = [
  { name: 'Containers', type: 'string', priority: 1, cell: (object) => listOf(object, ({ name }) => name) },
  { name: 'Images', type: 'string', priority: 1, cell: (object) => listOf(object, ({ image }) => image ?? '') },
  {
    name: 'Selector',
    type: 'string',
    priority: 1,
    cell: ({ spec }) => formatLabelSelector(spec.selector) || '<none>',
  },
]

function listOf({ spec }: Workload, read: (container: Container) => string): string {
  return spec.template.spec.containers.map(read).join(',')
}

/** The ports of a pod to which Services send, where no container declares them: a `ports` list is only information. */
import { matchesLabels } from '../../kube/selector.ts'
import type { Labels } from '../../kube/selector.ts'
import type { Pod } from '../../kinds/pod.ts'
import type { Service } from '../../kinds/service.ts'

/** Pure. `services` are those of the pod's namespace. Ports by name must be declared, so numbers are enough. */
export function undeclaredServicePorts({ metadata, spec }: Pod, services: readonly Service[]): readonly number[] {
  const declared = new Set(spec.containers.flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort)))
  const numbers = services
    .filter(({ spec: service }) => selects(service.selector ?? {}, metadata.labels))
    .flatMap(({ spec: service }) => service.ports ?? [])
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map(({ port, targetPort = port }) => targetPort)
    .filter((port) => typeof port === 'number')
  return [...new Set(numbers.filter((port) => !declared.has(port)))]
}

function selects(selector: Labels, labels: Labels | undefined): boolean {
  return Object.keys(selector).length > 0 && matchesLabels({ matchLabels: selector }, labels)
}

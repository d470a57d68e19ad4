/** What the first versions of Deployments and ReplicaSets did: labels and selector left out are those of the pod template. */
import type { KubeObject, LabelSelector } from '../kube/object.ts'

interface Templated extends KubeObject {
  readonly spec: {
    readonly selector?: LabelSelector
    readonly template: { readonly metadata?: { readonly labels?: Readonly<Record<string, string>> } }
  }
}

export function selectTemplateLabels<T extends Templated>(object: T): T {
  const { metadata, spec } = object
  const labels = spec.template.metadata?.labels
  if (labels === undefined) return object
  const isLabelled = Object.keys(metadata.labels ?? {}).length > 0
  return {
    ...object,
    metadata: isLabelled ? metadata : { ...metadata, labels },
    spec: { ...spec, selector: spec.selector ?? { matchLabels: labels } },
  }
}

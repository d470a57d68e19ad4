/** Rules of a pod that its schema cannot say. */
import { isSameJson } from '../../kube/json-value.ts'
import { forbidden } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import type { Container, Pod, PodSpec } from './types.ts'
import { validatePodSpec } from './validate-spec.ts'

export function validatePod(pod: Pod, old: Pod | undefined): readonly FieldError[] {
  return [...validatePodSpec('spec', pod.spec), ...(old === undefined ? [] : validateUpdate(pod.spec, old.spec))]
}

/** A pod stays what it is: whoever wants another spec makes another pod. */
function validateUpdate(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  if (isSameJson(frozenPart(spec, old), frozenPart(old, old))) return []
  return [
    forbidden(
      'spec',
      'pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations) and `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    ),
  ]
}

/** What may not change. A pod without a node may get one: here the node agent binds by writing it. */
function frozenPart(spec: PodSpec, old: PodSpec): object {
  const { activeDeadlineSeconds: _deadline, tolerations, nodeName, ...rest } = spec
  // Both have passed the schema, which gives their fields one order.
  const given = new Set((tolerations ?? []).map((one) => JSON.stringify(one)))
  const kept = (old.tolerations ?? []).map((one) => given.has(JSON.stringify(one)))
  return {
    ...rest,
    nodeName: old.nodeName === undefined ? undefined : nodeName,
    keepsTolerations: kept.every(Boolean),
    containers: spec.containers.map(withoutImage),
    initContainers: spec.initContainers?.map(withoutImage),
  }
}

function withoutImage({ image: _image, ...container }: Container): object {
  return container
}

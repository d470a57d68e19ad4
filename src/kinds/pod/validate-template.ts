/** Rules for what keeps copies of a pod template: Deployments and ReplicaSets. */
import type { LabelSelector } from '../../kube/object.ts'
import { matchesLabels, requirementsOf } from '../../kube/selector.ts'
import { forbidden, invalid, notSupported } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import { validateLabels, validateSelector } from '../selector-rules.ts'
import type { PodTemplateSpec } from './types.ts'
import { validatePodSpec } from './validate-spec.ts'

export interface Workload {
  readonly selector: LabelSelector
  readonly template: PodTemplateSpec
}

/** `kind` in lower case, for messages. */
export function validateWorkload({ selector, template }: Workload, kind: string): readonly FieldError[] {
  return [...validateWorkloadSelector(selector, template, kind), ...validateTemplate(template, kind)]
}

function validateWorkloadSelector(
  selector: LabelSelector,
  template: PodTemplateSpec,
  kind: string,
): readonly FieldError[] {
  const broken = validateSelector('spec.selector', selector)
  if (broken.length > 0) return broken
  if (requirementsOf(selector).length === 0) {
    return [invalid('spec.selector', selector, `empty selector is invalid for ${kind}`)]
  }
  const labels = template.metadata?.labels ?? {}
  if (matchesLabels(selector, labels)) return []
  return [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]
}

function validateTemplate({ metadata, spec }: PodTemplateSpec, kind: string): readonly FieldError[] {
  return [
    ...validateLabels('spec.template.metadata.labels', metadata?.labels),
    ...validatePodSpec('spec.template.spec', spec),
    ...(spec.restartPolicy === undefined || spec.restartPolicy === 'Always'
      ? []
      : [notSupported('spec.template.spec.restartPolicy', spec.restartPolicy, ['Always'])]),
    ...(spec.activeDeadlineSeconds === undefined
      ? []
      : [forbidden('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in a ${kind} is not supported`)]),
  ]
}

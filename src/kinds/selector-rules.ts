/** Rules for the selectors and labels inside objects. */
import type { LabelSelector, LabelSelectorRequirement } from '../kube/object.ts'
import { labelValueErrors, qualifiedNameErrors } from '../kube/names.ts'
import { checkFormat, forbidden, required } from './field-errors.ts'
import type { FieldError } from './kind.ts'

export function validateSelector(field: string, selector: LabelSelector): readonly FieldError[] {
  return [
    ...validateLabels(`${field}.matchLabels`, selector.matchLabels),
    ...(selector.matchExpressions ?? []).flatMap((one, at) =>
      validateRequirement(`${field}.matchExpressions[${at}]`, one),
    ),
  ]
}

export function validateLabels(field: string, labels: Readonly<Record<string, string>> = {}): readonly FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...checkFormat(field, key, qualifiedNameErrors),
    ...checkFormat(field, value, labelValueErrors),
  ])
}

function validateRequirement(field: string, requirement: LabelSelectorRequirement): readonly FieldError[] {
  const { key, operator, values = [] } = requirement
  const isAboutValues = operator === 'In' || operator === 'NotIn'
  return [
    ...checkFormat(`${field}.key`, key, qualifiedNameErrors),
    ...values.flatMap((value, at) => checkFormat(`${field}.values[${at}]`, value, labelValueErrors)),
    ...(isAboutValues && values.length === 0
      ? [required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'")]
      : []),
    ...(!isAboutValues && values.length > 0
      ? [forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
      : []),
  ]
}

/** Rules for the metadata that all objects have (apimachinery validation). */
import type { FieldError, Kind } from '../../kinds/kind.ts'
import {
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from '../../kube/names.ts'
import type { Check } from '../../kube/names.ts'
import type { ObjectMeta } from '../../kube/object.ts'

const ANNOTATIONS_BYTES_MAX = 256 * 1024

const NAME_CHECKS = {
  'dns-subdomain': dnsSubdomainErrors,
  'dns-label': dnsLabelErrors,
  'dns-1035-label': dns1035LabelErrors,
} as const

export function checkMetadata(kind: Kind, metadata: ObjectMeta): readonly FieldError[] {
  const checkName = NAME_CHECKS[kind.nameFormat ?? 'dns-subdomain']
  return [
    ...invalidValues('metadata.name', metadata.name ?? '', checkName),
    ...checkLabels(metadata.labels ?? {}),
    ...checkAnnotations(metadata.annotations ?? {}),
    ...checkOwners(metadata),
    ...(metadata.finalizers ?? []).flatMap((finalizer) =>
      invalidValues('metadata.finalizers', finalizer, qualifiedNameErrors),
    ),
  ]
}

function checkLabels(labels: Readonly<Record<string, string>>): readonly FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...invalidValues('metadata.labels', key, qualifiedNameErrors),
    ...invalidValues('metadata.labels', value, labelValueErrors),
  ])
}

function checkAnnotations(annotations: Readonly<Record<string, string>>): readonly FieldError[] {
  // Annotation keys may be written in upper case, unlike label prefixes.
  const errors = Object.keys(annotations).flatMap((key) =>
    invalidValues('metadata.annotations', key.toLowerCase(), qualifiedNameErrors),
  )
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  )
  if (size <= ANNOTATIONS_BYTES_MAX) return errors
  const message = `Too long: may not be more than ${ANNOTATIONS_BYTES_MAX} bytes`
  return [...errors, { reason: 'FieldValueTooLong', field: 'metadata.annotations', message }]
}

function checkOwners({ ownerReferences = [] }: ObjectMeta): readonly FieldError[] {
  const errors = ownerReferences.flatMap((owner, index) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((field) => owner[field] === undefined || owner[field] === '')
      .map((field): FieldError => ({
        reason: 'FieldValueInvalid',
        field: `metadata.ownerReferences[${index}].${field}`,
        message: `Invalid value: "": must not be empty`,
      })),
  )
  if (ownerReferences.filter((owner) => owner.controller === true).length <= 1) return errors
  const message = 'Only one reference can have Controller set to true'
  return [...errors, { reason: 'FieldValueInvalid', field: 'metadata.ownerReferences', message }]
}

function invalidValues(field: string, value: string, check: Check): readonly FieldError[] {
  return check(value).map((why) => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
  }))
}

/** Rules of a container's environment. */
import { envNameErrors } from '../../kube/names.ts'
import { checkName, invalid, notSupported, required } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import type { Container, EnvVar } from './types.ts'

export function validateEnv(path: string, env: readonly EnvVar[] = []): readonly FieldError[] {
  return env.flatMap((one, at) => [
    ...checkName(`${path}[${at}].name`, one.name, envNameErrors),
    ...validateSource(`${path}[${at}].valueFrom`, one),
  ])
}

function validateSource(path: string, { value = '', valueFrom }: EnvVar): readonly FieldError[] {
  if (valueFrom === undefined) return []
  const given = Object.values(valueFrom).filter((source) => source !== undefined)
  if (given.length === 0) {
    return [
      invalid(
        path,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
    ]
  }
  return [
    ...(value === '' ? [] : [invalid(path, '', 'may not be specified when `value` is not empty')]),
    ...(given.length > 1 ? [invalid(path, '', 'may not have more than one field specified at a time')] : []),
    ...(valueFrom.fieldRef === undefined ? [] : validateFieldPath(`${path}.fieldRef.fieldPath`, valueFrom.fieldRef)),
  ]
}

const FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]

function validateFieldPath(field: string, { fieldPath }: { readonly fieldPath: string }): readonly FieldError[] {
  if (fieldPath === '') return [required(field)]
  const isEntry = /^metadata\.(?:labels|annotations)\['[^']+'\]$/.test(fieldPath)
  return isEntry || FIELD_PATHS.includes(fieldPath) ? [] : [notSupported(field, fieldPath, FIELD_PATHS)]
}

export function validateEnvFrom(path: string, sources: Container['envFrom'] = []): readonly FieldError[] {
  return sources.flatMap(({ configMapRef, secretRef }, at) => {
    const field = `${path}[${at}]`
    if (configMapRef !== undefined && secretRef !== undefined) {
      return [invalid(field, '', 'may not have more than one field specified at a time')]
    }
    const source = configMapRef ?? secretRef
    if (source === undefined) return [invalid(field, '', 'must specify one of: `configMapRef` or `secretRef`')]
    const name = configMapRef === undefined ? 'secretRef' : 'configMapRef'
    return source.name === undefined || source.name === '' ? [required(`${field}.${name}.name`)] : []
  })
}

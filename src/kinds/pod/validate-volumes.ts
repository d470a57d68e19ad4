/** Rules of a pod's volumes. */
import { dnsLabelErrors } from '../../kube/names.ts'
import { checkDistinct, checkName, forbidden, invalid, required } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import type { PodSpec } from './types.ts'

type Volume = NonNullable<PodSpec['volumes']>[number]

export function validateVolumes(path: string, volumes: readonly Volume[]): readonly FieldError[] {
  return [
    ...volumes.flatMap((volume, at) => validateVolume(`${path}[${at}]`, volume)),
    ...checkDistinct(volumes.map(({ name }, at) => ({ field: `${path}[${at}].name`, value: name }))),
  ]
}

function validateVolume(path: string, { name, ...sources }: Volume): readonly FieldError[] {
  const given = Object.keys(sources)
  return [
    ...checkName(`${path}.name`, name, dnsLabelErrors),
    ...(given.length === 0 ? [required(path, 'must specify a volume type')] : []),
    ...given.slice(1).map((source) => forbidden(`${path}.${source}`, 'may not specify more than 1 volume type')),
    ...validateSources(path, sources),
  ]
}

const FILE_MODE_MAX = 0o777

function validateSources(path: string, { configMap, secret, hostPath }: Omit<Volume, 'name'>): readonly FieldError[] {
  return [
    ...(configMap !== undefined && (configMap.name ?? '') === '' ? [required(`${path}.configMap.name`)] : []),
    ...(secret !== undefined && (secret.secretName ?? '') === '' ? [required(`${path}.secret.secretName`)] : []),
    ...(hostPath !== undefined && hostPath.path === '' ? [required(`${path}.hostPath.path`)] : []),
    ...validateMode(`${path}.configMap.defaultMode`, configMap?.defaultMode),
    ...validateMode(`${path}.secret.defaultMode`, secret?.defaultMode),
  ]
}

function validateMode(field: string, mode = 0): readonly FieldError[] {
  const isRight = mode >= 0 && mode <= FILE_MODE_MAX
  return isRight ? [] : [invalid(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]
}

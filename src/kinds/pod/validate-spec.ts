/** Rules of a pod spec: of pods and of templates. */
import { dnsLabelErrors, dnsSubdomainErrors, ipFamilyOf } from '../../kube/names.ts'
import { checkAtLeast, checkDistinct, checkFormat, invalid, required } from '../field-errors.ts'
import type { FieldError } from '../kind.ts'
import type { PodSpec } from './types.ts'
import { validateContainer } from './validate-container.ts'
import { validateVolumes } from './validate-volumes.ts'

export function validatePodSpec(path: string, spec: PodSpec): readonly FieldError[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name))
  const containers = named(`${path}.containers`, spec.containers)
  const initContainers = named(`${path}.initContainers`, spec.initContainers ?? [])
  return [
    ...validateVolumes(`${path}.volumes`, spec.volumes ?? []),
    ...(spec.containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...containers.flatMap(({ field, item }) => validateContainer(field, item, { volumes, isInit: false })),
    ...initContainers.flatMap(({ field, item }) => validateContainer(field, item, { volumes, isInit: true })),
    ...checkDistinct(
      [...containers, ...initContainers].map(({ field, item }) => ({ field: `${field}.name`, value: item.name })),
    ),
    ...checkAtLeast(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds, 0),
    ...checkAtLeast(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1),
    ...validateNames(path, spec),
    ...validateTolerations(`${path}.tolerations`, spec.tolerations),
  ]
}

function named<T>(path: string, items: readonly T[]): readonly { readonly field: string; readonly item: T }[] {
  return items.map((item, at) => ({ field: `${path}[${at}]`, item }))
}

function validateNames(path: string, spec: PodSpec): readonly FieldError[] {
  const { hostname, subdomain, nodeName, serviceAccountName, hostAliases = [] } = spec
  return [
    ...(hostname === undefined ? [] : checkFormat(`${path}.hostname`, hostname, dnsLabelErrors)),
    ...(subdomain === undefined ? [] : checkFormat(`${path}.subdomain`, subdomain, dnsLabelErrors)),
    ...(nodeName === undefined ? [] : checkFormat(`${path}.nodeName`, nodeName, dnsSubdomainErrors)),
    ...(serviceAccountName === undefined
      ? []
      : checkFormat(`${path}.serviceAccountName`, serviceAccountName, dnsSubdomainErrors)),
    ...hostAliases.flatMap(({ ip }, at) =>
      ipFamilyOf(ip) === undefined ? [invalid(`${path}.hostAliases[${at}].ip`, ip, 'must be a valid IP address')] : [],
    ),
  ]
}

function validateTolerations(path: string, tolerations: PodSpec['tolerations'] = []): readonly FieldError[] {
  return tolerations.flatMap(({ key, operator = 'Equal', value = '' }, at) => {
    if (operator === 'Exists' && value !== '') {
      return [invalid(`${path}[${at}].operator`, value, "value must be empty when `operator` is 'Exists'")]
    }
    const isForAll = key === undefined || key === ''
    return isForAll && operator !== 'Exists'
      ? [invalid(`${path}[${at}].operator`, operator, 'operator must be Exists when `key` is empty')]
      : []
  })
}

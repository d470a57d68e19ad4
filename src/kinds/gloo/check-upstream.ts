/** What is wrong with an Upstream as it stands, whatever else exists. */
import { parseDurationMs } from '../../base/duration.ts'
import type { FieldError } from '../kind.ts'
import { checkPort, duplicate, exactlyOne, given, invalid, notSupported, required } from './field-errors.ts'
import { FALLBACK_POLICIES, fallbackPolicy } from './fallback.ts'
import type { KubeUpstream, StaticUpstream, SubsetSpec, Upstream } from './upstream-schema.ts'

const TYPES = ['kube', 'static', 'pipe', 'consul', 'aws', 'awsEc2', 'azure', 'gcp', 'ai'] as const

export function upstreamErrors({ spec }: Upstream): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  const timeout = spec.connectionConfig?.connectTimeout
  return [
    ...exactlyOne('spec', given(spec, TYPES), TYPES),
    ...(spec.kube === undefined ? [] : checkKube('spec.kube', spec.kube)),
    ...(spec.static === undefined ? [] : checkStatic('spec.static', spec.static)),
    ...(timeout === undefined || parseDurationMs(timeout) !== undefined
      ? []
      : [invalid('spec.connectionConfig.connectTimeout', timeout, 'must be a duration, such as 5s')]),
  ]
}

function checkKube(
  path: string,
  { serviceName, serviceNamespace, servicePort, subsetSpec }: KubeUpstream,
): FieldError[] {
  return [
    ...(serviceName === undefined || serviceName === '' ? [required(`${path}.serviceName`)] : []),
    ...(serviceNamespace === undefined || serviceNamespace === '' ? [required(`${path}.serviceNamespace`)] : []),
    ...checkPort(`${path}.servicePort`, servicePort),
    ...(subsetSpec === undefined ? [] : checkSubsets(`${path}.subsetSpec`, subsetSpec)),
  ]
}

function checkSubsets(path: string, { selectors, fallbackPolicy: policy, defaultSubset }: SubsetSpec): FieldError[] {
  const kind = fallbackPolicy(policy)
  const hasDefault = Object.keys(defaultSubset?.values ?? {}).length > 0
  return [
    ...(kind === undefined ? [notSupported(`${path}.fallbackPolicy`, policy, FALLBACK_POLICIES)] : []),
    ...(kind === 'DEFAULT_SUBSET' && !hasDefault
      ? [required(`${path}.defaultSubset.values`, 'fallbackPolicy is DEFAULT_SUBSET')]
      : []),
    ...(selectors ?? []).flatMap(({ keys }, index) => checkKeys(`${path}.selectors[${index}].keys`, keys ?? [])),
  ]
}

function checkKeys(path: string, keys: readonly string[]): FieldError[] {
  if (keys.length === 0) return [required(path, 'at least one label key')]
  return keys.flatMap((key, index) => {
    if (key === '') return [required(`${path}[${index}]`)]
    return keys.indexOf(key) === index ? [] : [duplicate(`${path}[${index}]`, key)]
  })
}

function checkStatic(path: string, { hosts = [] }: StaticUpstream): FieldError[] {
  if (hosts.length === 0) return [required(`${path}.hosts`, 'at least one host')]
  return hosts.flatMap(({ addr, port, loadBalancingWeight = 1 }, index) => [
    ...(addr === undefined || addr === '' ? [required(`${path}.hosts[${index}].addr`)] : []),
    ...checkPort(`${path}.hosts[${index}].port`, port),
    ...(loadBalancingWeight < 1
      ? [invalid(`${path}.hosts[${index}].loadBalancingWeight`, loadBalancingWeight, 'must be at least 1')]
      : []),
  ])
}

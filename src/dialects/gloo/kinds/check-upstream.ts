/** What is wrong with an Upstream as it stands, whatever else exists. */
import { parseDurationMs } from '../../../base/duration.ts'
import type { FieldError } from '../../../kinds/kind.ts'
import {
  atMostOne,
  checkPort,
  duplicate,
  exactlyOne,
  given,
  invalid,
  notSupported,
  required,
} from '../../../kinds/field-errors.ts'
import { checkTls } from './upstream-tls.ts'
import { FALLBACK_POLICIES, fallbackPolicy } from './fallback.ts'
import type { KubeUpstream, StaticUpstream, SubsetSpec, Upstream, UpstreamSpec } from './upstream-schema.ts'

const WEIGHT_MAX = 1_000_000
const TYPES = ['kube', 'static', 'pipe', 'consul', 'aws', 'awsEc2', 'azure', 'gcp', 'ai'] as const
const BALANCES = ['roundRobin', 'leastRequest', 'random', 'ringHash', 'maglev'] as const

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
    ...checkCounts('spec.circuitBreakers', spec.circuitBreakers ?? {}),
    ...checkCounts('spec.connectionConfig', spec.connectionConfig ?? {}),
    ...checkLoadBalancer('spec.loadBalancerConfig', spec.loadBalancerConfig ?? {}),
    ...checkTls(spec),
    ...checkHealthChecks(spec),
    ...checkOutlierDetection('spec.outlierDetection', spec.outlierDetection ?? {}),
  ]
}

type Fields = Readonly<Partial<Record<string, unknown>>>

function checkCounts(path: string, object: Fields): FieldError[] {
  return Object.entries(object).flatMap(([name, value]) =>
    typeof value === 'number' && value < 0 ? [invalid(`${path}.${name}`, value, 'must not be negative')] : [],
  )
}

function checkDurations(path: string, durations: Readonly<Record<string, string | undefined>>): FieldError[] {
  return Object.entries(durations).flatMap(([name, text]) =>
    text === undefined || (parseDurationMs(text) ?? 0) > 0
      ? []
      : [invalid(`${path}.${name}`, text, 'must be a duration above 0, such as 10s')],
  )
}

function checkLoadBalancer(path: string, config: NonNullable<UpstreamSpec['loadBalancerConfig']>): FieldError[] {
  return [
    ...atMostOne(path, given(config, BALANCES)),
    ...(['roundRobin', 'leastRequest'] as const).flatMap((kind) => {
      const { slowStartWindow, aggression = 1, minWeightPercent = 0 } = config[kind]?.slowStartConfig ?? {}
      const at = `${path}.${kind}.slowStartConfig`
      return [
        ...checkDurations(at, { slowStartWindow }),
        ...(aggression > 0 ? [] : [invalid(`${at}.aggression`, aggression, 'must be above 0')]),
        ...(minWeightPercent >= 0 && minWeightPercent <= 100
          ? []
          : [invalid(`${at}.minWeightPercent`, minWeightPercent, 'must be from 0 to 100')]),
      ]
    }),
  ]
}

function checkHealthChecks({ healthChecks = [] }: UpstreamSpec): FieldError[] {
  return healthChecks.flatMap(
    ({ timeout, interval, healthyThreshold = 1, unhealthyThreshold = 1, ...check }, index) => {
      const path = `spec.healthChecks[${index}]`
      const asked = check.httpHealthCheck?.path ?? '/'
      return [
        ...checkDurations(path, { timeout, interval }),
        ...Object.entries({ healthyThreshold, unhealthyThreshold }).flatMap(([name, value]) =>
          value < 1 ? [invalid(`${path}.${name}`, value, 'must be at least 1')] : [],
        ),
        ...(/^\/[!-~]*$/.test(asked) ? [] : [invalid(`${path}.httpHealthCheck.path`, asked, 'must be a path')]),
        ...(/^[!-~]*$/.test(check.httpHealthCheck?.host ?? '')
          ? []
          : [invalid(`${path}.httpHealthCheck.host`, check.httpHealthCheck?.host, 'must be a host')]),
        ...(/^[!-~]*$/.test(check.grpcHealthCheck?.authority ?? '')
          ? []
          : [invalid(`${path}.grpcHealthCheck.authority`, check.grpcHealthCheck?.authority, 'must be a host')]),
      ]
    },
  )
}

function checkOutlierDetection(path: string, object: NonNullable<UpstreamSpec['outlierDetection']>): FieldError[] {
  const { maxEjectionPercent = 0, interval, baseEjectionTime } = object
  return [
    ...checkCounts(path, object),
    ...(maxEjectionPercent > 100
      ? [invalid(`${path}.maxEjectionPercent`, maxEjectionPercent, 'must be from 0 to 100')]
      : []),
    ...checkDurations(path, { interval, baseEjectionTime }),
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
  const seen = new Set<string>()
  return keys.flatMap((key, index) => {
    if (key === '') return [required(`${path}[${index}]`)]
    const isAgain = seen.has(key)
    seen.add(key)
    return isAgain ? [duplicate(`${path}[${index}]`, key)] : []
  })
}

function checkStatic(path: string, { hosts = [] }: StaticUpstream): FieldError[] {
  if (hosts.length === 0) return [required(`${path}.hosts`, 'at least one host')]
  return hosts.flatMap(({ addr, port, loadBalancingWeight = 1 }, index) => [
    ...(addr === undefined || addr === '' ? [required(`${path}.hosts[${index}].addr`)] : []),
    ...checkPort(`${path}.hosts[${index}].port`, port),
    ...(loadBalancingWeight < 1 || loadBalancingWeight > WEIGHT_MAX
      ? [invalid(`${path}.hosts[${index}].loadBalancingWeight`, loadBalancingWeight, `must be from 1 to ${WEIGHT_MAX}`)]
      : []),
  ])
}

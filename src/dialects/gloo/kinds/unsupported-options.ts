/** Fields and values within options that Sluice knows and does not act on; see `unsupported.ts`. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import { given } from '../../../kinds/field-errors.ts'
import { ignored, noEffect, refusal, refused } from './findings.ts'
import { headerText, retryConditions, shareOfPercentage, usedHashPolicy } from './option-values.ts'
import type {
  Faults,
  HashPolicy,
  HeaderManipulation,
  HeaderToAdd,
  Retries,
  RouteOptions,
  Shadowing,
  Upgrade,
  VirtualHostOptions,
} from './options-schema.ts'
import type { Route } from './virtual-service-schema.ts'

const HOST_REWRITES = ['hostRewrite', 'autoHostRewrite'] as const

export function unsupportedInHostOptions(path: string, options: VirtualHostOptions): readonly Diagnostic[] {
  return [
    ...inShared(path, options),
    ...(options.cors?.disableForRoute === true
      ? [noEffect(`${path}.cors.disableForRoute`, 'disableForRoute', 'it is for the options of a route')]
      : []),
  ]
}

export function unsupportedInRouteOptions(path: string, { options = {}, matchers = [] }: Route): readonly Diagnostic[] {
  const matchesConnect = matchers.some(({ connectMatcher }) => connectMatcher !== undefined)
  const { faults, regexRewrite, shadowing, lbHash, upgrades = [] } = options
  return [
    ...inShared(path, options),
    ...inEmptyRewrites(path, options),
    ...(faults === undefined ? [] : inFaults(`${path}.faults`, faults)),
    ...ignored(`${path}.regexRewrite.pattern.googleRe2`, fieldsOf(regexRewrite?.pattern?.googleRe2), [
      'maxProgramSize',
    ]),
    ...(shadowing === undefined ? [] : inShadowing(`${path}.shadowing`, shadowing)),
    ...inHashPolicies(`${path}.lbHash.hashPolicies`, lbHash?.hashPolicies ?? []),
    ...upgrades.flatMap((upgrade, index) => inUpgrade(`${path}.upgrades[${index}]`, upgrade, matchesConnect)),
    ...inForwardedHost(path, options),
  ]
}

/** In Gloo and Envoy an empty text is no rewrite. */
function inEmptyRewrites(path: string, { prefixRewrite, hostRewrite }: RouteOptions): Diagnostic[] {
  const cure = 'an empty text rewrites nothing. Write / to cut the prefix off'
  return [
    ...(prefixRewrite === '' ? [noEffect(`${path}.prefixRewrite`, 'prefixRewrite', cure)] : []),
    ...(hostRewrite === '' ? [noEffect(`${path}.hostRewrite`, 'hostRewrite', 'an empty text rewrites nothing')] : []),
  ]
}

/** Of a route, a virtual host or a weighted destination. `path` is that of the options. */
export function unsupportedInHeaders(
  path: string,
  { headerManipulation }: Pick<VirtualHostOptions, 'headerManipulation'>,
): readonly Diagnostic[] {
  return headerManipulation === undefined ? [] : inHeaders(`${path}.headerManipulation`, headerManipulation)
}

function inShared(path: string, options: VirtualHostOptions): Diagnostic[] {
  const { retries } = options
  return [
    ...unsupportedInHeaders(path, options),
    ...(retries === undefined ? [] : inRetries(`${path}.retries`, retries)),
  ]
}

function inHeaders(path: string, headers: HeaderManipulation): Diagnostic[] {
  return (['requestHeadersToAdd', 'responseHeadersToAdd'] as const).flatMap((list) =>
    (headers[list] ?? []).flatMap((header, index) => inAdded(`${path}.${list}[${index}]`, header)),
  )
}

/** As in Envoy, which would send what a variable stands for, and adds no header without a value. */
function inAdded(path: string, added: HeaderToAdd): Diagnostic[] {
  const field = `${path}.header.value`
  const { key = '', value = '' } = added.header ?? {}
  const text = headerText(value)
  return [
    ...refused(path, added, ['headerSecretRef']),
    ...(text.kind === 'variable' ? [refusal(field, text.variable)] : []),
    ...(added.header !== undefined && value === '' ? [noEffect(field, key, 'without a value it is not added')] : []),
  ]
}

function inRetries(path: string, retries: Retries): Diagnostic[] {
  const { known, unknown } = retryConditions(retries.retryOn)
  const { retriableStatusCodes = [] } = retries
  const lacksCondition = retriableStatusCodes.length > 0 && !known.includes('retriable-status-codes')
  return [
    ...unknown.map((name) =>
      noEffect(`${path}.retryOn`, name, 'Sluice has no such condition; nothing is tried again for it'),
    ),
    ...(known.length === 0 ? [noEffect(path, 'retries', 'retryOn names no condition that Sluice has')] : []),
    ...(lacksCondition
      ? [
          noEffect(
            `${path}.retriableStatusCodes`,
            'retriableStatusCodes',
            'retryOn does not name retriable-status-codes',
          ),
        ]
      : []),
    ...ignored(path, retries, ['previousPriorities', 'rateLimitedRetryBackOff']),
  ]
}

function inFaults(path: string, faults: Faults): Diagnostic[] {
  return given(faults, ['abort', 'delay']).flatMap((kind) =>
    inPercentage(`${path}.${kind}.percentage`, kind, faults[kind]?.percentage),
  )
}

function inPercentage(field: string, what: string, percentage = 0): Diagnostic[] {
  if (shareOfPercentage(percentage) > 0) return []
  const why = percentage === 0 ? 'its percentage is 0, which is the default' : 'its share is below a millionth'
  return [noEffect(field, what, why)]
}

function inShadowing(path: string, shadowing: Shadowing): Diagnostic[] {
  return [
    ...inPercentage(`${path}.percentage`, 'shadowing', shadowing.percentage),
    ...(shadowing.disableShadowHostSuffixAppend === true
      ? ignored(path, shadowing, ['disableShadowHostSuffixAppend'])
      : []),
    ...ignored(path, shadowing, ['hostRewriteLiteral']),
  ]
}

/** Envoy puts the hashes of all policies together, up to a terminal one that finds a key. */
function inHashPolicies(path: string, policies: readonly HashPolicy[]): Diagnostic[] {
  const used = usedHashPolicy(policies)
  return policies.flatMap((policy, index) => {
    if (index === used) return []
    const field = `${path}[${index}]`
    if (policy.cookie !== undefined && policy.cookie.ttl === undefined) {
      const why = 'Sluice hashes only cookies that it sets itself. Give it a ttl; 0s sets it for the session'
      return [noEffect(`${field}.cookie`, `cookie "${policy.cookie.name ?? ''}"`, why)]
    }
    if (policy.sourceIp === false) return [noEffect(field, 'sourceIp', 'it is false')]
    return [noEffect(field, `hashPolicies[${index}]`, `requests are hashed by one thing, hashPolicies[${used}]`)]
  })
}

/** A tunnel is opened where it is asked for and `CONNECT` is matched. */
export function opensTunnel({ connectTerminate }: Upgrade): boolean {
  return connectTerminate !== undefined && connectTerminate.enabled !== false
}

/** WebSockets and other upgrades are on for every route. */
function inUpgrade(path: string, upgrade: Upgrade, matchesConnect: boolean): Diagnostic[] {
  const { websocket, connect } = upgrade
  return [
    ...(websocket?.enabled === false ? [refusal(`${path}.websocket.enabled`, 'websocket: { enabled: false }')] : []),
    ...(connect !== undefined && connect.enabled !== false ? ignored(path, { connect }, ['connect']) : []),
    ...(opensTunnel(upgrade) && !matchesConnect
      ? [noEffect(`${path}.connectTerminate`, 'connectTerminate', 'no matcher of the route is a connectMatcher')]
      : []),
  ]
}

function inForwardedHost(path: string, options: RouteOptions): Diagnostic[] {
  const { appendXForwardedHost } = options
  const field = `${path}.appendXForwardedHost`
  if (appendXForwardedHost === undefined) return []
  if (given(options, HOST_REWRITES).length === 0) {
    return [noEffect(field, 'appendXForwardedHost', 'the host is not rewritten')]
  }
  if (appendXForwardedHost) return []
  return [noEffect(field, 'appendXForwardedHost: false', "the client's host is always told in x-forwarded-host")]
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

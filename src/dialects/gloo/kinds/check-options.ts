/** What is wrong with the options of a route or a virtual host. */
import { parseDurationMs } from '../../../base/duration.ts'
import type { FieldError } from '../../../kinds/kind.ts'
import {
  atMostOne,
  checkRegex,
  exactlyOne,
  given,
  invalid,
  notSupported,
  required,
} from '../../../kinds/field-errors.ts'
import { checkHeaderManipulation, isFieldName, isFieldValue } from './check-headers.ts'
import { MERGE_STRATEGIES, maxAgeSeconds, mergeStrategy, textList } from './option-values.ts'
import type {
  Cors,
  Faults,
  HashPolicy,
  Retries,
  RouteOptions,
  Shadowing,
  VirtualHostOptions,
} from './options-schema.ts'

/** More would only hide an outage, and multiply it. */
const RETRIES_MAX = 100
/** About 400 days, beyond which browsers shorten it (RFC 6265bis). */
const COOKIE_TTL_MS_MAX = 34_560_000_000

const HOST_REWRITES = ['hostRewrite', 'autoHostRewrite', 'hostRewritePathRegex', 'hostRewriteHeader'] as const
const HASH_KEYS = ['header', 'cookie', 'sourceIp'] as const

export function checkRouteOptions(path: string, options: RouteOptions, host: VirtualHostOptions): FieldError[] {
  const { timeout, idleTimeout, hostRewrite, regexRewrite, faults, shadowing, lbHash, upgrades = [] } = options
  return [
    ...checkShared(path, options),
    ...checkDuration(`${path}.timeout`, timeout),
    ...checkDuration(`${path}.idleTimeout`, idleTimeout),
    ...atMostOne(path, given(options, HOST_REWRITES)),
    ...atMostOne(path, given(options, ['prefixRewrite', 'regexRewrite'])),
    ...(hostRewrite === undefined || /^[\w.:[\]-]*$/.test(hostRewrite)
      ? []
      : [invalid(`${path}.hostRewrite`, hostRewrite, 'must be a host name, with or without a port')]),
    ...(regexRewrite === undefined
      ? []
      : checkPattern(`${path}.regexRewrite.pattern.regex`, regexRewrite.pattern?.regex)),
    ...(faults === undefined ? [] : checkFaults(`${path}.faults`, faults)),
    ...(shadowing === undefined ? [] : checkShadowing(`${path}.shadowing`, shadowing)),
    ...(lbHash?.hashPolicies ?? []).flatMap((policy, index) =>
      checkHashPolicy(`${path}.lbHash.hashPolicies[${index}]`, policy),
    ),
    ...upgrades.flatMap((upgrade, index) => {
      const kinds = ['websocket', 'connect', 'connectTerminate'] as const
      return exactlyOne(`${path}.upgrades[${index}]`, given(upgrade, kinds), kinds)
    }),
    ...(options.cors === undefined ? [] : checkOrigins(`${path}.cors`, options.cors, host.cors)),
  ]
}

export function checkVirtualHostOptions(path: string, options: VirtualHostOptions): FieldError[] {
  const strategy = options.corsPolicyMergeSettings?.exposeHeaders
  return [
    ...checkShared(path, options),
    ...(options.cors === undefined ? [] : checkOrigins(`${path}.cors`, options.cors)),
    ...(mergeStrategy(strategy) === undefined
      ? [notSupported(`${path}.corsPolicyMergeSettings.exposeHeaders`, strategy, MERGE_STRATEGIES)]
      : []),
  ]
}

function checkShared(path: string, { headerManipulation, retries, cors }: VirtualHostOptions): FieldError[] {
  return [
    ...checkHeaderManipulation(`${path}.headerManipulation`, headerManipulation),
    ...(retries === undefined ? [] : checkRetries(`${path}.retries`, retries)),
    ...(cors === undefined ? [] : checkCors(`${path}.cors`, cors)),
  ]
}

function checkRetries(path: string, retries: Retries): FieldError[] {
  const { numRetries = 1, perTryTimeout, retryBackOff = {}, retriableStatusCodes = [] } = retries
  const { baseInterval, maxInterval } = retryBackOff
  const isReversed = (parseDurationMs(baseInterval ?? '') ?? 0) > (parseDurationMs(maxInterval ?? '') ?? Infinity)
  return [
    ...(numRetries < 0 || numRetries > RETRIES_MAX
      ? [invalid(`${path}.numRetries`, numRetries, `must be from 0 to ${RETRIES_MAX}`)]
      : []),
    ...checkDuration(`${path}.perTryTimeout`, perTryTimeout),
    ...checkAboveZero(`${path}.retryBackOff.baseInterval`, baseInterval),
    ...checkAboveZero(`${path}.retryBackOff.maxInterval`, maxInterval),
    ...(maxInterval !== undefined && baseInterval === undefined
      ? [required(`${path}.retryBackOff.baseInterval`, 'there is a maxInterval')]
      : []),
    ...(isReversed
      ? [invalid(`${path}.retryBackOff.maxInterval`, maxInterval, 'must not be below the baseInterval')]
      : []),
    ...retriableStatusCodes.flatMap((status, index) => checkStatus(`${path}.retriableStatusCodes[${index}]`, status)),
  ]
}

function checkCors(path: string, { allowOriginRegex = [], maxAge, ...cors }: Cors): FieldError[] {
  const lists = (['allowMethods', 'allowHeaders', 'exposeHeaders'] as const).flatMap((list) =>
    textList(cors[list])
      .filter((name) => !isFieldName(name))
      .map((name) => invalid(`${path}.${list}`, name, 'must be names, such as they stand in HTTP')),
  )
  return [
    ...allowOriginRegex.flatMap((regex, index) => checkPattern(`${path}.allowOriginRegex[${index}]`, regex)),
    ...lists,
    ...(maxAge === undefined || maxAge === '' || maxAgeSeconds(maxAge) !== undefined
      ? []
      : [invalid(`${path}.maxAge`, maxAge, 'must be seconds, such as 86400, or a duration, such as 24h')]),
  ]
}

/** A policy without origins allows nobody. What a route leaves out it has from the virtual host. */
function checkOrigins(path: string, cors: Cors, inherited?: Cors): FieldError[] {
  const count = [cors, inherited ?? {}].flatMap(({ allowOrigin = [], allowOriginRegex = [] }) => [
    ...allowOrigin,
    ...allowOriginRegex,
  ]).length
  return count > 0 || cors.disableForRoute === true ? [] : [required(`${path}.allowOrigin`, 'or allowOriginRegex')]
}

function checkFaults(path: string, { abort, delay }: Faults): FieldError[] {
  return [
    ...checkPercentage(`${path}.abort.percentage`, abort?.percentage),
    ...(abort === undefined ? [] : checkStatus(`${path}.abort.httpStatus`, abort.httpStatus)),
    ...checkPercentage(`${path}.delay.percentage`, delay?.percentage),
    ...checkAboveZero(`${path}.delay.fixedDelay`, delay?.fixedDelay),
    ...(delay !== undefined && delay.fixedDelay === undefined ? [required(`${path}.delay.fixedDelay`)] : []),
  ]
}

function checkShadowing(path: string, { upstream, percentage, hostRewriteLiteral }: Shadowing): FieldError[] {
  return [
    ...((upstream?.name ?? '') === '' ? [required(`${path}.upstream.name`)] : []),
    ...checkPercentage(`${path}.percentage`, percentage),
    ...(isFieldValue(hostRewriteLiteral ?? '')
      ? []
      : [invalid(`${path}.hostRewriteLiteral`, hostRewriteLiteral, 'must be a host')]),
  ]
}

function checkHashPolicy(path: string, policy: HashPolicy): FieldError[] {
  const { header, cookie } = policy
  const ttlMs = parseDurationMs(cookie?.ttl ?? '') ?? 0
  const isPath = /^(\/[ !-:<-~]*)?$/.test(cookie?.path ?? '')
  return [
    ...exactlyOne(path, given(policy, HASH_KEYS), HASH_KEYS),
    ...(header === undefined || isFieldName(header)
      ? []
      : [invalid(`${path}.header`, header, 'must be the name of a header')]),
    ...(cookie === undefined || isFieldName(cookie.name ?? '')
      ? []
      : [invalid(`${path}.cookie.name`, cookie.name, 'must be the name of a cookie')]),
    ...checkDuration(`${path}.cookie.ttl`, cookie?.ttl),
    ...(ttlMs > COOKIE_TTL_MS_MAX
      ? [invalid(`${path}.cookie.ttl`, cookie?.ttl, 'must not be above 9600h: browsers keep no cookie for longer')]
      : []),
    ...(isPath ? [] : [invalid(`${path}.cookie.path`, cookie?.path, 'must be a path')]),
  ]
}

function checkPattern(field: string, pattern = ''): FieldError[] {
  return pattern === '' ? [required(field, 'an RE2 regular expression')] : checkRegex(field, pattern)
}

function checkStatus(field: string, status: number | undefined): FieldError[] {
  if (status === undefined) return [required(field)]
  return status >= 200 && status <= 599 ? [] : [invalid(field, status, 'must be between 200 and 599, inclusive')]
}

function checkPercentage(field: string, percentage = 0): FieldError[] {
  return percentage >= 0 && percentage <= 100 ? [] : [invalid(field, percentage, 'must be from 0 to 100')]
}

function checkDuration(field: string, text: string | undefined): FieldError[] {
  if (text === undefined || parseDurationMs(text) !== undefined) return []
  return [invalid(field, text, 'must be a duration, such as 15s or 500ms; 0s disables')]
}

function checkAboveZero(field: string, text: string | undefined): FieldError[] {
  if (text === undefined || (parseDurationMs(text) ?? 0) > 0) return []
  return [invalid(field, text, 'must be a duration above 0, such as 500ms')]
}

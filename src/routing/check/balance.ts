/** Whether requests can be spread as a cluster or a route asks for. */
import type { Cluster } from '../cluster-model.ts'
import type { HashKey, Route } from '../route-model.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

const ENDPOINT_WEIGHT_MAX = 1_000_000
/** Tables for hashing are made for so many at most. */
const HASHED_ENDPOINTS_MAX = 10_000
/** About 400 days, beyond which browsers shorten it (RFC 6265bis). */
const COOKIE_TTL_SECONDS_MAX = 34_560_000
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What may stand in the attribute of a cookie. */
const COOKIE_PATH = /^(\/[ !-:<-~]*)?$/

/** What of its requests a route goes by. */
export function checkKeys({ id, action }: Route, path: string): Problem[] {
  if (action.kind !== 'forward') return []
  const { affinity, hashKey } = action
  return [
    ...(affinity === undefined
      ? []
      : checkKey(`the split of route "${id}"`, affinity.key, `${path}.action.affinity.key`)),
    ...(hashKey === undefined ? [] : checkKey(`route "${id}"`, hashKey, `${path}.action.hashKey`)),
  ]
}

export function checkBalance({ name, balance, endpoints }: Cluster, path: string): Problem[] {
  const weights = endpoints.flatMap(({ address, port, weight = 1 }, index) =>
    when(!Number.isInteger(weight) || weight < 1 || weight > ENDPOINT_WEIGHT_MAX, {
      code: 'bad-weight',
      path: `${path}.endpoints[${index}].weight`,
      message: `Cannot give endpoint "${address}:${port}" of cluster "${name}" weight ${weight}: it is not a whole number from 1 to ${ENDPOINT_WEIGHT_MAX}`,
    }),
  )
  if (balance === undefined || !('key' in balance)) return weights
  return [
    ...weights,
    ...checkKey(`cluster "${name}"`, balance.key, `${path}.balance.key`),
    ...when(endpoints.length > HASHED_ENDPOINTS_MAX, {
      code: 'too-many-endpoints',
      path: `${path}.endpoints`,
      message: `Cannot balance cluster "${name}" by hash: it has ${endpoints.length} endpoints, more than ${HASHED_ENDPOINTS_MAX}`,
    }),
  ]
}

function checkKey(what: string, key: HashKey, path: string): Problem[] {
  if (key.kind === 'source-address') return []
  const isName = key.kind === 'query' ? key.name !== '' : TOKEN.test(key.name)
  const wanted = key.kind === 'query' ? 'it is empty' : 'it is not a name as HTTP has them'
  return [
    ...when(!isName, {
      code: 'bad-hash-key',
      path: `${path}.name`,
      message: `Cannot use ${key.kind} "${key.name}" as the key of ${what}: ${wanted}`,
    }),
    ...when(key.kind === 'header' && key.name !== key.name.toLowerCase(), {
      code: 'bad-hash-key',
      path: `${path}.name`,
      message: `Cannot use header "${key.name}" as the key of ${what}: write it in lower case`,
    }),
    ...(key.kind === 'cookie' ? checkCookie(what, key, path) : []),
  ]
}

function checkCookie(what: string, key: Extract<HashKey, { kind: 'cookie' }>, path: string): Problem[] {
  const { name, ttlSeconds } = key
  const isTtl = Number.isInteger(ttlSeconds) && ttlSeconds >= 0 && ttlSeconds <= COOKIE_TTL_SECONDS_MAX
  return [
    ...when(!isTtl, {
      code: 'bad-cookie',
      path: `${path}.ttlSeconds`,
      message: `Cannot keep cookie "${name}" of ${what} for ${ttlSeconds} s: it is not a whole number from 0 to ${COOKIE_TTL_SECONDS_MAX}`,
    }),
    ...when(!COOKIE_PATH.test(key.path), {
      code: 'bad-cookie',
      path: `${path}.path`,
      message: `Cannot set cookie "${name}" of ${what} for path ${JSON.stringify(key.path)}: it is not a path`,
    }),
  ]
}

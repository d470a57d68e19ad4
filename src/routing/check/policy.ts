/** Whether the policy of a route can be carried out, and whether what it puts onto the wire may stand there. */
import type {
  CorsPolicy,
  Fault,
  HeaderEdits,
  HeaderValue,
  PathRewrite,
  RetryPolicy,
  RoutePolicy,
} from '../policy-model.ts'
import type { ForwardAction, Route } from '../route-model.ts'
import { regexProblem } from '../regex.ts'
import { substitutionProblem } from '../rewrite.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What may stand in a field value: no control characters but the tab, nothing beyond latin1. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** What may stand in the path of a request line: visible ASCII, no query, no fragment. */
const PATH_TEXT = /^[!"$->@-~]*$/
const AUTHORITY = /^[!"$-.0-;=A-~]*$/

/** The longest delay of a timer. */
const DURATION_MS_MAX = 2_147_483_647
/** More would only hide an outage, and multiply it. */
const RETRIES_MAX = 100
const GRPC_STATUS_MAX = 16

/** They frame the message, or say how this one connection is used: to change them is to break it. */
const UNTOUCHABLE: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function checkPolicy({ id, policy, action }: Route, path: string): Problem[] {
  const at = `${path}.policy`
  return [
    ...checkRewrite(id, policy, at),
    ...checkEdits(id, policy.requestHeaders, `${at}.requestHeaders`),
    ...checkEdits(id, policy.responseHeaders, `${at}.responseHeaders`),
    ...(action.kind === 'forward' ? checkDestinationEdits(id, action, `${path}.action`) : []),
    ...(policy.fault === undefined ? [] : checkFault(id, policy.fault, `${at}.fault`)),
    ...(policy.retry === undefined ? [] : checkRetry(id, policy.retry, `${at}.retry`)),
    ...(policy.cors === undefined ? [] : checkCors(id, policy.cors, `${at}.cors`)),
    ...badNumber(id, policy.idleTimeoutMs ?? 0, [0, DURATION_MS_MAX], `${at}.idleTimeoutMs`),
    ...(policy.mirrors ?? []).flatMap(({ share }, index) => badShare(id, share, `${at}.mirrors[${index}].share`)),
    ...badNumber(id, policy.tunnelDrainMs ?? 0, [0, DURATION_MS_MAX], `${at}.tunnelDrainMs`),
  ]
}

function checkRewrite(id: string, { rewrite }: RoutePolicy, at: string): Problem[] {
  const { path, authority = '' } = rewrite ?? {}
  return [
    ...badText(id, authority, AUTHORITY, `${at}.rewrite.authority`),
    ...(path === undefined ? [] : badText(id, path.value, PATH_TEXT, `${at}.rewrite.path.value`)),
    ...(path?.kind === 'regex' ? checkSubstitution(id, path, `${at}.rewrite.path`) : []),
  ]
}

function checkSubstitution(id: string, rewrite: Extract<PathRewrite, { kind: 'regex' }>, at: string): Problem[] {
  const { pattern, value } = rewrite
  const why = regexProblem(pattern)
  if (why !== undefined) {
    const message = `Cannot use regex "${pattern}" of route "${id}": ${why}`
    return [{ code: 'bad-regex', path: `${at}.pattern`, message }]
  }
  const wrong = substitutionProblem(pattern, value)
  const message = `Cannot put in "${value}" for what "${pattern}" of route "${id}" matches: ${wrong ?? ''}`
  return when(wrong !== undefined, { code: 'bad-substitution', path: `${at}.value`, message })
}

function checkDestinationEdits(id: string, { destinations }: ForwardAction, at: string): Problem[] {
  return destinations.flatMap((destination, index) => {
    if (destination.kind !== 'cluster') return []
    const own = `${at}.destinations[${index}]`
    return [
      ...checkEdits(id, destination.requestHeaders, `${own}.requestHeaders`),
      ...checkEdits(id, destination.responseHeaders, `${own}.responseHeaders`),
    ]
  })
}

function checkEdits(id: string, edits: HeaderEdits | undefined, at: string): Problem[] {
  if (edits === undefined) return []
  const values = (kind: 'set' | 'add'): Problem[] =>
    edits[kind].flatMap((field, index) => checkField(id, field, `${at}.${kind}[${index}]`))
  return [
    ...edits.remove.flatMap((name, index) => checkName(id, name, `${at}.remove[${index}]`)),
    ...values('set'),
    ...values('add'),
  ]
}

/** Of a message that the data plane sends on, or sends. */
export function checkField(id: string, { name, value }: HeaderValue, at: string): Problem[] {
  return [...checkName(id, name, `${at}.name`), ...badText(id, value, FIELD_VALUE, `${at}.value`)]
}

function checkName(id: string, name: string, at: string): Problem[] {
  const isName = TOKEN.test(name)
  return [
    ...when(!isName, {
      code: 'bad-header',
      path: at,
      message: `Cannot change header ${JSON.stringify(name)} for route "${id}": it is not a name of a header`,
    }),
    ...when(UNTOUCHABLE.has(name.toLowerCase()), {
      code: 'bad-header',
      path: at,
      message: `Cannot change header "${name}" for route "${id}": the proxy answers for it${name.toLowerCase() === 'host' ? '. Rewrite the authority instead' : ''}`,
    }),
  ]
}

function checkFault(id: string, { delay, abort }: Fault, at: string): Problem[] {
  return [
    ...badShare(id, delay?.share ?? 0, `${at}.delay.share`),
    ...badNumber(id, delay?.delayMs ?? 0, [0, DURATION_MS_MAX], `${at}.delay.delayMs`),
    ...badShare(id, abort?.share ?? 0, `${at}.abort.share`),
    ...badNumber(id, abort?.status ?? 200, [200, 599], `${at}.abort.status`),
    ...badNumber(id, abort?.grpcStatus ?? 0, [0, GRPC_STATUS_MAX], `${at}.abort.grpcStatus`),
  ]
}

function checkRetry(
  id: string,
  { attempts, statuses, perTryTimeoutMs, backoff, budget }: RetryPolicy,
  at: string,
): Problem[] {
  return [
    ...badNumber(id, attempts, [0, RETRIES_MAX], `${at}.attempts`),
    ...statuses.flatMap((status, index) => badNumber(id, status, [200, 599], `${at}.statuses[${index}]`)),
    ...badNumber(id, perTryTimeoutMs, [0, DURATION_MS_MAX], `${at}.perTryTimeoutMs`),
    ...badNumber(id, backoff.initialMs, [0, backoff.maxMs], `${at}.backoff.initialMs`),
    ...badNumber(id, backoff.maxMs, [0, DURATION_MS_MAX], `${at}.backoff.maxMs`),
    ...badShare(id, budget, `${at}.budget`),
  ]
}

function checkCors(id: string, cors: CorsPolicy, at: string): Problem[] {
  const regexes = cors.allowOrigins.flatMap((origin, index) => {
    const why = origin.kind === 'regex' ? regexProblem(origin.value) : undefined
    const message = `Cannot use regex "${'value' in origin ? origin.value : ''}" of route "${id}": ${why ?? ''}`
    return when(why !== undefined, { code: 'bad-regex', path: `${at}.allowOrigins[${index}]`, message })
  })
  const names = (['allowMethods', 'allowHeaders', 'exposeHeaders'] as const).flatMap((list) =>
    cors[list].flatMap((name, index) => badText(id, name, TOKEN, `${at}.${list}[${index}]`)),
  )
  return [...regexes, ...names, ...badNumber(id, cors.maxAgeSeconds ?? 0, [0, DURATION_MS_MAX], `${at}.maxAgeSeconds`)]
}

function badShare(id: string, share: number, at: string): Problem[] {
  return when(!(share >= 0 && share <= 1), {
    code: 'bad-share',
    path: at,
    message: `Cannot use share ${share} for route "${id}": it is not a number from 0 to 1`,
  })
}

// oxlint-disable-next-line max-params -- whose number, which, within what, where it stands
function badNumber(id: string, value: number, [min, max]: readonly [number, number], at: string): Problem[] {
  return when(!(Number.isInteger(value) && value >= min && value <= max), {
    code: 'bad-number',
    path: at,
    message: `Cannot use ${value} for route "${id}": it is not a whole number from ${min} to ${max}`,
  })
}

// oxlint-disable-next-line max-params -- whose text, which, how it must be, where it stands
function badText(id: string, text: string, allowed: RegExp, at: string): Problem[] {
  return when(!allowed.test(text), {
    code: 'bad-text',
    path: at,
    message: `Cannot send ${JSON.stringify(text)} for route "${id}": it has characters that HTTP/1.1 does not allow there`,
  })
}

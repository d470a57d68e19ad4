/**
 * The words of an access log: Envoy's command operators, its default line and Istio's. Follows Envoy's "Access logging"; what
 * is not there is a mistake and told as one.
 *
 * operator = "%" name [ "(" argument ")" ] [ ":" length ] "%"
 */
import { parseTimeFormat } from '../base/time-format.ts'
import type { TimeFormat } from '../base/time-format.ts'

/** Envoy’s default line. */
export const ACCESS_LOG_TEMPLATE =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'

/** Operators without an argument. */
export const PLAIN_OPERATORS = [
  'PROTOCOL',
  'RESPONSE_CODE',
  'RESPONSE_CODE_DETAILS',
  'RESPONSE_FLAGS',
  'CONNECTION_TERMINATION_DETAILS',
  'BYTES_RECEIVED',
  'BYTES_SENT',
  'DURATION',
  'REQUEST_DURATION',
  'RESPONSE_DURATION',
  'RESPONSE_TX_DURATION',
  'UPSTREAM_HOST',
  'UPSTREAM_CLUSTER',
  'UPSTREAM_CLUSTER_RAW',
  'UPSTREAM_LOCAL_ADDRESS',
  'UPSTREAM_REMOTE_ADDRESS',
  'UPSTREAM_TRANSPORT_FAILURE_REASON',
  'UPSTREAM_REQUEST_ATTEMPT_COUNT',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_REMOTE_PORT',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_PORT',
  'REQUESTED_SERVER_NAME',
  'ROUTE_NAME',
  'VIRTUAL_CLUSTER_NAME',
  'GRPC_STATUS',
  'GRPC_STATUS_NUMBER',
  'TRACE_ID',
  'STREAM_ID',
  'HOSTNAME',
] as const

const PLAIN: ReadonlySet<string> = new Set(PLAIN_OPERATORS)

export type PlainOperator = (typeof PLAIN_OPERATORS)[number]

/** A piece of a template, ready to be filled in. */
export type AccessLogPart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'plain'; readonly operator: PlainOperator }
  | { readonly kind: 'start-time'; readonly format: TimeFormat }
  /** The first of the names, in lower case, that there is; `:method`, `:path`, `:authority` and `:scheme` too. */
  | {
      readonly kind: 'header'
      readonly of: 'request' | 'response' | 'trailer'
      readonly names: readonly string[]
      /** Infinity: all of it. */
      readonly lengthMax: number
    }

interface TemplateProblem {
  /** Where in the template, from 0. */
  readonly at: number
  /** Why it cannot be used. */
  readonly why: string
}

export type ParsedTemplate =
  | { readonly kind: 'parts'; readonly parts: readonly AccessLogPart[] }
  | ({ readonly kind: 'problem' } & TemplateProblem)

const OPERATOR = /%([A-Z][A-Z0-9_]*)(?:\((.*?)\))?(?::([0-9]+))?%/sy
const HEADER_NAME = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const HEADERS = { REQ: 'request', RESP: 'response', TRAILER: 'trailer' } as const
/** `2026-01-05T13:04:09.087Z`. */
const START_TIME_FORMAT = '%Y-%m-%dT%H:%M:%E3SZ'

/** A line end at the very end, which Envoy's templates have, is not part of it. */
export function parseAccessLogTemplate(text: string): ParsedTemplate {
  const template = text.endsWith('\n') ? text.slice(0, -1) : text
  const parts: AccessLogPart[] = []
  let literal = ''
  for (let at = 0; at < template.length;) {
    const next = template.indexOf('%', at)
    const end = next === -1 ? template.length : next
    literal += template.slice(at, end)
    if (next === -1) break
    if (template[next + 1] === '%') {
      literal += '%'
      at = next + 2
      continue
    }
    const found = parseOperator(template, next)
    if ('why' in found) return { kind: 'problem', at: next, why: found.why }
    if (literal !== '') parts.push({ kind: 'literal', text: literal })
    literal = ''
    parts.push(found.part)
    at = found.end
  }
  if (literal !== '') parts.push({ kind: 'literal', text: literal })
  return { kind: 'parts', parts }
}

type FoundOperator = { readonly part: AccessLogPart; readonly end: number } | { readonly why: string }

function parseOperator(template: string, at: number): FoundOperator {
  OPERATOR.lastIndex = at
  const match = OPERATOR.exec(template)
  if (match === null) return { why: 'there is no operator at this "%"; write "%%" for a percent sign' }
  const [, name = '', argument, length] = match
  const part = partOf(name, argument, length)
  return 'why' in part ? part : { part, end: OPERATOR.lastIndex }
}

function partOf(
  name: string,
  argument: string | undefined,
  length: string | undefined,
): AccessLogPart | { readonly why: string } {
  if (name === 'REQ' || name === 'RESP' || name === 'TRAILER') return headerPart(name, argument, length)
  if (length !== undefined) return { why: `%${name}% takes no length` }
  if (name === 'START_TIME') return startTime(argument)
  if (!isPlain(name)) return { why: `there is no operator %${name}%` }
  if (argument !== undefined) return { why: `%${name}% takes no argument` }
  return { kind: 'plain', operator: name }
}

function headerPart(
  name: keyof typeof HEADERS,
  argument = '',
  length?: string,
): AccessLogPart | { readonly why: string } {
  const names = argument.split('?')
  if (names.length > 2) return { why: `%${name}% takes one alternative, not ${names.length - 1}` }
  const wrong = names.find((each) => !HEADER_NAME.test(each))
  if (wrong !== undefined) return { why: `%${name}% takes the name of a header, not "${wrong}"` }
  const lengthMax = length === undefined ? Infinity : Number(length)
  return { kind: 'header', of: HEADERS[name], names: names.map((each) => each.toLowerCase()), lengthMax }
}

function startTime(argument = ''): AccessLogPart | { readonly why: string } {
  const parsed = parseTimeFormat(argument === '' ? START_TIME_FORMAT : argument)
  return parsed.kind === 'format'
    ? { kind: 'start-time', format: parsed.format }
    : { why: `%START_TIME% does not know "${parsed.specifier}"` }
}

function isPlain(name: string): name is PlainOperator {
  return PLAIN.has(name)
}

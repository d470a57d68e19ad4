/** A question about a request: from what somebody typed to what routing looks at, and over HTTP in a query. */
import type { ExplainedRequest, Question } from './explanation.ts'
import type { HeaderValue } from './policy-model.ts'

/** A request without an address comes from here. */
const CLIENT_ADDRESS = '127.0.0.1'
const URL_CHARACTERS_MAX = 8_192
const HEADERS_MAX = 100

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const HEADER_NAME = METHOD
/** As the data plane takes it: visible ASCII. */
const TARGET = /^[!"$-~]*$/
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]+)(?::[0-9]*)?$/
/** Sent as UTF-8. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u
const ADDRESS = /^[0-9A-Fa-f:.]+$/

export type Asked =
  | { readonly kind: 'request'; readonly request: ExplainedRequest }
  /** Why nobody can send such a request. */
  | { readonly kind: 'refused'; readonly message: string }

/** The request as it arrives, before the edge. The path stays as it is written. */
export function readQuestion({ method, url, headers, clientAddress = CLIENT_ADDRESS }: Question): Asked {
  const refuse = (why: string): Asked => ({ kind: 'refused', message: `Cannot explain "${url}": ${why}` })
  if (!METHOD.test(method)) return refuse(`"${method}" is no method`)
  if (!ADDRESS.test(clientAddress)) return refuse(`the client’s address "${clientAddress}" is no IP address`)
  const bad = headerProblem(headers)
  if (bad !== undefined) return refuse(bad)
  const parts = splitUrl(url)
  if (typeof parts === 'string') return refuse(parts)
  const named = headers.filter(({ name }) => name.toLowerCase() === 'host')
  if (named.length > 1) return refuse('there is more than one Host header; leave all but one out')
  const host = named[0]?.value.trim() ?? parts.authority
  if (host === '') return refuse("it names no host; write it in the URL, or add -H 'Host: example.com'")
  if (!AUTHORITY.test(host)) return refuse(`"${host}" is no host`)
  const path = method === 'CONNECT' ? '/' : parts.path
  const request = { method, host, path, query: parts.query, headers: headers.map(settled), clientAddress }
  return { kind: 'request', request: { ...request, ...(parts.scheme === undefined ? {} : { scheme: parts.scheme }) } }
}

function headerProblem(headers: readonly HeaderValue[]): string | undefined {
  if (headers.length > HEADERS_MAX) return `more than ${HEADERS_MAX} headers`
  const name = headers.find((header) => !HEADER_NAME.test(header.name))?.name
  if (name !== undefined) return `"${name}" is no header name; write -H 'Name: value'`
  const value = headers.find((header) => !HEADER_VALUE.test(header.value))
  return value === undefined ? undefined : `the value of header "${value.name}" has characters that no header can carry`
}

function settled({ name, value }: HeaderValue): HeaderValue {
  return { name: name.toLowerCase(), value: value.replaceAll(/^[\t ]+|[\t ]+$/g, '') }
}

interface UrlParts {
  readonly scheme: 'http' | 'https' | undefined
  readonly authority: string
  readonly path: string
  readonly query: string
}

/** A text: what is wrong. A fragment is never sent. */
function splitUrl(url: string): UrlParts | string {
  if (url === '') return 'the URL is empty; write one such as http://example.com/path'
  if (url.length > URL_CHARACTERS_MAX) return `the URL is longer than ${URL_CHARACTERS_MAX} characters`
  const [, scheme] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url) ?? []
  const lower = scheme?.toLowerCase()
  if (lower !== undefined && lower !== 'http' && lower !== 'https') return `the scheme is "${lower}", not http or https`
  const rest = (scheme === undefined ? url : url.slice(scheme.length + 3)).replace(/#.*$/, '')
  const [, authority = '', target = ''] = /^([^/?]*)([^]*)$/.exec(rest) ?? []
  if (scheme !== undefined && authority === '') return 'there is no host between the scheme and the path'
  if (authority.includes('@')) return 'it has a user name; send that as a header'
  if (!TARGET.test(target)) return 'the path has characters that must be percent-encoded'
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  return {
    scheme: lower,
    authority,
    path: path === '' ? '/' : path,
    query: question === -1 ? '' : target.slice(question + 1),
  }
}

/** `method`, `url`, `header` (once for each, `name: value`), `listener`, `from` */
export function questionToQuery({ method, url, headers, listener, clientAddress }: Question): URLSearchParams {
  const query = new URLSearchParams({ method, url })
  for (const { name, value } of headers) query.append('header', `${name}: ${value}`)
  if (listener !== undefined) query.set('listener', listener)
  if (clientAddress !== undefined) query.set('from', clientAddress)
  return query
}

/** What is wrong with it, `readQuestion` says. */
export function questionFromQuery(query: URLSearchParams): Question {
  const listener = query.get('listener')
  const clientAddress = query.get('from')
  return {
    method: query.get('method') ?? 'GET',
    url: query.get('url') ?? '',
    headers: query.getAll('header').map(parseHeader),
    ...(listener === null ? {} : { listener }),
    ...(clientAddress === null ? {} : { clientAddress }),
  }
}

/** `Name: value`, as curl takes it. */
export function parseHeader(text: string): HeaderValue {
  const colon = text.indexOf(':')
  return colon === -1
    ? { name: text.trim(), value: '' }
    : { name: text.slice(0, colon), value: text.slice(colon + 1).trim() }
}

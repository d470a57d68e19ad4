/** Compiles the match of a route into tests. The router runs them; `explain` also prints them. */
import { assertNever } from '../base/assert.ts'

import type { HeaderMatch, Match, PathMatch, QueryMatch, ValueMatch } from './match-model.ts'
import { asField, fieldText } from './field-text.ts'
import { compileRegex } from './regex.ts'

/** A request as far as routing looks at it. */
export interface RequestView {
  /** As sent: methods are case-sensitive. */
  readonly method: string
  /** What the client speaks. */
  readonly scheme: 'http' | 'https'
  /** The authority as sent, with the port if there was one. */
  readonly host: string
  /** Without the query string. */
  readonly path: string
  /** Without the `?`; empty when there is none. */
  readonly query: string
  /** Whether a header of this (lower-case) name has a value that passes the test. */
  someHeader(name: string, test: (value: string) => boolean): boolean
}

/** One condition of a match. */
export interface MatchTest {
  /** For people: `header stage = "canary"`. */
  readonly text: string
  readonly subject: MatchSubject
  readonly holds: (request: RequestView) => boolean
}

/** What of the match it is about. */
type MatchSubject =
  | { readonly kind: 'path'; readonly match: PathMatch }
  | { readonly kind: 'method'; readonly methods: readonly string[] }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  | { readonly kind: 'query'; readonly match: QueryMatch }

type ValueTest = (value: string) => boolean

/** All must hold; none means that every request matches. Throws on a broken regex (see `checkSnapshot`). */
export function compileMatch(match: Match): readonly MatchTest[] {
  const path = compilePath(match.path)
  return [
    ...(path === undefined ? [] : [path]),
    ...(match.methods.length === 0 ? [] : [compileMethods(match.methods)]),
    ...match.headers.map(compileHeader),
    ...match.query.map(compileQuery),
  ]
}

function compilePath(match: PathMatch): MatchTest | undefined {
  const holds = pathTest(match)
  if (holds === undefined) return undefined
  const text = `path ${match.kind} "${match.value}"${match.caseSensitive ? '' : ' (any case)'}`
  return { text, subject: { kind: 'path', match }, holds: (request) => holds(request.path) }
}

function pathTest({ kind, value, caseSensitive }: PathMatch): ((path: string) => boolean) | undefined {
  const wanted = caseSensitive ? value : value.toLowerCase()
  switch (kind) {
    case 'exact':
      return caseSensitive ? (path) => path === wanted : (path) => path.toLowerCase() === wanted
    case 'prefix':
      if (wanted === '' || wanted === '/') return undefined
      return caseSensitive
        ? (path) => path.startsWith(wanted)
        : (path) => path.slice(0, wanted.length).toLowerCase() === wanted
    case 'path-prefix':
      return elementPrefixTest(wanted, caseSensitive)
    case 'regex':
      return compileRegex(value, caseSensitive)
    default:
      return assertNever(kind, 'path match')
  }
}

/** `/foo` and `/foo/` both match `/foo`, `/foo/` and `/foo/bar`, not `/foobar`. */
function elementPrefixTest(wanted: string, caseSensitive: boolean): ((path: string) => boolean) | undefined {
  const stem = wanted.endsWith('/') ? wanted.slice(0, -1) : wanted
  if (stem === '') return undefined
  return (path) => {
    if (path.length > stem.length && path.charCodeAt(stem.length) !== 0x2f) return false
    return caseSensitive ? path.startsWith(stem) : path.slice(0, stem.length).toLowerCase() === stem
  }
}

function compileMethods(methods: readonly string[]): MatchTest {
  const text = `method ${methods.join(' or ')}`
  const subject = { kind: 'method', methods } as const
  const [only, ...others] = methods
  if (others.length === 0) return { text, subject, holds: (request) => request.method === only }
  return { text, subject, holds: (request) => methods.includes(request.method) }
}

/** A header that was sent several times holds if one of its values does, as in Envoy. */
function compileHeader(match: HeaderMatch): MatchTest {
  const { name, value, invert } = match
  const test = compileValue(value)
  const holds = headerTest(name, test)
  const text = `header ${name} ${invert ? 'not ' : ''}${valueText(value)}`
  return { text, subject: { kind: 'header', match }, holds: invert ? (request) => !holds(request) : holds }
}

/** Pseudo headers name the parts of the request line, as in HTTP/2. */
function headerTest(name: string, test: ValueTest): (request: RequestView) => boolean {
  switch (name) {
    case ':authority':
    // Not the field: beside an absolute target it does not count.
    case 'host':
      return (request) => request.host !== '' && test(request.host)
    case ':method':
      return (request) => test(request.method)
    case ':scheme':
      return (request) => test(request.scheme)
    case ':path':
      return (request) => test(request.query === '' ? request.path : `${request.path}?${request.query}`)
    default:
      return (request) => request.someHeader(name, test)
  }
}

function compileQuery(match: QueryMatch): MatchTest {
  const { name, value } = match
  const test = compileValue(value)
  const holds = (request: RequestView): boolean => {
    const sent = queryParameter(request.query, name)
    return sent !== undefined && test(sent)
  }
  return { text: `query ${name} ${valueText(value)}`, subject: { kind: 'query', match }, holds }
}

/** The first parameter of that name, not percent-decoded (as Envoy compares it); without `=` its value is empty. */
export function queryParameter(query: string, name: string): string | undefined {
  for (let start = 0; start < query.length;) {
    const ampersand = query.indexOf('&', start)
    const end = ampersand === -1 ? query.length : ampersand
    if (query.startsWith(name, start)) {
      const after = start + name.length
      if (after === end) return ''
      if (query.charCodeAt(after) === 0x3d) return query.slice(after + 1, end)
    }
    start = end + 1
  }
  return undefined
}

/** Of a value as it comes over the wire. Throws on a broken regex. */
export function compileValue(match: ValueMatch): ValueTest {
  if (match.kind === 'present') return () => true
  const { kind, value: written } = match
  const wanted = asField(written)
  switch (kind) {
    case 'exact':
      return (value) => value === wanted
    case 'prefix':
      return (value) => value.startsWith(wanted)
    case 'suffix':
      return (value) => value.endsWith(wanted)
    case 'regex':
      return fieldRegex(written)
    default:
      return assertNever(kind, 'value match')
  }
}

/** A regex goes by characters. */
function fieldRegex(pattern: string): ValueTest {
  const matches = compileRegex(pattern)
  return (value) => matches(fieldText(value))
}

/** `= "canary"`, `prefix "can"`, `present` */
export function valueText(match: ValueMatch): string {
  if (match.kind === 'present') return 'present'
  return match.kind === 'exact' ? `= "${match.value}"` : `${match.kind} "${match.value}"`
}

/** The conditions of a route against one request: which fail, and what the request has where they look. */
import { assertNever } from '../../base/assert.ts'
import type { FailedCondition } from '../explanation.ts'
import { fieldText } from '../field-text.ts'
import { queryParameter, valueText } from '../match.ts'
import type { MatchTest, RequestView } from '../match.ts'
import type { HeaderMatch, PathMatch, ValueMatch } from '../match-model.ts'

/** What of a request's value is shown. */
const SHOWN_CHARACTERS_MAX = 200

interface Conditions {
  readonly tests: readonly MatchTest[]
  /** Whether the route takes `CONNECT`. */
  readonly tunnels: boolean
}

/** In the order in which they are looked at. */
export function* failedConditions({ tests, tunnels }: Conditions, request: RequestView): Generator<FailedCondition> {
  if (request.method === 'CONNECT' && !tunnels) yield NO_TUNNEL
  for (const test of tests) if (!test.holds(request)) yield failureOf(test, request)
}

/** All of them in words. */
export function matchText(tests: readonly MatchTest[]): string {
  return tests.length === 0 ? 'every request' : tests.map(({ text }) => text).join(', ')
}

const NO_TUNNEL: FailedCondition = {
  condition: 'methods name CONNECT',
  has: 'CONNECT',
  text: 'method: the route does not name CONNECT, so it takes no tunnels',
}

function failureOf({ text: condition, subject }: MatchTest, request: RequestView): FailedCondition {
  switch (subject.kind) {
    case 'path':
      return { condition, has: request.path, text: `path: ${pathFailure(subject.match, request.path)}` }
    case 'method': {
      const text = `method: wanted ${subject.methods.join(' or ')}, the request has ${request.method}`
      return { condition, has: request.method, text }
    }
    case 'header':
      return headerFailure(condition, subject.match, request)
    case 'query': {
      const { name, value } = subject.match
      const has = queryParameter(request.query, name) ?? null
      const text = `query ${name}: wanted ${wantedText(value)}, the request has ${hasText(has)}`
      return { condition, has, text }
    }
    default:
      return assertNever(subject, 'subject')
  }
}

function pathFailure(match: PathMatch, path: string): string {
  const shown = clipped(path)
  const why = PATH_FAILURES[match.kind](shown, match.value)
  return isOnlyCase(match, path) ? `${why} (upper and lower case count)` : why
}

const PATH_FAILURES: Readonly<Record<PathMatch['kind'], (path: string, value: string) => string>> = {
  exact: (path, value) => `${path} is not ${value}`,
  prefix: (path, value) => `${path} does not begin with ${value}`,
  'path-prefix': (path, value) => `${path} is not ${value} or below it`,
  regex: (path, value) => `${path} as a whole does not match the regex ${value}`,
}

function isOnlyCase({ kind, value, caseSensitive }: PathMatch, path: string): boolean {
  if (!caseSensitive || kind === 'regex') return false
  const [lower, wanted] = [path.toLowerCase(), value.toLowerCase()]
  if (kind === 'exact') return lower === wanted
  const stem = kind === 'path-prefix' && wanted.endsWith('/') ? wanted.slice(0, -1) : wanted
  return lower.startsWith(stem) && (kind === 'prefix' || lower.length === stem.length || lower[stem.length] === '/')
}

function headerFailure(condition: string, { name, value, invert }: HeaderMatch, request: RequestView): FailedCondition {
  const has = headerOf(name, request)
  const wanted = invert ? unwantedText(value) : wantedText(value)
  return { condition, has, text: `header ${name}: wanted ${wanted}, the request has ${hasText(has)}` }
}

/** All values, for people. */
function headerOf(name: string, request: RequestView): string | null {
  if (name === ':authority' || name === 'host') return request.host
  if (name === ':method') return request.method
  if (name === ':scheme') return request.scheme
  if (name === ':path') return request.query === '' ? request.path : `${request.path}?${request.query}`
  const values: string[] = []
  request.someHeader(name, (value) => {
    values.push(fieldText(value))
    return false
  })
  return values.length === 0 ? null : values.join(', ')
}

function wantedText(value: ValueMatch): string {
  if (value.kind === 'present') return 'any value'
  return value.kind === 'exact' ? `exact "${value.value}"` : valueText(value)
}

function unwantedText(value: ValueMatch): string {
  return value.kind === 'present' ? 'none' : `not ${wantedText(value)}`
}

function hasText(has: string | null): string {
  return has === null ? 'none' : `"${clipped(has)}"`
}

function clipped(text: string): string {
  return text.length <= SHOWN_CHARACTERS_MAX ? text : `${text.slice(0, SHOWN_CHARACTERS_MAX)}…`
}

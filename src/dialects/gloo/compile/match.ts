/** Gloo's matchers in the words of the routing model. */
import type { Diagnostic } from '../../../base/diagnostic.ts'
import type { HeaderMatcher, Matcher, QueryParameterMatcher } from '../kinds/virtual-service.ts'
import type { HeaderMatch, Match, PathMatch, QueryMatch, ValueMatch } from '../../../routing/match-model.ts'
import { warningAt } from './findings.ts'

/** What no matcher at all means. */
export const EVERY_PATH: Matcher = { prefix: '/' }

export function compileMatcher(matcher: Matcher): Match {
  return {
    path: compilePath(matcher),
    methods: matcher.connectMatcher === undefined ? (matcher.methods ?? []) : ['CONNECT'],
    headers: (matcher.headers ?? []).map(compileHeader),
    query: (matcher.queryParameters ?? []).map(compileQuery),
  }
}

/** What a matcher says without effect. */
export function idleInMatcher(path: string, { regex, caseSensitive }: Matcher): readonly Diagnostic[] {
  if (regex === undefined || caseSensitive !== false) return []
  const message =
    'Cannot ignore case in a regex: caseSensitive acts on prefix and exact only. Begin the regex with (?i)'
  return [warningAt(`${path}.caseSensitive`, 'no-effect', message)]
}

function compilePath({ prefix, exact, regex, caseSensitive = true }: Matcher): PathMatch {
  if (exact !== undefined) return { kind: 'exact', value: exact, caseSensitive }
  if (regex !== undefined) return { kind: 'regex', value: regex, caseSensitive: true }
  return { kind: 'prefix', value: prefix ?? '/', caseSensitive }
}

function compileHeader({ name = '', value, regex, invertMatch = false }: HeaderMatcher): HeaderMatch {
  const lower = name.toLowerCase()
  return { name: lower === ':authority' ? 'host' : lower, value: compileValue(value, regex), invert: invertMatch }
}

function compileQuery({ name = '', value, regex }: QueryParameterMatcher): QueryMatch {
  return { name, value: compileValue(value, regex) }
}

/** No value asks only for presence, even where it is said to be a regex. */
function compileValue(value = '', regex = false): ValueMatch {
  if (value === '') return { kind: 'present' }
  return regex ? { kind: 'regex', value } : { kind: 'exact', value }
}

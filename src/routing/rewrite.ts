/** What a route makes of the path: for the request that goes upstream, or for the location of a redirect. */
import { RE2JS } from 're2js'

import type { PathMatch } from './match-model.ts'
import type { PathRewrite } from './policy-model.ts'

/** `OPTIONS *` asks about a server as a whole. */
const NO_PATH = '*'

/** Gives the new path (without query) for each path. Throws on a broken regex (see `checkSnapshot`). */
export function compileRewrite(match: PathMatch, rewrite: PathRewrite): (path: string) => string {
  if (rewrite.kind !== 'regex') return (path) => rewritePath(path, match, rewrite)
  const pattern = RE2JS.compile(rewrite.pattern)
  const parts = substitutionParts(rewrite.value)
  return (path) => (path === NO_PATH ? path : rooted(replaceAll(path, pattern, parts)))
}

/**
 * A prefix is replaced as a plain string under a `prefix` match and by path element under a `path-prefix` match (no doubled
 * or missing slash); exact and regex matches matched the whole path, so it goes.
 */
export function rewritePath(
  path: string,
  match: PathMatch,
  rewrite: Extract<PathRewrite, { kind: 'prefix' | 'full' }>,
): string {
  if (path === NO_PATH) return path
  if (rewrite.kind === 'full' || match.kind === 'exact' || match.kind === 'regex') return rooted(rewrite.value)
  if (match.kind === 'prefix') return rooted(rewrite.value + path.slice(match.value.length))
  const rest = path.slice(withoutSlash(match.value).length)
  return rooted(rest === '' ? rewrite.value : withoutSlash(rewrite.value) + rest)
}

/** Why the value cannot be put in where the pattern matches; undefined: it can. The pattern must be good. */
export function substitutionProblem(pattern: string, value: string): string | undefined {
  if (/\\(?![0-9\\])/.test(value.replaceAll('\\\\', '')))
    return 'a backslash must be followed by a digit or a backslash'
  const groups = RE2JS.compile(pattern).groupCount()
  const wanted = substitutionParts(value).find((part) => typeof part === 'number' && part > groups)
  return wanted === undefined ? undefined : `it asks for group ${wanted}, and the regex has ${groups}`
}

/** Texts, and numbers of groups. */
function substitutionParts(value: string): readonly (string | number)[] {
  return [...value.matchAll(/\\([0-9])|\\\\|[^\\]+/g)].map(([text, group]) =>
    group === undefined ? text.replace('\\\\', '\\') : Number(group),
  )
}

function replaceAll(path: string, pattern: RE2JS, parts: readonly (string | number)[]): string {
  const found = pattern.matcher(path)
  let replaced = ''
  let from = 0
  while (found.find()) {
    replaced += path.slice(from, found.start())
    for (const part of parts) replaced += typeof part === 'string' ? part : (found.group(part) ?? '')
    from = found.end()
  }
  return replaced + path.slice(from)
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

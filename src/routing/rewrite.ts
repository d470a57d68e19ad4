/** What a route makes of the path: for the request that goes upstream, or for the location of a redirect. */
import type { PathMatch } from './model.ts'

export interface PathRewrite {
  readonly kind: 'prefix' | 'full'
  readonly value: string
}

/**
 * The new path (without query). A prefix is replaced as a plain string under a `prefix` match and by path element under
 * a `path-prefix` match (no doubled or missing slash); exact and regex matches matched the whole path, so it goes.
 */
export function rewritePath(path: string, match: PathMatch, rewrite: PathRewrite): string {
  if (rewrite.kind === 'full' || match.kind === 'exact' || match.kind === 'regex') return rooted(rewrite.value)
  if (match.kind === 'prefix') return rooted(rewrite.value + path.slice(match.value.length))
  const rest = path.slice(withoutSlash(match.value).length)
  return rooted(rest === '' ? rewrite.value : withoutSlash(rewrite.value) + rest)
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

/** Where a redirect leads. */
import type { PathMatch } from './match-model.ts'
import type { Action } from './route-model.ts'
import { rewritePath } from './rewrite.ts'

interface RedirectedRequest {
  readonly host: string
  readonly path: string
  readonly query: string
}

export interface RedirectOptions {
  readonly action: Extract<Action, { kind: 'redirect' }>
  /** What the path was matched by. */
  readonly match: PathMatch
  /** What the client speaks. */
  readonly clientScheme: 'http' | 'https'
}

/**
 * Parts that the action leaves open stay as the request has them. `OPTIONS *` has no path (RFC 9110 §7.1). Where there is no
 * host to name (HTTP/1.0), the location is a path, which clients take from where they are.
 */
export function redirectLocation(request: RedirectedRequest, { action, match, clientScheme }: RedirectOptions): string {
  const path = action.path === undefined ? request.path : rewritePath(request.path, match, action.path)
  const [, shown = '', fragment = ''] = /^([^#]*)(.*)$/.exec(path === '*' ? '' : path) ?? []
  // A query of the route's own stands for the one that was asked with.
  const isAsked = !action.stripQuery && request.query !== '' && !shown.includes('?')
  const query = isAsked ? `?${request.query}${fragment}` : fragment
  const scheme = action.scheme ?? clientScheme
  const [, name = '', port = ''] = /^(.*?)(?::([0-9]*))?$/.exec(request.host) ?? []
  const newPort = action.port ?? (action.host === undefined && action.scheme === undefined ? Number(port) : 0)
  const host = action.host ?? name
  if (host === '') return (shown.startsWith('//') ? `/.${shown}` : shown) + query
  const isDefault = newPort === 0 || newPort === (scheme === 'https' ? 443 : 80)
  return `${scheme}://${host}${isDefault ? '' : `:${newPort}`}${shown}${query}`
}

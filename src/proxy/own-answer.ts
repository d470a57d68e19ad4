/** What a route that does not forward makes the proxy answer. */
import type { Route } from '../routing/model.ts'
import { rewritePath } from '../routing/rewrite.ts'

import { failureAnswer } from './answers.ts'
import type { Answer } from './answers.ts'
import type { Scheme } from './forwarded-heads.ts'
import type { RequestHead } from './http1/request-head.ts'

export function ownAnswer(head: RequestHead, route: Route, clientScheme: Scheme): Answer {
  const { action } = route
  if (action.kind === 'redirect') {
    const headers = [{ name: 'location', value: redirectLocation(head, route, clientScheme) }]
    return { status: action.status, flag: '', body: '', headers }
  }
  if (action.kind === 'respond') {
    return { status: action.status, flag: action.flag ?? '', body: action.body, headers: action.headers }
  }
  return failureAnswer('no-route')
}

/** The location of a redirect; parts that the route leaves open stay as the request has them. */
function redirectLocation(head: RequestHead, route: Route, clientScheme: Scheme): string {
  const { action, match } = route
  if (action.kind !== 'redirect') return ''
  const path = action.path === undefined ? head.path : rewritePath(head.path, match.path, action.path)
  const query = action.stripQuery || head.query === '' ? '' : `?${head.query}`
  const scheme = action.scheme ?? clientScheme
  const [, name = '', port = ''] = /^(.*?)(?::([0-9]*))?$/.exec(head.host) ?? []
  const newPort = action.port ?? (action.host === undefined && action.scheme === undefined ? Number(port) : 0)
  const isDefault = newPort === 0 || newPort === (scheme === 'https' ? 443 : 80)
  return `${scheme}://${action.host ?? name}${isDefault ? '' : `:${newPort}`}${path}${query}`
}

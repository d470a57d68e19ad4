/** What a route that does not forward makes the proxy answer. */
import type { Route } from '../../routing/route-model.ts'
import { redirectLocation } from '../../routing/redirect.ts'

import { failureAnswer } from '../policy/answers.ts'
import type { Answer } from '../policy/answers.ts'
import type { Scheme } from '../serving/forwarded-heads.ts'
import type { RequestHead } from '../http1/request-head.ts'

export function ownAnswer(head: RequestHead, route: Route, clientScheme: Scheme): Answer {
  const { action } = route
  if (action.kind === 'redirect') {
    const value = redirectLocation(head, { action, match: route.match.path, clientScheme })
    const headers = [{ name: 'location', value }]
    return { status: action.status, flag: '', body: '', headers }
  }
  if (action.kind === 'respond') {
    return { status: action.status, flag: action.flag ?? '', body: action.body, headers: action.headers }
  }
  return failureAnswer('no-route')
}

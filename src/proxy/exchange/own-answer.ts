/** What a route that does not forward makes the proxy answer. */
import { assert, assertNever } from '../../base/assert.ts'
import { redirectLocation } from '../../routing/redirect.ts'
import type { Route } from '../../routing/route-model.ts'

import type { Answer } from '../policy/answers.ts'
import type { RequestHead } from '../http1/request-head.ts'

export function ownAnswer(head: RequestHead, { action, match }: Route): Answer {
  assert(action.kind !== 'forward', 'A route that forwards has no answer of its own')
  switch (action.kind) {
    case 'redirect': {
      const value = redirectLocation(head, { action, match: match.path, clientScheme: head.scheme })
      return { status: action.status, flag: '', body: '', headers: [{ name: 'location', value }] }
    }
    case 'respond':
      return { status: action.status, flag: action.flag ?? '', body: action.body, headers: action.headers }
    default:
      return assertNever(action, 'action')
  }
}

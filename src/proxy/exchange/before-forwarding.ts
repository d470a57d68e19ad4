/** What the policy of a route does to a request before it may go to an endpoint. */
import { plainAnswer } from '../policy/answers.ts'
import type { Answer } from '../policy/answers.ts'
import type { RequestHead } from '../http1/request-head.ts'

import { corsEdit, preflightAnswer } from '../policy/cors.ts'
import { joinEdits } from '../policy/head-edit.ts'
import type { HeadEdit } from '../policy/head-edit.ts'
import type { ServingPolicy } from '../serving/route-policy.ts'

/** What changes in every response to the request. */
export function responseEdit({ cors, editResponse }: ServingPolicy, head: RequestHead): HeadEdit | null {
  return cors === null ? editResponse : joinEdits(editResponse, corsEdit(cors, head))
}

/** Null: the request goes on. `delay`: it waits, then this is asked again with `wasDelayed`. */
export function answerByPolicy(
  { cors, fault }: ServingPolicy,
  head: RequestHead,
  wasDelayed: boolean,
): Answer | 'delay' | null {
  const preflight = cors === null ? null : preflightAnswer(cors, head)
  if (preflight !== null || fault === null) return preflight
  if (!wasDelayed && fault.delays()) return 'delay'
  const abort = fault.abort(wasDelayed)
  if (abort === null) return null
  const { status, grpcStatus } = abort
  return { ...plainAnswer(status, 'FI', 'aborted by a fault of the route'), grpcStatus }
}

/** What a route does to a request and its response besides taking it somewhere, in words. */
import type { ExplainedPolicy, ExplainedRequest } from '../explanation.ts'
import { compileOrigins } from '../origins.ts'
import type { CorsPolicy, HeaderEdits, Mirror, RetryPolicy } from '../policy-model.ts'
import type { Route } from '../route-model.ts'
import { compileRewrite } from '../rewrite.ts'

import { countText, durationText, percentText } from './words.ts'

/** In the order in which they act. */
export function explainPolicies(
  { match, action, policy }: Route,
  request: ExplainedRequest,
): readonly ExplainedPolicy[] {
  const { fault, cors, rewrite, retry, requestHeaders, responseHeaders, mirrors = [] } = policy
  const forwards = action.kind === 'forward' && !isPreflight(policy, request)
  const found: (ExplainedPolicy | null)[] = [
    cors === undefined ? null : { kind: 'cors', text: corsText(cors, request), settings: cors },
    ...faultPolicies(fault),
    ...(forwards ? timePolicies(policy, request) : []),
    forwards && retry !== undefined ? { kind: 'retry', text: retryText(retry), settings: retry } : null,
    forwards && rewrite?.path !== undefined
      ? {
          kind: 'rewrite-path',
          text: `${request.path} becomes ${compileRewrite(match.path, rewrite.path)(request.path)}`,
          settings: rewrite.path,
        }
      : null,
    forwards && rewrite?.authority !== undefined
      ? { kind: 'rewrite-authority', text: `${request.host} becomes ${rewrite.authority}`, settings: rewrite.authority }
      : null,
    ...(forwards ? explainEdits('request-headers', requestHeaders) : []),
    ...(forwards ? mirrors.map(mirrorPolicy) : []),
    ...explainEdits('response-headers', responseHeaders),
  ]
  return found.filter((each) => each !== null)
}

/** Whether the data plane answers the request by itself: a browser asks whether it may send another one. */
export function isPreflight({ cors }: Route['policy'], request: ExplainedRequest): boolean {
  const origin = headerOf(request, 'origin')
  if (cors === undefined || request.method !== 'OPTIONS' || origin === undefined) return false
  return headerOf(request, 'access-control-request-method') !== undefined && compileOrigins(cors)(origin)
}

function corsText(cors: CorsPolicy, request: ExplainedRequest): string {
  const origin = headerOf(request, 'origin')
  if (origin === undefined) return 'the request has no origin, so nothing is added but vary'
  return compileOrigins(cors)(origin)
    ? `origin ${origin} is allowed, and the response says so`
    : `origin ${origin} is not allowed: the request goes on, and the browser keeps the answer from the page`
}

function faultPolicies(fault: Route['policy']['fault']): ExplainedPolicy[] {
  const { delay, abort } = fault ?? {}
  const policies: ExplainedPolicy[] = []
  if (delay !== undefined) {
    const text = `${percentText(delay.share)} of the requests wait ${durationText(delay.delayMs)}`
    policies.push({ kind: 'fault-delay', text, settings: delay })
  }
  if (abort !== undefined) {
    const text = `${percentText(abort.share)} of the requests are answered with ${abort.status} and go no further`
    policies.push({ kind: 'fault-abort', text, settings: abort })
  }
  return policies
}

function timePolicies(
  { timeoutMs, idleTimeoutMs, tunnelDrainMs }: Route['policy'],
  request: ExplainedRequest,
): ExplainedPolicy[] {
  const policies: ExplainedPolicy[] = []
  const total = timeoutMs === 0 ? 'none for the whole' : `${durationText(timeoutMs)} for all tries together`
  policies.push({ kind: 'timeout', text: total, settings: timeoutMs })
  if (idleTimeoutMs !== undefined && idleTimeoutMs > 0) {
    const text = `${durationText(idleTimeoutMs)} in which nothing moves`
    policies.push({ kind: 'idle-timeout', text, settings: idleTimeoutMs })
  }
  const isTunnel = request.method === 'CONNECT' || headerOf(request, 'upgrade') !== undefined
  if (tunnelDrainMs !== undefined && isTunnel) {
    const text = `the tunnel may go on for ${durationText(tunnelDrainMs)} after its destination has lost its weight`
    policies.push({ kind: 'tunnel-drain', text, settings: tunnelDrainMs })
  }
  return policies
}

function retryText({ attempts, on, statuses, perTryTimeoutMs, budget }: RetryPolicy): string {
  const codes = statuses.length === 0 ? '' : ` (${statuses.join(', ')})`
  const perTry = perTryTimeoutMs === 0 ? '' : `, ${durationText(perTryTimeoutMs)} for each try`
  const tries = countText(attempts, 'more try', 'more tries')
  return `${tries} on ${on.join(', ')}${codes}${perTry}, while at most ${percentText(budget)} of the requests are retries`
}

/** Nothing where nothing is edited. */
export function explainEdits(
  kind: 'request-headers' | 'response-headers',
  edits: HeaderEdits | undefined,
): ExplainedPolicy[] {
  if (edits === undefined) return []
  const words = [
    ...edits.remove.map((name) => `remove ${name}`),
    ...edits.set.map(({ name, value }) => `set ${name}: ${value}`),
    ...edits.add.map(({ name, value }) => `add ${name}: ${value}`),
  ]
  return words.length === 0 ? [] : [{ kind, text: words.join('; '), settings: edits }]
}

function mirrorPolicy(mirror: Mirror): ExplainedPolicy {
  return {
    kind: 'mirror',
    text: `${percentText(mirror.share)} of the requests are copied to ${mirror.cluster}`,
    settings: mirror,
  }
}

function headerOf({ headers }: ExplainedRequest, name: string): string | undefined {
  return headers.find((each) => each.name === name)?.value
}

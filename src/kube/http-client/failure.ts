/** From an HTTP answer that is not a success to the error that callers see. */
import type { IncomingHttpHeaders } from 'node:http'
import { ApiError } from '../api-error.ts'
import type { Status } from '../api-error.ts'

const MESSAGE_CHARACTERS_MAX = 1024

/** Reasons for answers that carry no Status, as API machinery infers them. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

export interface FailedAnswer {
  readonly method: string
  readonly url: string
  readonly code: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** The Status the server sent, or one made from the HTTP code and the text where there is none. */
export function failureOf(answer: FailedAnswer): ApiError {
  const status = statusIn(answer.body) ?? {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    code: answer.code,
    reason: REASONS[answer.code] ?? 'Unknown',
    message: messageFor(answer),
  }
  return new ApiError(withRetryAfter(status, answer.headers['retry-after']))
}

function statusIn(body: string): Status | undefined {
  try {
    const value = JSON.parse(body) as Partial<Status> | null
    return value?.kind === 'Status' && typeof value.code === 'number' ? (value as Status) : undefined
  } catch {
    // Proxies and unknown paths answer with plain text.
    return undefined
  }
}

function messageFor({ method, url, code, body }: FailedAnswer): string {
  const text = body.trim().slice(0, MESSAGE_CHARACTERS_MAX)
  return `Cannot ${method} "${url}": the server answered ${code}${text === '' ? '' : `: ${text}`}`
}

function withRetryAfter(status: Status, header: string | undefined): Status {
  const seconds = Number(header)
  if (header === undefined || !Number.isFinite(seconds) || status.details?.retryAfterSeconds !== undefined)
    return status
  return { ...status, details: { ...status.details, retryAfterSeconds: seconds } }
}

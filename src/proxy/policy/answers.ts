/** What the proxy answers by itself, in one place: why, with which status, under which response flag (Envoy's letters). */
import type { HeaderValue } from '../../routing/policy-model.ts'
import type { ResponseFlag } from '../../routing/route-model.ts'

export interface Answer {
  readonly status: number
  /** Empty: nothing went wrong (a redirect, a direct response). */
  readonly flag: ResponseFlag | ''
  readonly body: string
  readonly headers: readonly HeaderValue[]
  /** For a call of gRPC; absent: what the status means there. */
  readonly grpcStatus?: number | undefined
}

export type Failure = keyof typeof FAILURES

const FAILURES = {
  'no-virtual-host': { status: 404, flag: 'NR', why: 'no virtual host for this host' },
  'host-refused': { status: 502, flag: 'NR', why: 'this host may not be asked from here' },
  'no-way-outside': { status: 502, flag: 'NR', why: 'there is no way from here to this host' },
  'no-route': { status: 404, flag: 'NR', why: 'no route matches' },
  'no-cluster': { status: 503, flag: 'NC', why: 'the cluster does not exist' },
  'no-endpoint': { status: 503, flag: 'UH', why: 'no healthy endpoint' },
  'connect-failed': { status: 503, flag: 'UF', why: 'cannot connect to the endpoint' },
  'connect-timeout': { status: 503, flag: 'UF', why: 'timeout while connecting to the endpoint' },
  'upstream-closed': { status: 503, flag: 'UC', why: 'the endpoint closed the connection before it answered' },
  'upstream-protocol': { status: 502, flag: 'UPE', why: 'the endpoint did not answer in HTTP as it should' },
  'upstream-reset': { status: 503, flag: 'UR', why: 'the endpoint reset the stream' },
  'refused-stream': { status: 503, flag: 'UR', why: 'the endpoint refused the stream' },
  'upstream-timeout': { status: 504, flag: 'UT', why: 'the endpoint did not answer in time' },
  drained: { status: 503, flag: 'UC', why: 'requests no longer go to this endpoint; call again' },
  overflow: { status: 503, flag: 'UO', why: 'too many requests at once' },
  'request-timeout': { status: 408, flag: 'DPE', why: 'the request was not complete in time' },
  'body-too-large': { status: 413, flag: 'DPE', why: 'the request body is too large' },
  'trailers-too-large': { status: 431, flag: 'DPE', why: 'the trailers of the request are too large' },
  'bad-chunk': { status: 400, flag: 'DPE', why: 'malformed chunked body' },
  // No method is served for what a CONNECT asks for, an authority: `allow` must be there, and is empty (RFC 9110 §15.5.6).
  connect: { status: 405, flag: 'DPE', why: 'CONNECT is not served here', headers: [{ name: 'allow', value: '' }] },
} as const satisfies Readonly<Record<string, FailureKind>>

interface FailureKind {
  readonly status: number
  readonly flag: ResponseFlag
  readonly why: string
  readonly headers?: readonly HeaderValue[]
}

export function failureAnswer(failure: Failure): Answer {
  const { status, flag, why, headers = [] }: FailureKind = FAILURES[failure]
  const answer = plainAnswer(status, flag, why)
  return headers.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...headers] }
}

/** A text body that names the flag, so that a person with `curl` sees what the access log says. */
export function plainAnswer(status: number, flag: ResponseFlag | '', why: string): Answer {
  const body = flag === '' ? `${why}\n` : `${why} (${flag})\n`
  return { status, flag, body, headers: [{ name: 'content-type', value: 'text/plain; charset=utf-8' }] }
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
}

/** Of these statuses there is none (RFC 9110 §15.3.5, §15.3.6, §15.4.5). */
const WITHOUT_CONTENT: ReadonlySet<number> = new Set([204, 205, 304])

/** What of its body is content, as its status has it. */
export function contentOf({ status, body }: Answer): string {
  return WITHOUT_CONTENT.has(status) ? '' : body
}

export interface EncodeOptions {
  readonly withBody: boolean
  /** The value of the connection field; empty: none. */
  readonly connection: string
  /** The whole `date` field, for an answer that has none of its own. */
  readonly date: string
}

/** The whole message as the client gets it, in latin1 (the body is UTF-8 within). */
export function encodeAnswer(answer: Answer, options: EncodeOptions): string {
  const { status, headers } = answer
  const hasBody = status !== 204 && status !== 304 && status >= 200
  const body = Buffer.from(contentOf(answer), 'utf8')
  const hasDate = headers.some(({ name }) => name.toLowerCase() === 'date')
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? ''}`,
    ...(hasDate ? [] : [options.date.trimEnd()]),
    ...headers.map(({ name, value }) => `${name}: ${value}`),
    ...(hasBody ? [`content-length: ${body.length}`] : []),
    ...(options.connection === '' ? [] : [`connection: ${options.connection}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n${hasBody && options.withBody ? body.toString('latin1') : ''}`
}

/** How a proxy tells a gRPC client that something failed: not by a status of HTTP, but by the call's own status. */
import type { ResponseHead } from '../http1/response-head.ts'
import type { Answer } from '../policy/answers.ts'

/** gRPC's mapping of statuses of HTTP, as Envoy has it. */
const GRPC_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
}
const UNKNOWN = 2

/** The other way round, as Envoy has it; others are failures of the server. */
const HTTP_STATUS: Readonly<Record<string, number>> = {
  '0': 200,
  '1': 499,
  '3': 400,
  '4': 504,
  '5': 404,
  '6': 409,
  '7': 403,
  '8': 429,
  '9': 400,
  '10': 409,
  '11': 400,
  '12': 501,
  '14': 503,
  '16': 401,
}

const CONTENT_TYPE = /^application\/grpc(?:[+;]|$)/i
/** Of a message, percent-encoded: all but printable ASCII, and `%` itself. */
const ENCODED = /[^ -$&-~]/gu

/** Not for gRPC-Web, whose clients read statuses of HTTP. */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && CONTENT_TYPE.test(contentType)
}

/** Of a failure that HTTP has this status for. */
export function grpcStatusFor(status: number): number {
  return GRPC_STATUS[status] ?? UNKNOWN
}

/** What a response means in HTTP: that to a call of gRPC which is nothing but trailers has a status of its own. */
export function meantStatus({ status, fields }: Pick<ResponseHead, 'status' | 'fields'>): number {
  const own = fields.get('grpc-status')
  return own === undefined ? status : (HTTP_STATUS[own] ?? 500)
}

/** The head of a response that is nothing but trailers, complete. `date`: the whole field. */
export function grpcFailureHead(answer: Omit<Answer, 'flag' | 'headers'>, date: string): string {
  return `HTTP/1.1 200 OK\r\n${date}content-type: application/grpc\r\n${grpcFailureTrailers(answer)}\r\n`
}

/** Whole fields. */
export function grpcFailureTrailers({ status, body, grpcStatus }: Omit<Answer, 'flag' | 'headers'>): string {
  const message = body.trim().replace(ENCODED, percentEncoded)
  const fields = [
    `grpc-status: ${grpcStatus ?? grpcStatusFor(status)}`,
    ...(message === '' ? [] : [`grpc-message: ${message}`]),
  ]
  return fields.map((field) => `${field}\r\n`).join('')
}

function percentEncoded(character: string): string {
  return Buffer.from(character, 'utf8').toString('hex').toUpperCase().replace(/../g, '%$&')
}

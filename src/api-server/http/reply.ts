/** Answers, as values, and how they go out. */
import type { ServerResponse } from 'node:http'
import { createGzip, gzip } from 'node:zlib'
import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { ApiError } from '../../kube/api-error.ts'

export interface Reply {
  readonly code: number
  readonly contentType: string
  readonly body: string | Buffer | TextParts
  readonly headers?: Readonly<Record<string, string>>
}

/** A text that comes to more than there is memory for. */
interface TextParts {
  readonly parts: Iterable<string>
}

const JSON_TYPE = 'application/json'
/** Below this size compressing costs more than it saves, on loopback above all. */
const GZIP_BYTES_MIN = 128 * 1024

const compress = promisify(gzip)

/** `body` is sent as it is when it is a text: JSON that was made before. */
export function jsonReply(code: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { code, contentType: JSON_TYPE, body: typeof body === 'string' ? body : JSON.stringify(body), headers }
}

export function textReply(code: number, body: string): Reply {
  return { code, contentType: 'text/plain; charset=utf-8', body }
}

export function errorReply({ status }: ApiError): Reply {
  const seconds = status.details?.retryAfterSeconds
  return jsonReply(status.code, status, seconds === undefined ? {} : { 'Retry-After': String(seconds) })
}

/** Resolves once the answer is handed to the network. `acceptsGzip` as the client said. */
export async function sendReply(response: ServerResponse, reply: Reply, acceptsGzip: boolean): Promise<void> {
  if (reply.code === 304) {
    // A cache takes the headers of a 304 over: it must not carry those of an empty body.
    response.writeHead(304, reply.headers)
    response.end()
    return
  }
  if (typeof reply.body === 'object' && 'parts' in reply.body)
    return sendParts(response, reply, { ...reply.body, acceptsGzip })
  const plain = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body
  const isCompressed = acceptsGzip && plain.length > GZIP_BYTES_MIN
  const body = isCompressed ? await compress(plain, { level: 1 }) : plain
  if (response.destroyed) return
  response.writeHead(reply.code, {
    ...reply.headers,
    'Content-Type': reply.contentType,
    'Content-Length': body.length,
    ...(isCompressed ? { 'Content-Encoding': 'gzip' } : {}),
  })
  response.end(body)
}

function sendParts(
  response: ServerResponse,
  { code, headers, contentType }: Reply,
  { parts, acceptsGzip }: TextParts & { readonly acceptsGzip: boolean },
): void {
  response.writeHead(code, {
    ...headers,
    'Content-Type': contentType,
    ...(acceptsGzip ? { 'Content-Encoding': 'gzip' } : {}),
  })
  // A client that goes ends it; there is nobody to tell.
  if (acceptsGzip) pipeline(Readable.from(parts), createGzip({ level: 1 }), response, () => {})
  else pipeline(Readable.from(parts), response, () => {})
}

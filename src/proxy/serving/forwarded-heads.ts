/** Heads on their way through: what the upstream gets of a request's head, and the client of a response's. */

import type { HeadFields } from '../http1/head-fields.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { editHead } from '../policy/head-edit.ts'
import type { ServingPolicy } from './route-policy.ts'
import type { TraceEdit } from '../telling/tracer.ts'

/** What the client speaks to us. */
export type Scheme = 'http' | 'https'

export interface RequestHeadOptions {
  readonly policy: Pick<ServingPolicy, 'rewritePath' | 'editRequest' | 'authority'>
  readonly clientAddress: string
  /** What the client spoke, to us or to a proxy in front of us that is believed. */
  readonly scheme: Scheme
  /** So many of the last entries of `x-forwarded-for` are believed. */
  readonly trustedHops: number
  readonly requestId: string
  /** Pass the wish to switch protocols on. */
  readonly upgrade: boolean
  /** What the endpoint is told of the trace; null: what the client said. */
  readonly trace: TraceEdit | null
}

/** Complete with its empty line, latin1. Fields keep their order and spelling; those we own come last. */
export function requestHead(head: RequestHead, options: RequestHeadOptions): string {
  const { rewritePath, editRequest } = options.policy
  const text = `${requestLine(head, rewritePath)}${requestFields(head, options)}\r\n`
  return editRequest === null ? text : editHead(text, editRequest)
}

function requestLine(head: RequestHead, rewrite: ServingPolicy['rewritePath']): string {
  if (rewrite === null && head.isHttp11 && !head.isAbsolute) {
    return head.text.slice(head.start, head.fieldsStart)
  }
  const path = rewrite === null ? head.path : rewrite(head.path)
  const query = head.query === '' && !head.target.includes('?') ? '' : `?${head.query}`
  return `${head.method} ${path}${query} HTTP/1.1\r\n`
}

function requestFields(head: RequestHead, options: RequestHeadOptions): string {
  const { fields } = head
  const { policy, clientAddress, scheme, trustedHops, requestId, upgrade, trace } = options
  const dropped = trace === null ? null : trace.dropped
  const authority = policy.authority ?? (head.isAbsolute || fields.host === -1 ? head.host : undefined)
  const isPlain =
    authority === undefined &&
    !fields.hasHopByHop &&
    fields.forwardedFor === -1 &&
    fields.forwardedProto === -1 &&
    dropped === null
  let text = isPlain
    ? head.text.slice(head.fieldsStart, head.end - 2)
    : keptFields(head, authority !== undefined, dropped)
  if (authority !== undefined) text += `host: ${authority}\r\n`
  text += `x-forwarded-for: ${forwardedFor(head, clientAddress, trustedHops)}\r\nx-forwarded-proto: ${scheme}\r\n`
  if (authority !== undefined && authority !== head.host && fields.get('x-forwarded-host') === undefined) {
    text += `x-forwarded-host: ${head.host}\r\n`
  }
  if (fields.requestId === -1) text += `x-request-id: ${requestId}\r\n`
  if (trace !== null) text += trace.added
  if (upgrade) text += `connection: upgrade\r\nupgrade: ${fields.value(fields.upgrade)}\r\n`
  return text
}

/** What the endpoint gets in `x-forwarded-for`. */
export function forwardedFor({ fields }: RequestHead, clientAddress: string, trustedHops: number): string {
  const before = fields.forwardedFor === -1 ? '' : lastHops(fields.get('x-forwarded-for') ?? '', trustedHops)
  return before === '' ? clientAddress : `${before}, ${clientAddress}`
}

function lastHops(entries: string, count: number): string {
  if (count === Infinity) return entries
  return entries
    .split(',')
    .map((entry) => entry.trim())
    .slice(-count)
    .join(', ')
}

function keptFields({ fields }: RequestHead, isHostReplaced: boolean, dropped: ReadonlySet<string> | null): string {
  return fields.forwarded(
    (index) =>
      (isHostReplaced && index === fields.host) ||
      fields.isNamed(index, 'x-forwarded-for') ||
      fields.isNamed(index, 'x-forwarded-proto') ||
      (dropped !== null && dropped.has(fields.name(index))),
  )
}

export interface ResponseHeadOptions {
  /** The value of the connection field to add; empty: none. */
  readonly connection: string
  /** The body loses its chunked coding on the way. */
  readonly dropsChunked: boolean
  /** Of a 426: which protocol to ask for (RFC 9110 §15.5.22). */
  readonly keepsUpgrade: boolean
  /** Whole fields of our own to add. */
  readonly added: string
}

/** Nothing of a connection, nothing of ours. */
export const PASSED_AS_IT_IS: ResponseHeadOptions = {
  connection: '',
  dropsChunked: false,
  keepsUpgrade: false,
  added: '',
}

export function responseHead(head: ResponseHead, options: ResponseHeadOptions): string {
  const { fields, text } = head
  if (options.keepsUpgrade && fields.upgrade !== -1) return responseHead(head, withUpgrade(options, fields))
  const { connection, dropsChunked, added } = options
  const losesFraming = hasNoBody(head)
  const isPlain = !fields.hasHopByHop && !dropsChunked && !losesFraming
  if (isPlain && connection === '' && added === '' && head.isHttp11) return text.slice(head.start, head.end)
  const line = `HTTP/1.1${text.slice(head.start + 8, head.fieldsStart)}`
  const kept = isPlain
    ? text.slice(head.fieldsStart, head.end - 2)
    : fields.forwarded(
        (index) =>
          ((dropsChunked || losesFraming) && fields.isNamed(index, 'transfer-encoding')) ||
          (losesFraming && fields.isNamed(index, 'content-length')),
      )
  return `${line}${kept}${added}${connection === '' ? '' : `connection: ${connection}\r\n`}\r\n`
}

/** The field belongs to the connection, so it is named there. */
function withUpgrade({ connection, added, ...options }: ResponseHeadOptions, fields: HeadFields): ResponseHeadOptions {
  return {
    ...options,
    keepsUpgrade: false,
    connection: connection === '' ? 'upgrade' : `${connection}, upgrade`,
    added: `${added}upgrade: ${fields.get('upgrade') ?? ''}\r\n`,
  }
}

/**
 * Whether the response may not have fields that frame a body (RFC 9110 §8.6, RFC 9112 §6.1), but has. A client that believed
 * them would take the next response for this one's body.
 */
function hasNoBody({ status, fields }: ResponseHead): boolean {
  return (status < 200 || status === 204) && (fields.chunked || fields.contentLength !== -1)
}

/** A 101: the hop-by-hop fields are the message. `added` as in `ResponseHeadOptions`. */
export function switchingHead(head: ResponseHead, added: string): string {
  const { fields } = head
  const upgrade = fields.upgrade === -1 ? '' : `upgrade: ${fields.value(fields.upgrade)}\r\n`
  const line = `HTTP/1.1${head.text.slice(head.start + 8, head.fieldsStart)}`
  const kept = fields.forwarded(
    (index) => fields.isNamed(index, 'content-length') || fields.isNamed(index, 'transfer-encoding'),
  )
  return `${line}${kept}${added}connection: upgrade\r\n${upgrade}\r\n`
}

/**
 * Parses the head of an HTTP/1.1 response (RFC 9112 §4), as strictly as the request's: a response that could be read in two
 * ways could answer somebody else's request.
 *
 * status-line = HTTP-version SP status-code SP [ reason-phrase ] CRLF
 */
import { HeadFields } from './head-fields.ts'
import { HEAD_BYTES_MAX } from './section-limits.ts'
import type { ParseState } from './request-head.ts'

/** How the end of a body is found. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'close'

const SPACE = 0x20
const ZERO = 0x30

export class ResponseHead {
  readonly fields = new HeadFields()
  text = ''
  /** Position of the first byte after the head. */
  end = 0
  start = 0
  fieldsStart = 0
  status = 0
  /** As which the response is read: 0 or 1. */
  minorVersion = 1
  /** Whether its first line says `HTTP/1.1`, so that it may be passed on as it is. A later HTTP/1.x is read as 1.1. */
  isHttp11 = true
  /** Whether the upstream keeps the connection open after this response. */
  keepAlive = true
  problem = ''

  parse(text: string, from: number): ParseState {
    const blank = text.indexOf('\r\n\r\n', from)
    if (blank === -1)
      return text.length - from > HEAD_BYTES_MAX ? this.#refuse('response head too large') : 'incomplete'
    if (blank + 4 - from > HEAD_BYTES_MAX) return this.#refuse('response head too large')
    this.text = text
    this.start = from
    this.end = blank + 4
    const lineEnd = text.indexOf('\r\n', from)
    this.fieldsStart = lineEnd + 2
    if (!this.#parseLine(text, from, lineEnd)) return this.#refuse('malformed status line')
    const wrong = this.fields.scan(text, this.fieldsStart, blank + 2)
    if (wrong !== '') return this.#refuse(wrong)
    const { chunked, connectionClose, connectionKeepAlive } = this.fields
    if (chunked && this.minorVersion === 0) return this.#refuse('transfer-encoding in HTTP/1.0')
    if (this.status < 200 && (this.minorVersion === 0 || connectionClose))
      return this.#refuse('malformed interim response')
    this.keepAlive = !connectionClose && (this.minorVersion === 1 || connectionKeepAlive)
    return 'complete'
  }

  /** RFC 9112 §6.3. */
  framing(requestMethod: string): BodyFraming {
    const { status, fields } = this
    if (requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none'
    if (fields.chunked) return 'chunked'
    if (fields.contentLength === 0) return 'none'
    return fields.contentLength === -1 ? 'close' : 'length'
  }

  #parseLine(text: string, from: number, lineEnd: number): boolean {
    this.isHttp11 = text.startsWith('HTTP/1.1 ', from)
    this.minorVersion = 1
    if (!this.isHttp11) {
      if (!/^HTTP\/1\.[0-9] /.test(text.slice(from, from + 'HTTP/1.1 '.length))) return false
      if (text.startsWith('HTTP/1.0', from)) this.minorVersion = 0
    }
    this.status = statusAt(text, from + 9)
    if (this.status < 100 || this.status > 599) return false
    if (from + 12 === lineEnd) return true
    return text.charCodeAt(from + 12) === SPACE && !hasControl(text, from + 13, lineEnd)
  }

  #refuse(problem: string): ParseState {
    this.problem = problem
    return 'refused'
  }
}

/** Of three digits; -1: there are none. */
function statusAt(text: string, from: number): number {
  let status = 0
  for (let position = from; position < from + 3; position++) {
    const digit = text.charCodeAt(position) - ZERO
    if (!(digit >= 0 && digit <= 9)) return -1
    status = 10 * status + digit
  }
  return status
}

function hasControl(text: string, from: number, to: number): boolean {
  for (let position = from; position < to; position++) {
    const code = text.charCodeAt(position)
    if ((code < SPACE && code !== 0x09) || code === 0x7f) return true
  }
  return false
}

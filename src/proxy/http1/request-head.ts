/**
 * Parses the head of an HTTP/1.1 request (RFC 9112 §3). Strict, because it stands at the trust boundary: what it accepts,
 * Node's own parser accepts with the same meaning; the rest is refused and the connection closed.
 *
 * request-line = method SP request-target SP HTTP-version CRLF
 */
import type { RequestView } from '../../routing/match.ts'

import { HeadFields, listHas } from './head-fields.ts'
import { HEAD_BYTES_MAX } from './section-limits.ts'
import type { SectionLimits } from './section-limits.ts'

const SPACE = 0x20
const LF = 0x0a
const CR = 0x0d

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Visible ASCII, without `#`: a fragment is never sent. */
const TARGET = /^[!"$-~]+$/
/** reg-name, IPv4 or [IPv6], with an optional port. No user info. */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::[0-9]*)?$/

export type ParseState = 'complete' | 'incomplete' | 'refused'

/** One request at a time: parsing the next one overwrites it. */
export class RequestHead implements RequestView {
  readonly fields = new HeadFields()
  #bytesMax = HEAD_BYTES_MAX
  text = ''
  start = 0
  /** Position of the first byte after the head. */
  end = 0
  /** Position of the first header field. */
  fieldsStart = 0
  method = ''
  /** Of the connection, not of an absolute target: only the connection can be believed. */
  scheme: 'http' | 'https' = 'http'
  /** In origin form: path and query. */
  target = ''
  path = ''
  query = ''
  host = ''
  /** Whether the target named the host (absolute form), so that the Host field does not count. */
  isAbsolute = false
  /** As which the request is served: 0 or 1. */
  minorVersion = 1
  /** Whether its first line says `HTTP/1.1`, so that it may be passed on as it is. A later HTTP/1.x is served as 1.1. */
  isHttp11 = true
  /** Whether the client wants to go on with this connection. */
  keepAlive = true
  /** Whether the client may know how the request is routed, and asks for it. */
  wantsDecision = false
  /** Why it was refused, and the status to answer with. */
  problem = ''
  problemStatus = 400

  /** How much of the next head is read. */
  limit({ bytesMax, fieldsMax }: SectionLimits): void {
    this.#bytesMax = bytesMax
    this.fields.countMax = fieldsMax
  }

  someHeader(name: string, test: (value: string) => boolean): boolean {
    const { fields } = this
    for (let index = 0; index < fields.count; index++) {
      if (fields.isNamed(index, name) && test(fields.value(index))) return true
    }
    return false
  }

  /** Whether the client asks to switch protocols. To h2c it may not: it would leave the proxy's sight. */
  get isUpgrade(): boolean {
    const { fields, minorVersion } = this
    const { upgrade, connection } = fields
    if (upgrade === -1 || connection === -1 || minorVersion === 0 || fields.value(upgrade) === '') return false
    return listHas(fields.get('connection') ?? '', 'upgrade') && !/h2c/i.test(fields.get('upgrade') ?? '')
  }

  /** Parses the head that begins at `from`. `text` is latin1: one character per byte. */
  parse(text: string, from: number): ParseState {
    const start = skipEmptyLine(text, from)
    const blank = text.indexOf('\r\n\r\n', start)
    if (blank === -1) return this.#incomplete(text, start)
    if (blank + 4 - start > this.#bytesMax) return this.#refuse('request head too large', 431)
    this.text = text
    this.start = start
    this.end = blank + 4
    const lineEnd = text.indexOf('\r\n', start)
    this.fieldsStart = lineEnd + 2
    const problem = this.#parseLine(text.slice(start, lineEnd))
    if (problem !== '') return this.#refuse(problem, problem === 'unknown version' ? 505 : 400)
    const wrong = this.fields.scan(text, this.fieldsStart, blank + 2)
    if (wrong !== '') return this.#refuse(wrong, wrong === 'too many header fields' ? 431 : 400)
    return this.#settle()
  }

  #parseLine(line: string): string {
    const methodEnd = line.indexOf(' ')
    const targetEnd = line.length - ' HTTP/1.1'.length
    if (methodEnd < 1 || targetEnd <= methodEnd || line.charCodeAt(targetEnd) !== SPACE) return 'malformed request line'
    const version = line.slice(targetEnd + 1)
    this.minorVersion = version === 'HTTP/1.0' ? 0 : 1
    this.isHttp11 = version === 'HTTP/1.1'
    if (!this.isHttp11) {
      if (!/^HTTP\/[0-9]\.[0-9]$/.test(version)) return 'malformed request line'
      // Minor versions are compatible (RFC 9110 §2.5).
      if (!version.startsWith('HTTP/1.')) return 'unknown version'
    }
    this.method = line.slice(0, methodEnd)
    if (this.method !== 'GET' && !METHOD.test(this.method)) return 'malformed method'
    return this.#parseTarget(line.slice(methodEnd + 1, targetEnd))
  }

  /** request-target = origin-form / absolute-form / authority-form / asterisk-form */
  #parseTarget(target: string): string {
    if (!TARGET.test(target)) return 'malformed request target'
    this.isAbsolute = false
    if (target.startsWith('/')) return this.#splitTarget(target)
    if (target === '*' && this.method === 'OPTIONS') return this.#splitTarget(target)
    if (this.method === 'CONNECT') return this.#parseAuthority(target)
    const absolute = /^https?:\/\/([^/?]*)([^]*)$/i.exec(target)
    const authority = absolute?.[1] ?? ''
    if (authority === '' || !AUTHORITY.test(authority)) return 'malformed request target'
    this.isAbsolute = true
    this.host = authority
    const rest = absolute?.[2] ?? ''
    // RFC 9110 §9.3.7: there is no other way to say it to a proxy.
    if (rest === '' && this.method === 'OPTIONS') return this.#splitTarget('*')
    return this.#splitTarget(rest.startsWith('/') ? rest : `/${rest}`)
  }

  /** Of CONNECT: where to, always with a port. There is no path. */
  #parseAuthority(target: string): string {
    if (!AUTHORITY.test(target) || !/[^:]:[0-9]{1,5}$/.test(target)) return 'malformed request target'
    this.target = target
    this.path = '/'
    this.query = ''
    return ''
  }

  #splitTarget(target: string): string {
    this.target = target
    const question = target.indexOf('?')
    this.path = question === -1 ? target : target.slice(0, question)
    this.query = question === -1 ? '' : target.slice(question + 1)
    return ''
  }

  /** What the fields mean for the request. */
  #settle(): ParseState {
    const { fields, minorVersion } = this
    if (fields.host === -1 && minorVersion === 1) return this.#refuse('no host', 400)
    if (fields.host !== -1) {
      const host = fields.value(fields.host)
      if (!AUTHORITY.test(host)) return this.#refuse('malformed host', 400)
      if (!this.isAbsolute) this.host = host
    } else if (!this.isAbsolute) {
      this.host = ''
    }
    if (this.method === 'CONNECT') {
      if (fields.chunked || fields.contentLength > 0) return this.#refuse('a body in CONNECT', 400)
      this.host = this.target
    }
    if (fields.chunked && minorVersion === 0) return this.#refuse('transfer-encoding in HTTP/1.0', 400)
    this.keepAlive =
      minorVersion === 1 ? !fields.connectionClose : fields.connectionKeepAlive && !fields.connectionClose
    return 'complete'
  }

  #incomplete(text: string, start: number): ParseState {
    if (text.length - start > this.#bytesMax) return this.#refuse('request head too large', 431)
    if (hasBareLineFeed(text, start)) return this.#refuse('line feed without carriage return', 400)
    return 'incomplete'
  }

  #refuse(problem: string, status: number): ParseState {
    this.problem = problem
    this.problemStatus = status
    return 'refused'
  }
}

/** One empty line before the request line is let pass (RFC 9112 §2.2: old clients send it after a body). */
function skipEmptyLine(text: string, from: number): number {
  return text.charCodeAt(from) === CR && text.charCodeAt(from + 1) === LF ? from + 2 : from
}

/** Seen early, so that such a client gets its 400 and need not wait for the head timeout. */
function hasBareLineFeed(text: string, start: number): boolean {
  for (let at = text.indexOf('\n', start); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (at === start || text.charCodeAt(at - 1) !== CR) return true
  }
  return false
}

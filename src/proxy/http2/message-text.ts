/**
 * Heads and trailers, from the field lists of HTTP/2 to the text of HTTP/1.1 and back (RFC 9113 §8). Between its two sides a
 * message is that text, so one strict parser reads the requests of both protocols and routes change one form of head.
 */
import { mayTrail } from '../http1/chunked-reader.ts'
import type { SectionLimits } from '../http1/section-limits.ts'

/** Names, in lower case, and values in turn: as `node:http2` gives and takes them. One character per byte. */
export type FieldList = readonly string[]

const COLON = 0x3a
const SPACE = 0x20
const TAB = 0x09

/** What no value may have: with it, one field would become two. */
const LINE_BREAKING = /[\0\r\n]/

/** They belong to a connection of HTTP/1.1 and have no place in HTTP/2 (RFC 9113 §8.2.2). */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** What HTTP/1.1 may say and HTTP/2 may not. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([...CONNECTION_SPECIFIC, 'http2-settings', 'te'])

export interface RequestTextOptions {
  /** Where its length is not told, it comes in chunks. */
  readonly hasBody: boolean
  /** For a WebSocket: 16 random bytes in base64, which HTTP/2 does without. */
  readonly newKey: () => string
}

export interface ResponseTextOptions {
  /** A body follows in chunks: its length is not told. */
  readonly isChunked: boolean
  /** Whole fields to add, each with its line end. */
  readonly added: string
}

interface RequestParts {
  method: string
  path: string
  authority: string
  protocol: string
  host: string
  cookies: string
  fields: string
  length: string
  tellsTrailers: boolean
}

/**
 * A request's head. Null: it is malformed. `te` ends here. An extended CONNECT (RFC 8441) is the request to switch protocols
 * that it stands for.
 */
export function requestText(list: FieldList, { hasBody, newKey }: RequestTextOptions): string | null {
  const parts = requestParts(list)
  if (parts === null) return null
  const { method, authority, protocol, host, fields } = parts
  if (authority !== '' && host !== '' && authority.toLowerCase() !== host.toLowerCase()) return null
  const name = authority === '' ? host : authority
  const line = requestLine(parts, name)
  if (line === null) return null
  const cookie = parts.cookies === '' ? '' : `cookie: ${parts.cookies}\r\n`
  // What follows a CONNECT is no body.
  const framing = framingField(parts, hasBody && method !== 'CONNECT')
  return `${line}host: ${name}\r\n${fields}${cookie}${framing}${switchingFields(protocol, newKey)}\r\n`
}

/** In HTTP/1.1 trailers have no place behind a known length. */
function framingField({ length, tellsTrailers }: RequestParts, hasBody: boolean): string {
  if (hasBody && (length === '' || tellsTrailers)) return 'transfer-encoding: chunked\r\n'
  return length === '' ? '' : `content-length: ${length}\r\n`
}

function switchingFields(protocol: string, newKey: () => string): string {
  if (protocol === '') return ''
  const key = protocol === 'websocket' ? `sec-websocket-key: ${newKey()}\r\n` : ''
  return `connection: upgrade\r\nupgrade: ${protocol}\r\n${key}`
}

function requestLine({ method, path, protocol }: RequestParts, name: string): string | null {
  if (method === 'CONNECT' && protocol === '') return path === '' ? `CONNECT ${name} HTTP/1.1\r\n` : null
  // In absolute form it would name another host than `:authority` does; the library sees to it for some schemes only.
  const isPath = path.startsWith('/') || (path === '*' && method === 'OPTIONS')
  if (method === '' || !isPath) return null
  if (method === 'CONNECT') return `GET ${path} HTTP/1.1\r\n`
  return protocol === '' ? `${method} ${path} HTTP/1.1\r\n` : null
}

function requestParts(list: FieldList): RequestParts | null {
  const parts = {
    method: '',
    path: '',
    authority: '',
    protocol: '',
    host: '',
    cookies: '',
    fields: '',
    length: '',
    tellsTrailers: false,
  }
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at] ?? ''
    const value = list[at + 1] ?? ''
    if (LINE_BREAKING.test(value) || !takeField(parts, name, value)) return null
  }
  return parts
}

/** False: the request is malformed. */
function takeField(parts: RequestParts, name: string, value: string): boolean {
  switch (name) {
    case ':method':
      parts.method = value
      return true
    case ':path':
      parts.path = value
      return true
    case ':authority':
      parts.authority = value
      return true
    case ':protocol':
      parts.protocol = value
      return true
    case ':scheme':
      return true
    case 'host':
      if (parts.host !== '') return false
      parts.host = value
      return true
    case 'te':
      return value.toLowerCase() === 'trailers'
    case 'cookie':
      // They may come one by one (RFC 9113 §8.2.3).
      parts.cookies = parts.cookies === '' ? value : `${parts.cookies}; ${value}`
      return true
    case 'content-length':
      if (parts.length !== '') return false
      parts.length = value
      return true
    case 'trailer':
      parts.tellsTrailers = true
      parts.fields += `trailer: ${value}\r\n`
      return true
    default:
      // With a protocol the proxy has its own; pseudo fields come first.
      if (name === 'sec-websocket-key' && parts.protocol !== '') return true
      if (name.charCodeAt(0) === COLON || CONNECTION_SPECIFIC.has(name)) return false
      parts.fields += `${name}: ${value}\r\n`
      return true
  }
}

/** A response's head. Null: it is malformed. */
export function responseText(list: FieldList, { isChunked, added }: ResponseTextOptions): string | null {
  let status = ''
  let fields = ''
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at] ?? ''
    const value = list[at + 1] ?? ''
    if (LINE_BREAKING.test(value)) return null
    if (name === ':status') status = value
    else if (name.charCodeAt(0) === COLON || CONNECTION_SPECIFIC.has(name)) return null
    else fields += `${name}: ${value}\r\n`
  }
  if (status === '') return null
  return `HTTP/1.1 ${status} \r\n${fields}${isChunked ? 'transfer-encoding: chunked\r\n' : ''}${added}\r\n`
}

/**
 * The trailer section of a chunked body, without its empty line; what may not be a trailer is left out, of a client at the
 * edge (a stranger) more than of others. Null: there is more than the limits allow.
 */
export function trailerText(list: FieldList, limits: SectionLimits, isStranger = false): string | null {
  let text = ''
  let count = 0
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at] ?? ''
    const value = list[at + 1] ?? ''
    if (LINE_BREAKING.test(value)) return null
    if (name.charCodeAt(0) === COLON || !mayTrail(name, isStranger)) continue
    text += `${name}: ${value}\r\n`
    count++
  }
  return text.length > limits.bytesMax || count > limits.fieldsMax ? null : text
}

/** A request's head, complete, as fields. Trailers are always welcome: we pass them on. */
export function requestList(head: string, scheme: 'http' | 'https'): string[] {
  const methodEnd = head.indexOf(' ')
  const targetEnd = head.indexOf(' ', methodEnd + 1)
  const method = head.slice(0, methodEnd)
  const target = head.slice(methodEnd + 1, targetEnd)
  const list = [':authority', '', ':method', method]
  if (method !== 'CONNECT') list.push(':scheme', scheme, ':path', target)
  list[1] = pushFields(list, head, head.indexOf('\r\n') + 2)
  if (method === 'CONNECT') list[1] = target
  else list.push('te', 'trailers')
  if (list[1] === '') list.splice(0, 2)
  return list
}

/** As the wish to switch protocols is passed on: the protocol follows. */
const WISH = '\r\nconnection: upgrade\r\nupgrade: '

/** The protocol that a request's head asks to switch to; empty: none. Only for GET is there another way to ask it. */
export function wishedProtocol(head: string): string {
  const wish = head.startsWith('GET ') ? head.indexOf(WISH) : -1
  return wish === -1 ? '' : head.slice(wish + WISH.length, head.indexOf('\r\n', wish + WISH.length))
}

/** The extended CONNECT (RFC 8441) for the fields of a GET. A WebSocket does without its key there. */
export function connectList(list: readonly string[], protocol: string): string[] {
  const connect: string[] = []
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at] ?? ''
    const value = list[at + 1] ?? ''
    if (name === ':method') connect.push(':method', 'CONNECT', ':protocol', protocol)
    else if (name !== 'sec-websocket-key') connect.push(name, value)
  }
  return connect
}

/** A response's head, complete, as fields. */
export function responseList(head: string): string[] {
  const list = [':status', head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)]
  pushFields(list, head, head.indexOf('\r\n') + 2)
  return list
}

/** A trailer section, with or without its empty line, as fields. */
export function trailerList(trailers: string): string[] {
  const list: string[] = []
  pushFields(list, trailers, 0)
  return list
}

/** For the calls of the library that take no list. */
export function fieldsByName(list: FieldList): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>()
  for (let at = 0; at + 1 < list.length; at += 2) {
    const name = list[at] ?? ''
    const value = list[at + 1] ?? ''
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : [before, value].flat())
  }
  return Object.fromEntries(fields)
}

/** Returns the value of `host`, which has no place among the fields. */
function pushFields(list: string[], text: string, from: number): string {
  let host = ''
  for (let start = from, end = text.indexOf('\r\n', start); end > start; end = text.indexOf('\r\n', start)) {
    const colon = text.indexOf(':', start)
    const name = text.slice(start, colon).toLowerCase()
    if (name === 'host') host = valueOf(text, colon + 1, end)
    else if (!NOT_PASSED_ON.has(name)) list.push(name, valueOf(text, colon + 1, end))
    start = end + 2
  }
  return host
}

/** Not `trim()`, which would take a byte 0xA0 for white space. */
function valueOf(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

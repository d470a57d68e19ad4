/**
 * Makes HTTP/1 messages for fuzzing: a good message from the grammar, then, in most cases, a few changes of the kind on which
 * parsers are known to disagree. Everything is latin1 text, one character per byte, and follows from the random numbers.
 */
import type { Random } from '../../src/base/random.ts'

/** How many changes a message gets at most; one case in `1 / UNCHANGED` gets none. */
const MUTATIONS_MAX = 3
const UNCHANGED = 0.25

/** A request, or several on one connection. */
export function fuzzedRequests(random: Random): string {
  const count = random() < 0.8 ? 1 : 2
  const text = Array.from({ length: count }, () => goodRequest(random)).join('')
  return mutated(text, random)
}

export function fuzzedResponse(random: Random): string {
  return mutated(goodResponse(random), random)
}

/** Positions at which to cut a text of this length, in order; the same text in other pieces must mean the same. */
export function cutsOf(length: number, random: Random): number[] {
  if (random() < 0.1) return Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1)
  const cuts = Array.from({ length: 1 + Math.floor(random() * 4) }, () => Math.floor(random() * (length + 1)))
  return cuts.toSorted((a, b) => a - b)
}

export function pick<T>(from: readonly [T, ...T[]], random: Random): T {
  return from[Math.floor(random() * from.length)] ?? from[0]
}

const METHODS = ['GET', 'GET', 'POST', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'M-SEARCH'] as const
const TARGETS = [
  '/',
  '/',
  '/a/b?c=d&e',
  '/%00%0d%0a',
  '//double//',
  '/a;b=c',
  '/"<>\\^`{|}',
  '/?',
  '*',
  'http://example.com/a',
  'http://example.com:80?q',
  'HTTPS://[::1]/x',
] as const
const HOSTS = ['x', 'example.com:80', '[::1]:8080', '', 'a_b.c', 'x:'] as const

function goodRequest(random: Random): string {
  const { fields, body } = goodBody(random, random() < 0.45)
  const version = random() < 0.92 ? '1.1' : '1.0'
  const host = random() < 0.97 ? [`Host: ${pick(HOSTS, random)}`] : []
  const lines = shuffled([...host, ...fields, ...someFields(random)], random)
  const emptyLine = random() < 0.03 ? '\r\n' : ''
  const head = [`${pick(METHODS, random)} ${pick(TARGETS, random)} HTTP/${version}`, ...lines].join('\r\n')
  return `${emptyLine}${head}\r\n\r\n${body}`
}

const STATUSES = [
  '200 OK',
  '200 ',
  '200',
  '404 Not Found',
  '500 Oh no\xff',
  '204 No Content',
  '304 Not Modified',
] as const

const INTERIMS = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 102 Processing\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n',
] as const

function goodResponse(random: Random): string {
  const { fields, body } = goodBody(random, random() < 0.85)
  const version = random() < 0.9 ? '1.1' : '1.0'
  const lines = shuffled([...fields, ...someFields(random)], random)
  const interim = random() < 0.1 ? pick(INTERIMS, random) : ''
  return `${interim}${[`HTTP/${version} ${pick(STATUSES, random)}`, ...lines].join('\r\n')}\r\n\r\n${body}`
}

const FIELDS = [
  'A: b',
  'A:',
  'X-Long:  spaces around \t ',
  'X-Obs: \xe4\xff\x80',
  "!#$%&'*+-.^_`|~: token",
  'Connection: keep-alive',
  'Connection: close',
  'connection: A, close',
  'Connection: X-Long, content-length, host',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Keep-Alive: timeout=5',
  'TE: trailers',
  'Trailer: X-Sum',
  'Expect: 100-continue',
  'Expect: something-else',
  'X-Forwarded-For: 10.0.0.1',
  'X-Forwarded-Proto: https',
  'X-Request-Id: 1',
  'Proxy-Connection: keep-alive',
  'Cookie: a=b; c="d"',
  'Content-Type: text/plain',
  'Date: Mon, 01 Jan 2024 00:00:00 GMT',
] as const

function someFields(random: Random): string[] {
  return Array.from({ length: Math.floor(random() * 4) }, () => pick(FIELDS, random))
}

interface BodyPart {
  readonly fields: readonly string[]
  readonly body: string
}

function goodBody(random: Random, hasBody: boolean): BodyPart {
  if (!hasBody) return { fields: [], body: '' }
  if (random() < 0.4) return chunkedBody(random)
  const content = someContent(random)
  return { fields: [`Content-Length: ${random() < 0.1 ? '00' : ''}${content.length}`], body: content }
}

const EXTENSIONS = [
  '',
  '',
  '',
  ';a',
  ';a=b',
  ';a="b c"',
  ';a="\\""',
  '; a',
  ';a=b;c',
  ' ;a',
  ';',
  ';=',
  ';a=\xff',
] as const
const TRAILERS = [
  '',
  '',
  '',
  'X-Sum: 1\r\n',
  'X-Sum:\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: y\r\n',
] as const

function chunkedBody(random: Random): BodyPart {
  const chunks = Array.from({ length: Math.floor(random() * 3) }, () => {
    const content = someContent(random) || 'x'
    const hex = content.length.toString(16)
    const size = pick([hex, hex, hex, hex.toUpperCase(), `0${hex}`, `0000${hex}`], random)
    return `${size}${pick(EXTENSIONS, random)}\r\n${content}\r\n`
  })
  const last = `${pick(['0', '0', '0', '000'], random)}${pick(EXTENSIONS, random)}\r\n`
  const field = pick(
    [
      'Transfer-Encoding: chunked',
      'transfer-encoding:CHUNKED',
      'Transfer-Encoding:  chunked ',
      'Transfer-Encoding: chunked\t',
    ],
    random,
  )
  return { fields: [field], body: `${chunks.join('')}${last}${pick(TRAILERS, random)}\r\n` }
}

function someContent(random: Random): string {
  return pick(
    ['', 'hello', 'a\r\n\r\nb', '0\r\n\r\n', 'GET / HTTP/1.1\r\nHost: evil\r\n\r\n', '\0\xff\r', 'x'.repeat(300)],
    random,
  )
}

/** What may be put anywhere: the bytes and words on which a reading turns. */
const SHARP = [
  ' ',
  '\t',
  '\r',
  '\n',
  '\r\n',
  '\r\n ',
  '\r\n\r\n',
  '\0',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\x85',
  '\xa0',
  '\xff',
  ':',
  ',',
  ';',
  '"',
  '+',
  '-',
  '_',
  '0',
  '0x',
  'f',
  '#',
  '/',
  'chunked',
  'identity',
] as const

/** Lines that change how a message is read. */
const FRAMING_LINES = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: +5',
  'Content-Length: -5',
  'Content-Length: 5_0',
  'Content-Length: 0x5',
  'Content-Length: 5, 5',
  'Content-Length: 5.0',
  'Content-Length: 99999999999999999999999999',
  'Content-Length: 18446744073709551621',
  'Content-Length:',
  'Content-Length : 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: chunked\t',
  'Transfer-Encoding: \t chunked \t ',
  'Content-Length: 5\t',
  'Content-Length:\t5',
  'Connection: close\t',
  'Connection: keep-alive\t',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding : chunked',
  'Transfer_Encoding: chunked',
  ' Transfer-Encoding: chunked',
  'Transfer-Encoding:\r\n chunked',
  'Host: y',
  'Connection: transfer-encoding',
] as const

const SIZES = [
  '-1',
  '+5',
  '0x5',
  '5_',
  '1_0',
  '10000000000000000',
  'ffffffffffffffff',
  '20000000000001',
  '5 ',
  ' 5',
  '5\t',
  '',
] as const

type Mutation = (text: string, random: Random) => string

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (text, random) => splice(text, at(text, random), 1, String.fromCharCode(Math.floor(random() * 256))),
  (text, random) => splice(text, at(text, random), 0, pick(SHARP, random)),
  (text, random) => splice(text, at(text, random), 1, pick(SHARP, random)),
  (text, random) => splice(text, at(text, random), 1 + Math.floor(random() * 3), ''),
  (text, random) => text.slice(0, at(text, random)),
  (text, random) =>
    atMatch(text, random, /\r\n/g, pick(['\n', '\r', '', '\r\r\n', '\n\r', '\r\n\r\n', ' \r\n', '\r\n\t'], random)),
  (text, random) => atMatch(text, random, /:/g, pick([' :', '\t:', '', ';', ': \t', ':\0', '::'], random)),
  (text, random) => atMatch(text, random, / /g, pick(['\t', '  ', '', '\x0b', '\xa0'], random)),
  (text, random) => atMatch(text, random, /\r\n(?=[A-Za-z])/g, `\r\n${pick(FRAMING_LINES, random)}\r\n`),
  (text, random) => atMatch(text, random, /(?<=\r\n)[0-9a-fA-F]+(?=[; \r])/g, pick(SIZES, random)),
  (text, random) =>
    atMatch(text, random, /(?<=[Ll]ength: )[0-9]+/g, pick([...SIZES, '1e1', '5,', '05', '4', '6'], random)),
  (text, random) =>
    atMatch(
      text,
      random,
      /HTTP\/1\.[01]/g,
      pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.2', 'HTTP/0.9', 'http/1.1', 'HTTP/1.1 ', 'HTTP/01.1', ''], random),
    ),
  // A line doubled, or moved to another place.
  (text, random) => {
    const lines = text.split('\r\n')
    const line = lines[Math.floor(random() * lines.length)] ?? ''
    return [...lines.slice(0, 1), line, ...lines.slice(1)].join('\r\n')
  },
]

function mutated(text: string, random: Random): string {
  if (random() < UNCHANGED) return text
  let changed = text
  for (let count = 1 + Math.floor(random() * MUTATIONS_MAX); count > 0; count--) {
    changed = pick(MUTATIONS, random)(changed, random)
  }
  return changed
}

function at(text: string, random: Random): number {
  return Math.floor(random() * (text.length + 1))
}

function splice(text: string, from: number, removed: number, inserted: string): string {
  return text.slice(0, from) + inserted + text.slice(from + removed)
}

/** Replaces one of the matches, if there is any. */
function atMatch(text: string, random: Random, pattern: RegExp, replacement: string): string {
  const matches = [...text.matchAll(pattern)]
  const match = matches[Math.floor(random() * matches.length)]
  return match === undefined ? text : splice(text, match.index, match[0].length, replacement)
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item)
}

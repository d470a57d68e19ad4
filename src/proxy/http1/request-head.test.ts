import assert from 'node:assert/strict'
import { METHODS, createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { seededRandom } from '../../base/random.ts'
import { ChunkedReader, MALFORMED, TRAILERS_TOO_LARGE } from './chunked-reader.ts'
import { RequestHead } from './request-head.ts'
import { HEADER_FIELDS_MAX, HEAD_BYTES_MAX } from './section-limits.ts'

const parse = (text: string): RequestHead & { readonly state: string } => {
  const head = new RequestHead()
  const state = head.parse(text, 0)
  return Object.assign(head, { state })
}

const get = (...lines: readonly string[]): string => `${['GET / HTTP/1.1', 'Host: x', ...lines].join('\r\n')}\r\n\r\n`

const understood: readonly [string, string][] = [
  ['an empty line before it', `\r\n${get()}`],
  ['no space after the colon', get('A:b')],
  ['an empty value', get('A:')],
  ['bytes above ASCII in a value', get('A: \xe4\xff')],
  ['a tab in a value', get('A: b\tc')],
  ['an empty host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['an IPv6 host', 'GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n'],
  ['HTTP/1.0 without a host', 'GET / HTTP/1.0\r\n\r\n'],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['an unusual method', 'M-SEARCH / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['chunked in any case', get('Transfer-Encoding: Chunked')],
  ['a content length of 0', get('Content-Length: 0')],
]

describe('a request head is understood', () => {
  test('line, host, fields and where it ends', () => {
    const head = parse(
      `POST /a/b?c=d&e HTTP/1.1\r\nHost: Echo.com:80\r\nContent-Length: 12 \r\nX-A:\t b c \r\n\r\nbody`,
    )
    assert.equal(head.state, 'complete')
    const { method, path, query, host, minorVersion, keepAlive, end } = head
    assert.deepEqual(
      { method, path, query, host, minorVersion, keepAlive },
      { method: 'POST', path: '/a/b', query: 'c=d&e', host: 'Echo.com:80', minorVersion: 1, keepAlive: true },
    )
    assert.equal(head.fields.contentLength, 12)
    assert.equal(head.fields.get('x-a'), 'b c')
    assert.equal(head.text.slice(end), 'body')
  })

  for (const [name, text] of understood) test(name, () => assert.equal(parse(text).state, 'complete'))

  test('the absolute form names the host, whatever the field says', () => {
    const head = parse('GET http://real.com:81?q HTTP/1.1\r\nHost: other\r\n\r\n')
    assert.deepEqual([head.host, head.path, head.query, head.target], ['real.com:81', '/', 'q', '/?q'])
  })

  test('the absolute form of OPTIONS without a path means the server as a whole', () => {
    const targets = ['http://x', 'http://x/', 'http://x?'].map((target) => {
      const head = parse(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
      return head.target
    })
    assert.deepEqual(targets, ['*', '/', '/?'])
  })

  const keeping: readonly [string, boolean][] = [
    [get(), true],
    [get('Connection: close'), false],
    [get('Connection: x, CLOSE'), false],
    ['GET / HTTP/1.0\r\n\r\n', false],
    ['GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', true],
  ]
  for (const [text, keepAlive] of keeping) {
    test(`${JSON.stringify(text)} ${keepAlive ? 'keeps' : 'ends'} the connection`, () => {
      assert.equal(parse(text).keepAlive, keepAlive)
    })
  }

  test('an upgrade counts only when connection names it, and never to h2c', () => {
    assert.equal(parse(get('Connection: Upgrade', 'Upgrade: websocket')).isUpgrade, true)
    assert.equal(parse(get('Upgrade: websocket')).isUpgrade, false)
    assert.equal(parse(get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c')).isUpgrade, false)
  })

  test('parsing the next head leaves nothing of the one before', () => {
    const head = new RequestHead()
    head.parse(
      'POST http://a/?x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\nX-Request-Id: 1\r\n\r\n',
      0,
    )
    assert.equal(head.parse(get(), 0), 'complete')
    const { method, host, query, isAbsolute, keepAlive, fields } = head
    assert.deepEqual([method, host, query, isAbsolute, keepAlive], ['GET', 'x', '', false, true])
    assert.deepEqual(
      [fields.contentLength, fields.connection, fields.requestId, fields.hasHopByHop],
      [-1, -1, -1, false],
    )
  })
})

/** What could be read in two ways, or is none of a request. The number is the status it is refused with. */
const refused: readonly [string, string, number][] = [
  ['a length and chunks', get('Content-Length: 3', 'Transfer-Encoding: chunked'), 400],
  ['chunks and a length', get('Transfer-Encoding: chunked', 'Content-Length: 3'), 400],
  ['two equal lengths', get('Content-Length: 3', 'Content-Length: 3'), 400],
  ['two different lengths', get('Content-Length: 3', 'Content-Length: 4'), 400],
  ['a list of lengths', get('Content-Length: 3, 3'), 400],
  ['a signed length', get('Content-Length: +3'), 400],
  ['a hexadecimal length', get('Content-Length: 0x3'), 400],
  ['a negative length', get('Content-Length: -3'), 400],
  ['an empty length', get('Content-Length:'), 400],
  ['a length beyond counting', get('Content-Length: 99999999999999999999'), 400],
  ['a coding before chunked', get('Transfer-Encoding: gzip, chunked'), 400],
  ['a coding after chunked', get('Transfer-Encoding: chunked, identity'), 400],
  ['identity', get('Transfer-Encoding: identity'), 400],
  ['chunked twice', get('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), 400],
  ['chunked in disguise', get('Transfer-Encoding: \x0bchunked'), 400],
  ['chunked in quotes', get('Transfer-Encoding: "chunked"'), 400],
  ['chunks in HTTP/1.0', 'GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
  ['a space before the colon', get('Transfer-Encoding : chunked'), 400],
  ['a folded line', get('A: b\r\n c'), 400],
  ['a line that begins with a space', get(' A: b'), 400],
  ['a name without a colon', get('A'), 400],
  ['an empty name', get(': b'), 400],
  ['a NUL in a value', get('A: b\0c'), 400],
  ['a NUL in a name', get('A\0: b'), 400],
  ['a carriage return in a value', get('A: b\rc'), 400],
  ['a line feed in a value', get('A: b\nC: d'), 400],
  ['bytes above ASCII in a name', get('\xc4: b'), 400],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two hosts', get('Host: y'), 400],
  ['a host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['a host with user info', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
  ['a host with a space', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
  ['two spaces after the method', 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['two spaces before the version', 'GET /  HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a tab in the request line', 'GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a fragment', 'GET /#a HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a relative target', 'GET a HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['* without OPTIONS', 'GET * HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['bytes above ASCII in the target', 'GET /\xe4 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['no target', 'GET HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['no version', 'GET /\r\nHost: x\r\n\r\n', 400],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['a version in small letters', 'GET / http/1.1\r\nHost: x\r\n\r\n', 400],
  ['a method that is no token', 'G(T / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a line feed alone', 'GET / HTTP/1.1\nHost: x\n\n', 400],
  ['a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n', 400],
  ['too many fields', get(...Array.from({ length: HEADER_FIELDS_MAX }, (_, index) => `A${index}: b`)), 431],
  ['a head that is too large', get(`A: ${'b'.repeat(HEAD_BYTES_MAX)}`), 431],
  ['a head that grows too large', `GET / HTTP/1.1\r\nA: ${'b'.repeat(HEAD_BYTES_MAX)}`, 431],
]

describe('a request head is refused with', () => {
  for (const [name, text, status] of refused) {
    test(name, () => {
      const head = parse(text)
      assert.equal(head.state, 'refused')
      assert.equal(head.problemStatus, status)
      assert.notEqual(head.problem, '')
    })
  }
})

test('a head is complete only with its last byte', () => {
  const text = get('A: b', 'Content-Length: 3')
  for (let length = 0; length < text.length; length++) assert.equal(parse(text.slice(0, length)).state, 'incomplete')
  assert.equal(parse(text).state, 'complete')
})

describe('chunks', () => {
  const read = (text: string): number => new ChunkedReader().read(Buffer.from(text, 'latin1'), 0, text.length)

  test('end where the trailer section ends, and not a byte later', () => {
    const body = '5;ext="a"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-A: b\r\nX-C:d\r\n\r\n'
    const bytes = Buffer.from(`${body}GET /`)
    for (let cut = 0; cut <= body.length; cut++) {
      const reader = new ChunkedReader()
      assert.equal(reader.read(bytes, 0, cut), cut)
      assert.equal(reader.done, cut === body.length)
      assert.equal(reader.read(bytes, cut, bytes.length), body.length)
      assert.ok(reader.done)
    }
  })

  test('give their content', () => {
    const bytes = Buffer.from('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')
    const parts: string[] = []
    new ChunkedReader().read(bytes, 0, bytes.length, (from, to) => parts.push(bytes.toString('latin1', from, to)))
    assert.deepEqual(parts, ['abc', 'de'])
  })

  test('give their trailers, to whom wants them', () => {
    const bytes = Buffer.from('3\r\nabc\r\n0\r\nX-A: b\r\nX-C:d\r\n\r\n')
    for (let cut = 0; cut <= bytes.length; cut++) {
      const reader = new ChunkedReader()
      reader.keepsTrailers = true
      reader.read(bytes, 0, cut)
      reader.read(bytes, cut, bytes.length)
      assert.equal(reader.trailers, 'X-A: b\r\nX-C:d\r\n')
    }
  })

  const malformed = [
    '\r\n',
    'g\r\n',
    '-1\r\n',
    '0x1\r\na',
    ' 1\r\na',
    '1 \r\na',
    '1\na\r\n',
    '1\r\nab\r\n',
    '1\r\na\n0\r\n',
    '1;\n\r\n',
    '1;a\0\r\n',
    '10000000000000\r\n',
    '0\r\n: x\r\n\r\n',
    '0\r\nA b: x\r\n\r\n',
    '0\r\nA\r\n\r\n',
    '0\r\nA: b\nC: d\r\n\r\n',
    '0\r\n b\r\n\r\n',
    `1;${'x'.repeat(5_000)}\r\n`,
    `${'0'.repeat(17)}\r\n\r\n`,
    `${'0'.repeat(4)}1${'0'.repeat(12)}\r\n`,
  ]
  for (const text of malformed) {
    test(`${JSON.stringify(text.slice(0, 24))} is malformed`, () => assert.equal(read(text), MALFORMED))
  }

  test('may have sizes with zeros in front, 16 characters in all', () => {
    for (const size of ['03', '00000003', '0000000000000003']) {
      const text = `${size}\r\nabc\r\n${'0'.repeat(16)}\r\n\r\n`
      assert.equal(read(text), text.length)
    }
  })

  test('may have as many trailers as a head has fields', () => {
    const fields = (count: number): string => `0\r\n${'A: b\r\n'.repeat(count)}\r\n`
    assert.equal(read(fields(HEADER_FIELDS_MAX)), fields(HEADER_FIELDS_MAX).length)
    assert.equal(read(fields(HEADER_FIELDS_MAX + 1)), TRAILERS_TOO_LARGE)
    const bytes = (count: number): string => `0\r\nA: ${'x'.repeat(count)}\r\n\r\n`
    assert.equal(read(bytes(HEAD_BYTES_MAX - 10)), bytes(HEAD_BYTES_MAX - 10).length)
    assert.equal(read(bytes(HEAD_BYTES_MAX)), TRAILERS_TOO_LARGE)
  })
})

/** Node knows its methods by name; CONNECT it treats apart. */
const COMPARED = new Set(METHODS.filter((method) => method !== 'CONNECT'))

test('what is accepted, Node’s parser accepts with the same meaning', async (t) => {
  const random = seededRandom(20_260)
  const seeds = [...refused, ...understood].map(([, text]) => text).filter((text) => text.length < 500)
  const inputs = Array.from({ length: 1_500 }, () => mutate(seeds[Math.floor(random() * seeds.length)] ?? '', random))
  const accepted = inputs.filter((text) => {
    const head = parse(text)
    return (
      head.state === 'complete' && COMPARED.has(head.method) && !head.fields.chunked && head.fields.contentLength <= 0
    )
  })
  assert.ok(accepted.length > 40, `only ${accepted.length} inputs are worth comparing`)
  const server = createServer((request, response) => {
    response.end(JSON.stringify([request.method, request.url, request.headers.host ?? '']))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  for (const text of accepted) {
    const head = parse(text)
    const answer = await exchange(port, text.slice(0, head.end))
    assert.match(answer, /^HTTP\/1.1 200/, JSON.stringify(text))
    const [method, url, host] = JSON.parse(/\r\n\r\n[^[]*(\[[^]*\])/.exec(answer)?.[1] ?? '[]') as string[]
    const target = head.isAbsolute ? /^\S+ (\S+)/.exec(head.text.slice(head.start))?.[1] : head.target
    assert.deepEqual([method, url, host], [head.method, target, head.fields.get('host') ?? ''], JSON.stringify(text))
  }
})

/** Changes, doubles or drops a few bytes, with those that matter to parsers more often than others. */
function mutate(text: string, random: () => number): string {
  const sharp = [' ', '\t', '\r', '\n', '\r\n', ':', ',', '\0', '/', '#', 'a', '0', '\xff']
  let mutated = text
  for (let count = Math.floor(random() * 3); count > 0; count--) {
    const at = Math.floor(random() * mutated.length)
    const insert = random() < 0.7 ? (sharp[Math.floor(random() * sharp.length)] ?? '') : ''
    mutated = mutated.slice(0, at) + insert + mutated.slice(at + (random() < 0.5 ? 1 : 0))
  }
  return mutated
}

function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(bytes, 'latin1'))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
}

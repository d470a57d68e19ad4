/**
 * Known shapes of request smuggling, as bytes that a client sends, with what must come of them. Each is sent to a live proxy
 * as it stands, and once more byte by byte: how the bytes arrive must not matter.
 */

/** What the client gets and the endpoint sees. */
export type Outcome =
  /** Nothing reaches an endpoint. The client gets this status and its connection is closed. */
  | { readonly kind: 'refused'; readonly status: number }
  /** A head reached the endpoint before the rest proved wrong: its connection is closed inside the request. */
  | { readonly kind: 'broken-off'; readonly status: number }
  /** These requests, and no other, reach the endpoint; `refusal` is the status with which what follows is refused. */
  | { readonly kind: 'forwarded'; readonly requests: readonly Expected[]; readonly refusal?: number }

export interface Expected {
  /** The request line as the endpoint gets it. */
  readonly line: string
  /** Fields that the endpoint gets, in lower case with a colon, and nothing else that is not a proxy's own. */
  readonly fields: readonly string[]
  /** Everything behind the head, as bytes. */
  readonly body: string
}

export interface Shape {
  readonly name: string
  readonly bytes: string
  readonly outcome: Outcome
}

const refused = (status = 400): Outcome => ({ kind: 'refused', status })
const brokenOff = (status = 400): Outcome => ({ kind: 'broken-off', status })
const forwarded = (...requests: readonly Expected[]): Outcome => ({ kind: 'forwarded', requests })
const forwardedThen = (refusal: number, ...requests: readonly Expected[]): Outcome => ({
  kind: 'forwarded',
  requests,
  refusal,
})

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n'

const post = (fields: readonly string[], body: string): string =>
  `${['POST / HTTP/1.1', 'Host: x', ...fields].join('\r\n')}\r\n\r\n${body}`
const get = (...fields: readonly string[]): string => `${['GET / HTTP/1.1', 'Host: x', ...fields].join('\r\n')}\r\n\r\n`
const chunked = (body: string): string => post(['Transfer-Encoding: chunked'], body)

const seenGet: Expected = { line: 'GET / HTTP/1.1', fields: ['host: x'], body: '' }
const seenPost = (field: string, body: string): Expected => ({
  line: 'POST / HTTP/1.1',
  fields: ['host: x', field],
  body,
})
const seenChunked = (body: string): Expected => seenPost('transfer-encoding: chunked', body)

const CHUNKS = '5\r\nhello\r\n0\r\n\r\n'

function withCoding(name: string, line: string): Shape {
  return {
    name: `TE.TE: ${name}`,
    bytes: post(['Content-Length: 5', line], `0\r\n\r\n${SMUGGLED}`),
    outcome: refused(),
  }
}

function coding(name: string, line: string): Shape {
  return { name: `coding: ${name}`, bytes: post([line], `0\r\n\r\n${SMUGGLED}`), outcome: refused() }
}

function length(name: string, ...lines: readonly string[]): Shape {
  return { name: `length: ${name}`, bytes: post(lines, `hello${SMUGGLED}`), outcome: refused() }
}

/** A chunk that shows itself wrong at once: with its head, so nothing goes on where both come together. */
function chunk(name: string, body: string): Shape {
  return { name: `chunks: ${name}`, bytes: chunked(body), outcome: brokenOff() }
}

function head(name: string, bytes: string, status = 400): Shape {
  return { name: `head: ${name}`, bytes: bytes + SMUGGLED, outcome: refused(status) }
}

export const requestShapes: readonly Shape[] = [
  {
    name: 'CL.TE',
    bytes: post(['Content-Length: 6', 'Transfer-Encoding: chunked'], '0\r\n\r\nG'),
    outcome: refused(),
  },
  {
    name: 'TE.CL',
    bytes: post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    outcome: refused(),
  },
  { name: 'CL.0', bytes: post(['Content-Length: 0'], ''), outcome: forwarded(seenPost('content-length: 0', '')) },
  {
    name: 'no length: what follows is the next request',
    bytes: post([], SMUGGLED),
    outcome: forwarded(
      { line: 'POST / HTTP/1.1', fields: ['host: x'], body: '' },
      { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' },
    ),
  },
  {
    name: 'a length that covers a request: it is content',
    bytes: post([`Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    outcome: forwarded(seenPost(`content-length: ${SMUGGLED.length}`, SMUGGLED)),
  },
  {
    name: 'a length on GET: it is content',
    bytes: get(`Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    outcome: forwarded({ ...seenGet, fields: ['host: x', `content-length: ${SMUGGLED.length}`], body: SMUGGLED }),
  },
  {
    name: 'chunks on GET: they are content',
    bytes: get('Transfer-Encoding: chunked') + CHUNKS,
    outcome: forwarded({ ...seenGet, fields: ['host: x', 'transfer-encoding: chunked'], body: CHUNKS }),
  },
  {
    name: 'a chunk that covers a request: it is content',
    bytes: chunked(`${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    outcome: forwarded(seenChunked(`${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`)),
  },

  withCoding('xchunked', 'Transfer-Encoding: xchunked'),
  withCoding('chunked, identity', 'Transfer-Encoding: chunked, identity'),
  withCoding('identity', 'Transfer-Encoding: identity'),
  withCoding('a space before the colon', 'Transfer-Encoding : chunked'),
  withCoding('folded', 'Transfer-Encoding:\r\n chunked'),
  withCoding('folded with a tab', 'Transfer-Encoding:\r\n\tchunked'),
  withCoding('two of them', 'Transfer-Encoding: x\r\nTransfer-Encoding: chunked'),
  withCoding('a space before the name', ' Transfer-Encoding: chunked'),
  withCoding('behind a bare line feed', 'X: y\nTransfer-Encoding: chunked'),
  withCoding('behind a bare carriage return', 'X: y\rTransfer-Encoding: chunked'),
  withCoding('upper case', 'TRANSFER-ENCODING: CHUNKED'),
  coding('xchunked', 'Transfer-Encoding: xchunked'),
  coding('chunkedx', 'Transfer-Encoding: chunkedx'),
  coding('gzip, chunked', 'Transfer-Encoding: gzip, chunked'),
  coding('chunked, identity', 'Transfer-Encoding: chunked, identity'),
  coding('chunked twice in one field', 'Transfer-Encoding: chunked, chunked'),
  coding('chunked twice in two fields', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
  coding('an empty element', 'Transfer-Encoding: ,chunked'),
  coding('with a parameter', 'Transfer-Encoding: chunked;q=1'),
  coding('in quotes', 'Transfer-Encoding: "chunked"'),
  coding('empty', 'Transfer-Encoding:'),
  coding('a tab behind it', 'Transfer-Encoding: chunked\t'),
  coding('a vertical tab before it', 'Transfer-Encoding: \x0bchunked'),
  coding('a vertical tab behind it', 'Transfer-Encoding: chunked\x0b'),
  coding('a form feed before it', 'Transfer-Encoding: \x0cchunked'),
  coding('a no-break space before it', 'Transfer-Encoding: \xa0chunked'),
  coding('a NUL behind it', 'Transfer-Encoding: chunked\0'),
  coding('a tab before the colon', 'Transfer-Encoding\t: chunked'),
  coding('a NUL before the colon', 'Transfer-Encoding\0: chunked'),
  {
    name: 'coding: a tab before it is white space',
    bytes: post(['Transfer-Encoding:\tchunked'], CHUNKS),
    outcome: forwarded(seenChunked(CHUNKS)),
  },
  {
    name: 'coding: upper case',
    bytes: post(['TRANSFER-ENCODING:CHUNKED'], CHUNKS),
    outcome: forwarded(seenPost('transfer-encoding: CHUNKED', CHUNKS)),
  },
  {
    name: 'coding: an underscore makes another field of it',
    bytes: post(['Transfer_Encoding: chunked'], SMUGGLED),
    outcome: forwarded(seenPost('transfer_encoding: chunked', ''), {
      line: 'GET /smuggled HTTP/1.1',
      fields: ['host: evil'],
      body: '',
    }),
  },
  {
    name: 'coding: connection cannot take it away',
    bytes: post(['Transfer-Encoding: chunked', 'Connection: transfer-encoding'], CHUNKS),
    outcome: forwarded(seenChunked(CHUNKS)),
  },
  {
    name: 'coding: in HTTP/1.0',
    bytes: `POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
    outcome: refused(),
  },

  length('two different ones', 'Content-Length: 5', 'Content-Length: 6'),
  length('two equal ones', 'Content-Length: 5', 'Content-Length: 5'),
  length('a list', 'Content-Length: 5, 5'),
  length('a list of different ones', 'Content-Length: 5, 6'),
  length('with a plus', 'Content-Length: +5'),
  length('with a minus', 'Content-Length: -5'),
  length('hexadecimal', 'Content-Length: 0x5'),
  length('hexadecimal without a prefix', 'Content-Length: a'),
  length('with an exponent', 'Content-Length: 5e0'),
  length('with an underscore', 'Content-Length: 5_0'),
  length('with a fraction', 'Content-Length: 5.0'),
  length('with a space inside', 'Content-Length: 5 0'),
  length('empty', 'Content-Length:'),
  length('2^64 + 5', 'Content-Length: 18446744073709551621'),
  length('2^53 and more', 'Content-Length: 9007199254740993'),
  length('a NUL behind it', 'Content-Length: 5\0'),
  length('a vertical tab before it', 'Content-Length: \x0b5'),
  length('a no-break space before it', 'Content-Length: \xa05'),
  length('a space before the colon', 'Content-Length : 5'),
  length('folded', 'Content-Length:\r\n 5'),
  length('Arabic digits', 'Content-Length: \xd9\xa5'),
  {
    name: 'length: leading zeros are digits',
    bytes: post(['Content-Length: 005'], 'hello'),
    outcome: forwarded(seenPost('content-length: 005', 'hello')),
  },
  {
    name: 'length: connection cannot take it away',
    bytes: post(['Content-Length: 5', 'Connection: content-length'], 'hello'),
    outcome: forwarded(seenPost('content-length: 5', 'hello')),
  },

  head('a bare line feed behind the request line', 'GET / HTTP/1.1\nHost: x\r\n\r\n'),
  head('a bare line feed behind a field', 'GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n'),
  head('bare line feeds only', 'GET / HTTP/1.1\nHost: x\n\n'),
  head('a bare line feed for the empty line', 'GET / HTTP/1.1\r\nHost: x\r\n\n'),
  head('a bare carriage return in a value', get('A: b\rc')),
  head('a bare carriage return behind a value', get('A: b\r')),
  head('a carriage return at the end of the request line', 'GET / HTTP/1.1\r\r\nHost: x\r\n\r\n'),
  head('a folded line', get('A: b\r\n c')),
  head('a folded first line', 'GET / HTTP/1.1\r\n folded\r\nHost: x\r\n\r\n'),
  head('a NUL in a value', get('A: b\0c')),
  head('a NUL in a name', get('A\0: b')),
  head('a NUL in the target', 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n'),
  head('a DEL in a value', get('A: b\x7fc')),
  head('a space before the colon', get('A : b')),
  head('a line without a colon', get('A')),
  head('a line that begins with a colon', get(': b')),
  head('a first line that is blank', ` \r\n${get()}`),
  head('two empty lines before it', `\r\n\r\n${get()}`),
  head('a space before the method', ` ${get()}`),
  head('a NUL before the method', `\0${get()}`),
  head('HTTP/0.9', 'GET /\r\n\r\n'),
  head('HTTP/0.9 in words', 'GET / HTTP/0.9\r\n\r\n', 505),
  {
    name: 'head: HTTP/1.2 is served as 1.1',
    bytes: 'GET / HTTP/1.2\r\nHost: x\r\n\r\n',
    outcome: forwarded(seenGet),
  },
  head('HTTP/3.0', 'GET / HTTP/3.0\r\nHost: x\r\n\r\n', 505),
  head('a preface of HTTP/2 with a field', 'PRI * HTTP/2.0\r\nHost: x\r\n\r\nSM\r\n\r\n', 505),
  head('HTTP/1.10', 'GET / HTTP/1.10\r\nHost: x\r\n\r\n'),
  head('HTTP/01.1', 'GET / HTTP/01.1\r\nHost: x\r\n\r\n'),
  head('a space in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'),
  head('two targets', 'GET / /b HTTP/1.1\r\nHost: x\r\n\r\n'),
  head('a tab for a space', 'GET /\tHTTP/1.1\r\nHost: x\r\n\r\n'),
  head('a target above ASCII', 'GET /\xe4 HTTP/1.1\r\nHost: x\r\n\r\n'),
  head('two hosts', get('Host: y')),
  head('two hosts, one in upper case', get('HOST: x')),
  head('no host', 'GET / HTTP/1.1\r\n\r\n'),
  head('a list of hosts', 'GET / HTTP/1.1\r\nHost: x y\r\n\r\n'),
  head('user info in the host', 'GET / HTTP/1.1\r\nHost: a@x\r\n\r\n'),
  head('a path in the host', 'GET / HTTP/1.1\r\nHost: x/..\r\n\r\n'),
  head('user info in the target', 'GET http://a@x/ HTTP/1.1\r\nHost: x\r\n\r\n'),
  head('another scheme', 'GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n'),
  head('CONNECT in disguise', 'GET x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n'),
  head('10,000 fields', get(...Array.from({ length: 10_000 }, (_, index) => `A${index}:`)), 431),
  head('101 fields', get(...Array.from({ length: 100 }, (_, index) => `A${index}: b`)), 431),
  head('a long target', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431),
  head('a long value', get(`A: ${'b'.repeat(70_000)}`), 431),
  {
    name: 'head: a target of 50,000 bytes is not too long',
    bytes: `GET /${'a'.repeat(50_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    outcome: forwarded({ ...seenGet, line: `GET /${'a'.repeat(50_000)} HTTP/1.1` }),
  },
  {
    name: 'head: an empty line before it is left out',
    bytes: `\r\n${get()}`,
    outcome: forwarded(seenGet),
  },
  {
    name: 'head: the absolute form names the host',
    bytes: 'GET http://real/a?b HTTP/1.1\r\nHost: other\r\n\r\n',
    outcome: forwarded({ line: 'GET /a?b HTTP/1.1', fields: ['host: real'], body: '' }),
  },
  {
    name: 'head: the absolute form of OPTIONS without a path is for the server as a whole',
    bytes: 'OPTIONS http://x HTTP/1.1\r\nHost: x\r\n\r\n',
    outcome: forwarded({ line: 'OPTIONS * HTTP/1.1', fields: ['host: x'], body: '' }),
  },
  {
    name: 'head: HTTP/1.0 without a host',
    bytes: 'GET / HTTP/1.0\r\n\r\n',
    outcome: forwarded({ line: 'GET / HTTP/1.1', fields: ['host:'], body: '' }),
  },
  {
    name: 'head: a client cannot have fields of ours removed',
    bytes: get('Connection: x-forwarded-for, x-forwarded-proto, host, te', 'X-Forwarded-For: 10.0.0.1'),
    outcome: forwarded({ ...seenGet, fields: ['host: x'] }),
  },
  {
    name: 'CONNECT is not served',
    bytes: 'CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n\x16\x03\x01',
    outcome: refused(405),
  },

  chunk('a negative size', '-1\r\n\r\n0\r\n\r\n'),
  chunk('a signed size', '+5\r\nhello\r\n0\r\n\r\n'),
  chunk('a prefix', '0x5\r\nhello\r\n0\r\n\r\n'),
  chunk('an underscore', '1_0\r\nhello\r\n0\r\n\r\n'),
  chunk('no size', '\r\nhello\r\n0\r\n\r\n'),
  chunk('a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'),
  chunk('a space behind the size', '5 \r\nhello\r\n0\r\n\r\n'),
  chunk('a tab behind the size', '5\t\r\nhello\r\n0\r\n\r\n'),
  chunk('a size beyond 2^53', '20000000000001\r\nhello\r\n0\r\n\r\n'),
  chunk('a size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
  chunk('a size with 64 zeros before it', `${'0'.repeat(64)}5\r\nhello\r\n0\r\n\r\n`),
  chunk('a bare line feed behind the size', '5\nhello\r\n0\r\n\r\n'),
  chunk('a bare carriage return behind the size', '5\rhello\r\n0\r\n\r\n'),
  chunk('a bare line feed behind the content', '5\r\nhello\n0\r\n\r\n'),
  chunk('content longer than its size', '4\r\nhello\r\n0\r\n\r\n'),
  chunk('content shorter than its size', '6\r\nhello\r\n0\r\n\r\n'),
  chunk('a bare line feed in an extension', `5;a\nhello\r\n0\r\n\r\n`),
  chunk('a bare line feed in a quoted extension', `5;a="\n"\r\nhello\r\n0\r\n\r\n`),
  chunk('an extension without a name', '5;\r\nhello\r\n0\r\n\r\n'),
  chunk('an extension with a space', '5; a\r\nhello\r\n0\r\n\r\n'),
  chunk('an extension without its closing quote', '5;a="b\r\nhello\r\n0\r\n\r\n'),
  chunk('an extension above ASCII', '5;\xff\r\nhello\r\n0\r\n\r\n'),
  chunk('an endless extension', `5;${'a'.repeat(8_000)}\r\nhello\r\n0\r\n\r\n`),
  chunk('a bare line feed behind the last chunk', '0\n\r\n'),
  chunk('a bare line feed at the very end', '0\r\n\n'),
  chunk('something for the final line end', `0\r\n${SMUGGLED}`),
  chunk('a trailer that is folded', '0\r\nA: b\r\n c\r\n\r\n'),
  chunk('a trailer with a space before the colon', '0\r\nA : b\r\n\r\n'),
  chunk('a trailer with a NUL', '0\r\nA: \0\r\n\r\n'),
  chunk('a length in the trailers', '0\r\nContent-Length: 5\r\n\r\n'),
  chunk('a coding in the trailers', '0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  chunk('a host in the trailers', '0\r\nA: b\r\nHOST: y\r\n\r\n'),
  chunk('connection in the trailers', '0\r\nConnection: close\r\n\r\n'),
  {
    name: 'chunks: endless trailers',
    bytes: chunked(`0\r\n${'A: b\r\n'.repeat(5_000)}\r\n`),
    outcome: brokenOff(431),
  },
  {
    name: 'chunks: leading zeros, extensions and a trailer go through',
    bytes: chunked('0005;a;b=c;d="e f"\r\nhello\r\n000;x\r\nX-Sum: 1\r\n\r\n'),
    outcome: forwarded(seenChunked('0005;a;b=c;d="e f"\r\nhello\r\n000;x\r\nX-Sum: 1\r\n\r\n')),
  },
  {
    name: 'chunks: none but the last',
    bytes: chunked(`0\r\n\r\n${SMUGGLED}`),
    outcome: forwarded(seenChunked('0\r\n\r\n'), { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' }),
  },

  {
    name: 'pipelined: nothing behind an error is read',
    bytes: get() + get('A : b') + SMUGGLED,
    outcome: forwardedThen(400, seenGet),
  },
  {
    name: 'pipelined: nothing behind connection: close is read',
    bytes: get('Connection: close') + SMUGGLED,
    outcome: forwarded(seenGet),
  },
  {
    name: 'pipelined: nothing behind HTTP/1.0 is read',
    bytes: `GET / HTTP/1.0\r\nHost: x\r\n\r\n${SMUGGLED}`,
    outcome: forwarded(seenGet),
  },
  {
    name: 'upgrade: to h2c is not passed on, what follows is HTTP/1',
    bytes: get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__') + SMUGGLED,
    outcome: forwarded(seenGet, { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' }),
  },
  {
    name: 'upgrade: to h2c in a list is not passed on',
    bytes: get('Connection: Upgrade', 'Upgrade: websocket, h2c'),
    outcome: forwarded(seenGet),
  },
  {
    name: 'upgrade: not granted, so what follows is a request and no tunnel',
    bytes: get('Connection: Upgrade', 'Upgrade: websocket') + SMUGGLED,
    outcome: forwarded(
      { ...seenGet, fields: ['host: x', 'connection: upgrade', 'upgrade: websocket'] },
      { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' },
    ),
  },
  {
    name: 'upgrade: to nothing is none',
    bytes: get('Connection: Upgrade', 'Upgrade:') + SMUGGLED,
    outcome: forwarded(seenGet, { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' }),
  },
  {
    name: 'upgrade: without connection it is none',
    bytes: get('Upgrade: websocket'),
    outcome: forwarded(seenGet),
  },
  {
    name: 'expect: 100-continue without content',
    bytes: get('Expect: 100-continue') + SMUGGLED,
    outcome: forwarded(
      { ...seenGet, fields: ['host: x', 'expect: 100-continue'] },
      { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' },
    ),
  },
  {
    name: 'expect: content that does not wait is content',
    bytes: post(['Expect: 100-continue', 'Content-Length: 5'], `hello${SMUGGLED}`),
    outcome: forwarded(
      { line: 'POST / HTTP/1.1', fields: ['host: x', 'expect: 100-continue', 'content-length: 5'], body: 'hello' },
      { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' },
    ),
  },
  {
    name: 'expect: an unknown expectation does not change the framing',
    bytes: post(['Expect: x 100-continue', 'Content-Length: 5'], `hello${SMUGGLED}`),
    outcome: forwarded(
      { line: 'POST / HTTP/1.1', fields: ['host: x', 'expect: x 100-continue', 'content-length: 5'], body: 'hello' },
      { line: 'GET /smuggled HTTP/1.1', fields: ['host: evil'], body: '' },
    ),
  },
]

/** What an endpoint may answer to be read in two ways, and what must come of it: a client gets one response for its request. */
export interface ResponseShape {
  readonly name: string
  /** What the endpoint answers to a GET. */
  readonly bytes: string
  /** What the client gets, up to its end; a number: the proxy's own answer of this status. */
  readonly client: RegExp | number
}

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'
const ok = (lines: readonly string[], body: string): string =>
  `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n${body}`

const badGateway = (name: string, bytes: string): ResponseShape => ({ name, bytes, client: 502 })

const CHUNKS = '5\r\nhello\r\n0\r\n\r\n'

export const responseShapes: readonly ResponseShape[] = [
  badGateway('two equal lengths', ok(['Content-Length: 5', 'Content-Length: 5'], 'hello')),
  badGateway('two different lengths', ok(['Content-Length: 0', 'Content-Length: 60'], EVIL)),
  badGateway('a list of lengths', ok(['Content-Length: 5, 5'], 'hello')),
  badGateway('a length and chunks', ok(['Content-Length: 5', 'Transfer-Encoding: chunked'], CHUNKS)),
  badGateway('a negative length', ok(['Content-Length: -1'], EVIL)),
  badGateway('a coding that we do not know', ok(['Transfer-Encoding: gzip, chunked'], CHUNKS)),
  badGateway('a tab behind chunked', ok(['Transfer-Encoding: chunked\t'], CHUNKS)),
  badGateway('chunks in HTTP/1.0', `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`),
  badGateway('a carriage return in a value', ok(['A: b\rC: d', 'Content-Length: 0'], '')),
  badGateway('a line feed in a value', ok(['A: b\nC: d', 'Content-Length: 0'], '')),
  badGateway('a NUL in a value', ok(['A: b\0', 'Content-Length: 0'], '')),
  badGateway('a folded line', ok(['A: b', ' c', 'Content-Length: 0'], '')),
  badGateway('a space before the colon', ok(['Content-Length : 5'], 'hello')),
  badGateway('a line without a colon', ok(['A', 'Content-Length: 0'], '')),
  badGateway('a negative status', 'HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n'),
  badGateway('a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'),
  badGateway('a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'),
  badGateway('a status of 600', 'HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n'),
  badGateway('a carriage return in the reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n'),
  badGateway('a NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n'),
  badGateway('HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'),
  badGateway('HTTP/0.9', '<html>hello</html>\r\n\r\n'),
  badGateway('an empty line before it', `\r\n${ok(['Content-Length: 0'], '')}`),
  badGateway(
    '10,000 fields',
    ok(
      Array.from({ length: 10_000 }, (_, index) => `A${index}:`),
      '',
    ),
  ),
  badGateway('an endless head', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(70_000)}`),
  badGateway('a switch of protocols that nobody wished', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'),
  badGateway('an interim response that closes', `HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n${EVIL}`),
  badGateway('an interim response of HTTP/1.0', `HTTP/1.0 100 Continue\r\n\r\n${EVIL}`),
  badGateway('a bad head behind an interim response', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA\r\n\r\n`),
  badGateway('chunks that are wrong from the start', ok(['Transfer-Encoding: chunked'], '-1\r\nevil\r\n0\r\n\r\n')),
  {
    name: 'a response behind the response is nobody’s',
    bytes: ok(['Content-Length: 5'], 'hello') + EVIL,
    client: /^HTTP\/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello$/,
  },
  {
    name: 'a response behind the last chunk is nobody’s',
    bytes: ok(['Transfer-Encoding: chunked'], CHUNKS) + EVIL,
    client: /^HTTP\/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
  },
  {
    name: 'a length in 204 is left out',
    bytes: `HTTP/1.1 204 No Content\r\nContent-Length: ${EVIL.length}\r\nA: b\r\n\r\n`,
    client: /^HTTP\/1.1 204 No Content\r\nA: b\r\n\r\n$/,
  },
  {
    name: 'chunks in 204 are left out',
    bytes: 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    client: /^HTTP\/1.1 204 No Content\r\n\r\n$/,
  },
  {
    name: 'a length in an interim response is left out',
    bytes: `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n${ok(['Content-Length: 5'], 'hello')}`,
    client: /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello$/,
  },
  {
    name: 'the fields of the connection end here',
    bytes: ok(
      ['Content-Length: 5', 'Connection: A, keep-alive', 'A: b', 'Keep-Alive: timeout=5', 'Upgrade: h2c'],
      'hello',
    ),
    client: /^HTTP\/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello$/,
  },
]

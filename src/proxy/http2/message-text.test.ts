import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { HEAD_BYTES_MAX, HEADER_FIELDS_MAX, SECTION_LIMITS } from '../http1/section-limits.ts'

import {
  connectList,
  fieldsByName,
  requestList,
  requestText,
  responseList,
  responseText,
  trailerList,
  trailerText,
  wishedProtocol,
} from './message-text.ts'

const bodyless = { hasBody: false, newKey: () => 'k' }
const withBody = { ...bodyless, hasBody: true }
const plain = { isChunked: false, added: '' }
const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'example.com', ':path', '/a?b']

describe('a request from HTTP/2', () => {
  test('is the head that a client of HTTP/1.1 would send', () => {
    assert.equal(
      requestText([...GET, 'accept', '*/*', 'x-name', 'caf\u00c3\u00a9'], bodyless),
      'GET /a?b HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\nx-name: caf\u00c3\u00a9\r\n\r\n',
    )
  })

  test('has its cookies in one field', () => {
    assert.equal(
      requestText([...GET, 'cookie', 'a=1', 'x', 'y', 'cookie', 'b=2'], bodyless),
      'GET /a?b HTTP/1.1\r\nhost: example.com\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n',
    )
  })

  test('with a body of unknown length comes in chunks', () => {
    assert.match(requestText(GET, withBody) ?? '', /\r\ntransfer-encoding: chunked\r\n\r\n$/)
  })

  test('of known length that tells of trailers comes in chunks: they have no place elsewhere', () => {
    const list = [...GET, 'content-length', '3', 'trailer', 'x-sum']
    assert.match(requestText(list, withBody) ?? '', /\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n$/)
    assert.doesNotMatch(requestText(list, withBody) ?? '', /content-length/)
    assert.match(requestText(list, bodyless) ?? '', /content-length: 3/)
  })

  test('takes its host from the field where there is no authority', () => {
    const list = [':method', 'GET', ':scheme', 'http', ':path', '/', 'host', 'example.com']
    assert.equal(requestText(list, bodyless), 'GET / HTTP/1.1\r\nhost: example.com\r\n\r\n')
  })

  test('may be for the server as a whole', () => {
    assert.equal(
      requestText(GET.with(1, 'OPTIONS').with(7, '*'), bodyless),
      'OPTIONS * HTTP/1.1\r\nhost: example.com\r\n\r\n',
    )
  })

  test('may say its host twice, if it is the same', () => {
    assert.equal(
      requestText([...GET, 'host', 'EXAMPLE.com'], bodyless),
      'GET /a?b HTTP/1.1\r\nhost: example.com\r\n\r\n',
    )
  })

  test('does not pass on that it takes trailers: that is between two neighbours', () => {
    assert.equal(requestText([...GET, 'te', 'trailers'], bodyless), 'GET /a?b HTTP/1.1\r\nhost: example.com\r\n\r\n')
  })

  test('to connect is one to the authority', () => {
    const list = [':method', 'CONNECT', ':authority', 'example.com:443']
    assert.equal(requestText(list, withBody), 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n')
  })

  test('to connect with a protocol is one to switch to it', () => {
    const list = [...GET.with(1, 'CONNECT'), ':protocol', 'websocket', 'sec-websocket-version', '13']
    assert.equal(
      requestText(list, withBody),
      'GET /a?b HTTP/1.1\r\nhost: example.com\r\nsec-websocket-version: 13\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\n\r\n',
    )
  })

  const malformed: Readonly<Record<string, readonly string[]>> = {
    'a value with a line end': [...GET, 'x', 'a\r\nb: c'],
    'a value with a zero': [...GET, 'x', 'a\0'],
    'a path with a line end': GET.with(7, '/ HTTP/1.1\r\nx: y'),
    'two hosts': [...GET, 'host', 'other.com'],
    'two host fields': [':method', 'GET', ':path', '/', 'host', 'a', 'host', 'b'],
    'a field of the connection': [...GET, 'connection', 'close'],
    'a transfer coding': [...GET, 'transfer-encoding', 'chunked'],
    'another te': [...GET, 'te', 'gzip'],
    'an unknown pseudo field': [...GET, ':status', '200'],
    'two lengths': [...GET, 'content-length', '3', 'content-length', '3'],
    'no method': GET.slice(2),
    'no path': GET.slice(0, 6),
    'a path that names another host': GET.with(7, 'http://other.com/').with(3, 'ftp'),
    'an asterisk of another method': GET.with(7, '*'),
    'a protocol without CONNECT': [...GET, ':protocol', 'websocket'],
  }
  for (const [name, list] of Object.entries(malformed)) {
    test(`is malformed with ${name}`, () => {
      assert.equal(requestText(list, bodyless), null)
    })
  }
})

describe('a request for HTTP/2', () => {
  test('has its host as authority, and nothing of the connection', () => {
    const head =
      'POST /a?b HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nX-Name: \u00c3\u00a0\r\nempty:\r\n\r\n'
    assert.deepEqual(
      requestList(head, 'https').join(' '),
      ':authority example.com :method POST :scheme https :path /a?b x-name \u00c3\u00a0 empty  te trailers',
    )
  })

  test('to connect has neither scheme nor path', () => {
    assert.deepEqual(requestList('CONNECT a:1 HTTP/1.1\r\nhost: b\r\n\r\n', 'http'), [
      ':authority',
      'a:1',
      ':method',
      'CONNECT',
    ])
  })

  test('without a host has no authority', () => {
    assert.deepEqual(requestList('GET / HTTP/1.1\r\nhost: \r\n\r\n', 'http').slice(0, 2), [':method', 'GET'])
  })
})

describe('a request to switch protocols, for HTTP/2', () => {
  const head =
    'GET /chat HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'

  test('is found out, for GET alone', () => {
    assert.equal(wishedProtocol(head), 'websocket')
    assert.equal(wishedProtocol(head.replace('GET', 'POST')), '')
    assert.equal(wishedProtocol('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), '')
  })

  test('is an extended CONNECT, without the key', () => {
    assert.equal(
      connectList(requestList(head, 'https'), 'websocket').join(' '),
      ':authority a :method CONNECT :protocol websocket :scheme https :path /chat sec-websocket-version 13 te trailers',
    )
  })
})

describe('a response', () => {
  test('from HTTP/2 is the head that an endpoint of HTTP/1.1 would send', () => {
    const list = [':status', '200', 'content-type', 'text/plain', 'set-cookie', 'a=1', 'set-cookie', 'b=2']
    assert.equal(
      responseText(list, { isChunked: true, added: '' }),
      'HTTP/1.1 200 \r\ncontent-type: text/plain\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ntransfer-encoding: chunked\r\n\r\n',
    )
  })

  test('from HTTP/2 may not have a line end in a value', () => {
    assert.equal(responseText([':status', '200', 'x', 'a\nb'], plain), null)
  })

  test('for HTTP/2 has its fields one by one, in lower case', () => {
    const head =
      'HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nConnection: close\r\nSet-Cookie: a=1\r\nSet-Cookie:  b=2 \r\n\r\n'
    const list = [':status', '404', 'content-length', '3', 'set-cookie', 'a=1', 'set-cookie', 'b=2']
    assert.deepEqual(responseList(head), list)
  })
})

describe('a response for HTTP/2', () => {
  test('has nothing that belongs to a connection, or to a request', () => {
    const head =
      'HTTP/1.1 200 OK\r\nhost: a\r\nte: trailers\r\nhttp2-settings: x\r\nproxy-connection: close\r\nx: y\r\n\r\n'
    assert.deepEqual(responseList(head), [':status', '200', 'x', 'y'])
  })
})

describe('trailers', () => {
  test('go there and back', () => {
    const list = ['grpc-status', '0', 'grpc-message', 'all%20well']
    assert.equal(trailerText(list, SECTION_LIMITS), 'grpc-status: 0\r\ngrpc-message: all%20well\r\n')
    assert.deepEqual(trailerList(trailerText(list, SECTION_LIMITS) ?? ''), list)
    assert.deepEqual(trailerList(''), [])
  })

  test('keep their values one by one, whatever their names are', () => {
    const list = ['x', '1', 'constructor', '2', '__proto__', '3', 'x', '4', 'x', '5']
    const fields = Object.entries(fieldsByName(list))
    assert.deepEqual(fields, [
      ['x', ['1', '4', '5']],
      ['constructor', '2'],
      ['__proto__', '3'],
    ])
  })

  test('do not say what only a head may say', () => {
    assert.equal(trailerText(['content-length', '3', 'x', 'y', 'host', 'a'], SECTION_LIMITS), 'x: y\r\n')
  })

  test('are no more than a head may have', () => {
    assert.equal(trailerText(['x', 'y'.repeat(HEAD_BYTES_MAX)], SECTION_LIMITS), null)
    const fields = Array.from({ length: HEADER_FIELDS_MAX + 1 }, () => ['x', 'y'])
    assert.equal(trailerText(fields.flat(), SECTION_LIMITS), null)
    assert.notEqual(trailerText(fields.slice(1).flat(), SECTION_LIMITS), null)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ACCESS_LOG_TEMPLATE } from '../../routing/access-log.ts'
import type { AccessLog } from '../../routing/listener-model.ts'
import type { AccessEntry } from './access-entry.ts'
import { LineBytes } from './line-bytes.ts'
import { compileLogLine } from './log-line.ts'

const HEADERS: Readonly<Record<string, string>> = {
  ':method': 'GET',
  ':path': '/new?q=1',
  ':authority': 'echo.example.com',
  'x-envoy-original-path': '/old?q=1',
  'x-forwarded-for': '10.0.0.1, 127.0.0.1',
  'user-agent': 'curl/8.5.0',
  'x-request-id': '1a2b',
}

const entry: AccessEntry = {
  startedAtMs: Date.UTC(2026, 0, 5, 13, 4, 9, 87),
  protocol: 'HTTP/1.1',
  status: 200,
  flag: '',
  details: 'via_upstream',
  bytesReceived: 3,
  bytesSent: 17,
  durationMs: 4.9,
  requestDurationMs: 1.2,
  responseDurationMs: 3.3,
  upstreamServiceMs: 2.5,
  upstreamHost: '127.0.1.1:8080',
  upstreamLocalAddress: '',
  cluster: 'echo-v1',
  transportFailure: '',
  attempts: 2,
  client: { address: '::1', port: 4711, localAddress: '127.0.0.1', localPort: 8080, serverName: '' },
  routeName: 'default/echo rule 0',
  virtualHostName: 'echo',
  traceId: '',
  streamId: '1a2b',
  requestHeader: (name) => HEADERS[name] ?? '',
  responseHeader: (name) => (name === 'server' ? 'nginx' : ''),
  trailer: () => '',
}

function formatted(format: AccessLog['format'], of: AccessEntry): string {
  const line = new LineBytes(1)
  compileLogLine(format, 'host-1').format(of, line)
  return line.first(line.used).toString('latin1')
}

const text = (template: string, change: Partial<AccessEntry> = {}): string =>
  formatted({ kind: 'text', template }, { ...entry, ...change })

const json = (fields: Readonly<Record<string, string>>, change: Partial<AccessEntry> = {}): string =>
  formatted({ kind: 'json', fields }, { ...entry, ...change })

test('the default line is Envoy’s', () => {
  assert.equal(
    text(ACCESS_LOG_TEMPLATE),
    '[2026-01-05T13:04:09.087Z] "GET /old?q=1 HTTP/1.1" 200 - 3 17 4 2 "10.0.0.1, 127.0.0.1" "curl/8.5.0" "1a2b" ' +
      '"echo.example.com" "127.0.1.1:8080"\n',
  )
})

test('what is missing is a dash', () => {
  const nothing = {
    upstreamHost: '',
    upstreamServiceMs: -1,
    status: 0,
    responseDurationMs: -1,
    requestHeader: () => '',
  }
  assert.equal(
    text(ACCESS_LOG_TEMPLATE, { ...nothing, flag: 'DC' }),
    '[2026-01-05T13:04:09.087Z] "- - HTTP/1.1" 0 DC 3 17 4 - "-" "-" "-" "-" "-"\n',
  )
  assert.equal(text('%TRACE_ID% %TRAILER(a)% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%', nothing), '- - - -\n')
})

test('addresses, names, counts', () => {
  for (const [template, value] of [
    ['%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '[::1]:4711 ::1'],
    ['%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%', '127.0.0.1:8080 8080'],
    ['%ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %UPSTREAM_CLUSTER%', 'default/echo rule 0 echo echo-v1'],
    ['%REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%', '1 3 1'],
    ['%UPSTREAM_REQUEST_ATTEMPT_COUNT% %HOSTNAME% %STREAM_ID%', '2 host-1 1a2b'],
    ['%REQ(X-NONE?USER-AGENT):4% %RESP(Server)%', 'curl nginx'],
    ['%RESPONSE_CODE_DETAILS% %START_TIME(%s.%3f)% 100%%', 'via_upstream 1767618249.087 100%'],
  ] as const) {
    assert.equal(text(template), `${value}\n`)
  }
})

test('names out of the configuration are UTF-8', () => {
  const names = { cluster: 'größe', routeName: '→', upstreamHost: 'ä:1' }
  const bytes = text('%UPSTREAM_CLUSTER% %ROUTE_NAME% %UPSTREAM_HOST%', names)
  assert.equal(Buffer.from(bytes, 'latin1').toString('utf8'), 'größe → ä:1\n')
})

test('in JSON one operator keeps its type, and what is missing is null', () => {
  const fields = {
    code: '%RESPONSE_CODE%',
    flags: '%RESPONSE_FLAGS%',
    agent: '%REQ(USER-AGENT)%',
    server: 'is %RESP(server)%, sni %REQUESTED_SERVER_NAME%',
    ms: '%DURATION%ms',
    fixed: 'gateway',
    größe: '%GRPC_STATUS_NUMBER%',
  }
  const line = json(fields)
  assert.deepEqual(JSON.parse(Buffer.from(line, 'latin1').toString('utf8')), {
    code: 200,
    flags: null,
    agent: 'curl/8.5.0',
    server: 'is nginx, sni -',
    ms: '4ms',
    fixed: 'gateway',
    größe: null,
  })
  assert.deepEqual(JSON.parse(json({ a: '%GRPC_STATUS%', b: '%GRPC_STATUS_NUMBER%' }, { grpcStatus: 14 })), {
    a: 'Unavailable',
    b: 14,
  })
})

const saying = (value: string) => ({ requestHeader: () => value })

test('a header cannot end its quotes, its line or its encoding', () => {
  assert.equal(text('"%REQ(a)%"', saying('a" 200 "b\\')), '"a\\" 200 \\"b\\\\"\n')
  assert.equal(text('%REQ(a)%', saying('a\tb\x7f')), 'a\\x09b\\x7f\n')
  assert.equal(text('%REQ(a)%', saying('\xc3\xa4')), '\xc3\xa4\n')
  assert.equal(text('%REQ(a)%', saying('\xe4')), '\\xe4\n')
  assert.equal(text('%REQ(a)%', saying('\xe2\x80\xa8')), '\\u2028\n')
  assert.equal(json({ a: '%REQ(a)%' }, saying('a"\t\\\xff')), '{"a":"a\\"\\u0009\\\\\\u00ff"}\n')
})

test('whatever a header says, a text entry is one line, and a JSON entry says just that', () => {
  const bytes = fc.uint8Array({ maxLength: 30 }).map((value) => Buffer.from(value).toString('latin1'))
  fc.assert(
    fc.property(bytes, (value) => {
      const line = text('"%REQ(a)%"', { requestHeader: () => value })
      assert.match(line, /^"(?:[^"\\\n\r]|\\.)*"\n$/)
      const parsed: unknown = JSON.parse(
        new TextDecoder('utf-8', { fatal: true }).decode(
          Buffer.from(json({ a: 'x%REQ(a)%' }, { requestHeader: () => value }), 'latin1'),
        ),
      )
      const raw = Buffer.from(value, 'latin1')
      const isUtf8 = Buffer.from(raw.toString('utf8'), 'utf8').equals(raw)
      assert.deepEqual(parsed, { a: `x${value === '' ? '-' : isUtf8 ? raw.toString('utf8') : value}` })
    }),
  )
})

test('the response headers that a template asks for are known before', () => {
  const { responseHeaders } = compileLogLine({ kind: 'text', template: '%RESP(A?B)% %RESP(b)% %REQ(c)%' }, '')
  assert.deepEqual(responseHeaders, ['a', 'b'])
})

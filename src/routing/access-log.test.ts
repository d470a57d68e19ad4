import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ACCESS_LOG_TEMPLATE, parseAccessLogTemplate } from './access-log.ts'
import { checkSnapshot } from './check.ts'
import type { AccessLog, HttpPolicy, TcpListener, Tracing } from './listener-model.ts'
import type { RoutingSnapshot } from './model.ts'

/** Istio's text line, whose operators users bring with them. */
const ISTIO_TEMPLATE =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% ' +
  '%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% ' +
  '%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n'

/** A template as its parts say it. */
function said(template: string): string[] {
  const parsed = parseAccessLogTemplate(template)
  if (parsed.kind === 'problem') return [`${parsed.at}: ${parsed.why}`]
  return parsed.parts.map((part) => {
    if (part.kind === 'literal') return `'${part.text}'`
    if (part.kind === 'plain') return part.operator
    if (part.kind === 'start-time') return `time ${part.format.format(87)}`
    return `${part.of} ${part.names.join(' or ')} ${part.lengthMax}`
  })
}

function served(http: HttpPolicy, tcp: Partial<TcpListener> = {}): RoutingSnapshot {
  return {
    generation: 1,
    sources: [],
    listeners: [{ id: 'l', address: '127.0.0.1', port: 0, protocol: 'http', routeTable: 't', http }],
    tcpListeners: [{ id: 'tcp', address: '127.0.0.1', port: 0, protocol: 'tcp', routes: [], ...tcp }],
    routeTables: [{ id: 't', virtualHosts: [] }],
    clusters: [],
  }
}

const textLog = (template: string): AccessLog => ({ path: '/dev/stdout', format: { kind: 'text', template } })

const findings = (snapshot: RoutingSnapshot) =>
  checkSnapshot(snapshot).map(({ code, path, message }) => `${code} ${path}: ${message}`)

test('a template is literal text and operators', () => {
  assert.deepEqual(said('%PROTOCOL% is 100%% %DURATION%ms'), ['PROTOCOL', "' is 100% '", 'DURATION', "'ms'"])
  assert.deepEqual(said(''), [])
  assert.deepEqual(said('\n'), [])
})

test('a header has an alternative and a length', () => {
  assert.deepEqual(said('%REQ(X-A?:PATH):9%%RESP(Server)%%TRAILER(grpc-status)%'), [
    'request x-a or :path 9',
    'response server Infinity',
    'trailer grpc-status Infinity',
  ])
})

test('the start has a format of its own', () => {
  assert.deepEqual(said('%START_TIME%'), ['time 1970-01-01T00:00:00.087Z'])
  assert.deepEqual(said('%START_TIME(%Y/%m/%d %H:%M:%S.%3f)%'), ['time 1970/01/01 00:00:00.087'])
})

test('Envoy’s line and Istio’s are understood', () => {
  for (const template of [ACCESS_LOG_TEMPLATE, ISTIO_TEMPLATE]) {
    assert.equal(parseAccessLogTemplate(template).kind, 'parts')
  }
})

test('what is not understood is told with its place', () => {
  for (const [template, problem] of [
    ['a %NO_SUCH%', '2: there is no operator %NO_SUCH%'],
    ['a %constructor%', '2: there is no operator at this "%"; write "%%" for a percent sign'],
    ['%REQ(:METHOD', '0: there is no operator at this "%"; write "%%" for a percent sign'],
    ['50 %', '3: there is no operator at this "%"; write "%%" for a percent sign'],
    ['%REQ%', '0: %REQ% takes the name of a header, not ""'],
    ['%REQ(a?b?c)%', '0: %REQ% takes one alternative, not 2'],
    ['%REQ(a b)%', '0: %REQ% takes the name of a header, not "a b"'],
    ['%DURATION:5%', '0: %DURATION% takes no length'],
    ['%DURATION(ms)%', '0: %DURATION% takes no argument'],
    ['%START_TIME(%Q)%', '0: %START_TIME% does not know "%Q"'],
  ] as const) {
    assert.deepEqual(said(template), [problem])
  }
})

test('whatever stands in a template, it is parsed or refused, and nothing of it is lost', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('%', 'R', 'EQ', '(', ')', ':', 'a', '9', 'DURATION') }), (text) => {
      const parsed = parseAccessLogTemplate(text)
      if (parsed.kind === 'problem') return parsed.at < text.length
      const literals = parsed.parts.flatMap((part) => (part.kind === 'literal' ? [part.text] : []))
      return text.includes('%') || literals.join('') === text
    }),
  )
})

test('a snapshot with an access log that cannot be written is refused', () => {
  const json: AccessLog = { path: 'log', format: { kind: 'json', fields: { ok: '%DURATION%', bad: 'x%NOPE%' } } }
  assert.deepEqual(findings(served({ accessLog: json }, { accessLog: textLog('a\nb') })), [
    'bad-template listeners[0].http.accessLog.format.fields.bad: Cannot use the access log\'s template at character 2, "%NOPE%": there is no operator %NOPE%',
    'bad-template tcpListeners[0].accessLog.format.template: Cannot use the access log\'s template at character 1, "a\\nb": a line ends inside it, and an entry is one line',
  ])
  assert.deepEqual(findings(served({ accessLog: { ...textLog('a'), path: '' } })), [
    'bad-access-log listeners[0].http.accessLog.path: Cannot write the access log to "": it is not the path of a file',
  ])
  assert.deepEqual(findings(served({ accessLog: textLog(ISTIO_TEMPLATE) }, { accessLog: textLog('%BYTES_SENT%') })), [])
})

test('a snapshot with tracing that cannot be done is refused', () => {
  const tracing: Tracing = { sampledShare: 1, propagation: ['w3c'], serviceName: 's' }
  assert.deepEqual(findings(served({ tracing })), [])
  const wrong = { ...tracing, sampledShare: 1.5, propagation: [], export: { kind: 'otlp', url: 'ftp://x' } } as const
  assert.deepEqual(
    checkSnapshot(served({ tracing: wrong })).map(({ code }) => code),
    ['bad-share', 'no-propagation', 'bad-url'],
  )
})

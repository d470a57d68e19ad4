import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import {
  RawClient,
  cluster,
  echoing,
  eventually,
  fetchFrom,
  readBody,
  refusePort,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { LiveProxy } from '../support/live-proxy.ts'
import { ask, http2Session } from '../support/http2-client.ts'
import { startHttp2Backend } from '../support/http2-backend.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/base/clock.ts'
import { ACCESS_LOG_TEMPLATE } from '../../src/routing/access-log.ts'
import type { AccessLog, TcpListener } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { RoutePolicy } from '../../src/routing/policy-model.ts'
import type { Route } from '../../src/routing/route-model.ts'

/** A log of its own, which is read once `count` entries are in it. */
interface ReadLog {
  readonly path: string
  readonly entries: (count: number) => Promise<readonly string[]>
}

function logOf(t: TestContext): ReadLog {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-access-'))
  const path = join(folder, 'access.log')
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const read = (): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [])
  return {
    path,
    entries: async (count) => {
      await eventually(() => read().length >= count)
      return read()
    },
  }
}

function logging(snapshot: RoutingSnapshot, path: string, template: string): RoutingSnapshot {
  const accessLog: AccessLog = { path, format: { kind: 'text', template } }
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, http: { accessLog } })) }
}

/** A log is flushed at once, nearly. */
const hastyClock: Clock = {
  ...systemClock,
  after: (delayMs, callback, options) => systemClock.after(Math.min(delayMs, 10), callback, options),
}

async function serving(t: TestContext, snapshot: RoutingSnapshot, template: string) {
  const log = logOf(t)
  const live: LiveProxy = await startProxy(t, logging(snapshot, log.path, template), { clock: hastyClock })
  return { ...log, ...live }
}

test('each request is a line in Envoy’s form', async (t) => {
  const backend = await startBackend(t, echoing)
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const { port, entries } = await serving(t, snapshot, ACCESS_LOG_TEMPLATE)
  const headers = { host: 'echo.example.com', 'user-agent': 'a"b', 'x-request-id': 'id-1' }
  await fetchFrom(port, { method: 'POST', path: '/a?b=c', headers, body: 'hello' })
  const [line = ''] = await entries(1)
  assert.match(line, /^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "POST \/a\?b=c HTTP\/1\.1" 200 - 5 5 \d+ \d+ /)
  assert.ok(line.endsWith(` "127.0.0.1" "a\\"b" "id-1" "echo.example.com" "127.0.0.1:${backend.port}"`), line)
})

test('what went wrong stands in the line', async (t) => {
  const gone = refusePort(t)
  const routes = [
    route('closed', { v1: 1 }, { match: { path: { kind: 'prefix', value: '/closed', caseSensitive: true } } }),
    route('empty', { v2: 1 }, { match: { path: { kind: 'prefix', value: '/empty', caseSensitive: true } } }),
  ]
  const snapshot = snapshotOf(routes, [cluster('v1', [gone.port]), cluster('v2', [])])
  const template =
    '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER% ' +
    '%UPSTREAM_HOST% %ROUTE_NAME% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_TRANSPORT_FAILURE_REASON%'
  const { port, entries } = await serving(t, snapshot, template)
  for (const path of ['/closed', '/empty', '/other']) await fetchFrom(port, { path })
  const failed = 'upstream_reset_before_response_started{connection_failure}'
  assert.deepEqual(await entries(3), [
    `/closed 503 UF ${failed} v1 127.0.0.1:${gone.port} closed 1 connect ECONNREFUSED 127.0.0.1:${gone.port}`,
    '/empty 503 UH no_healthy_upstream v2 - empty 0 -',
    '/other 404 NR route_not_found - - - 0 -',
  ])
})

test('a request that was tried twice is one line, with both tries and the last endpoint', async (t) => {
  const failing = await startBackend(t, (request, response) => {
    request.resume()
    response.writeHead(503).end()
  })
  const good = await startBackend(t, saying('ok'))
  const retry = {
    attempts: 1,
    on: ['5xx'],
    statuses: [],
    perTryTimeoutMs: 0,
    backoff: { initialMs: 1, maxMs: 1 },
    budget: 1,
  } as const
  const snapshot = snapshotOf(
    [route('all', { v1: 1 }, { policy: { retry } })],
    [cluster('v1', [failing.port, good.port])],
  )
  const { port, entries } = await serving(
    t,
    snapshot,
    '%RESPONSE_CODE% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_HOST%',
  )
  await fetchFrom(port)
  assert.deepEqual(await entries(1), [`200 2 127.0.0.1:${good.port}`])
})

test('what the endpoint gets is what the log says: path, host, request id, forwarded-for', async (t) => {
  const seen: IncomingMessage[] = []
  const backend = await startBackend(t, (request, response) => {
    seen.push(request)
    response.setHeader('server', 'echo').end()
  })
  const rewrite = { path: { kind: 'prefix', value: '/new/' }, authority: 'inside' } as const
  const match = { path: { kind: 'prefix', value: '/old/', caseSensitive: true } } as const
  const snapshot = snapshotOf(
    [route('all', { v1: 1 }, { match, policy: { rewrite } })],
    [cluster('v1', [backend.port])],
  )
  const template =
    '%REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH)% %REQ(:AUTHORITY)% %REQ(X-REQUEST-ID)% %REQ(X-FORWARDED-FOR)% %RESP(SERVER)%'
  const { port, entries } = await serving(t, snapshot, template)
  await fetchFrom(port, { path: '/old/a?b', headers: { host: 'outside', 'x-forwarded-for': '1.2.3.4' } })
  const [line] = await entries(1)
  const [received] = seen
  assert.ok(received !== undefined)
  const { url, headers } = received
  const id = String(headers['x-request-id'])
  assert.equal(line, `${url} /old/a?b ${headers.host} ${id} ${String(headers['x-forwarded-for'])} echo`)
  assert.equal(line, `/new/a?b /old/a?b inside ${id} 127.0.0.1 echo`)
})

test('what a route or a destination changes in headers is in the log as the endpoint and the client get it', async (t) => {
  const backend = await startBackend(t, (request, response) => {
    response.setHeader('x-said', request.headersDistinct['x-asked'] ?? []).setHeader('server', 'echo')
    response.end()
  })
  const edits = (value: string) => ({ set: [{ name: 'X-Asked', value }], add: [{ name: 'x-more', value }], remove: [] })
  const policy: Partial<RoutePolicy> = {
    requestHeaders: { set: [], add: [{ name: 'x-more', value: 'route' }], remove: ['x-gone'] },
    responseHeaders: { set: [{ name: 'x-own', value: 'route' }], add: [], remove: ['server'] },
  }
  const base = route('all', {}, { policy })
  const destinations = [{ kind: 'cluster', cluster: 'v1', weight: 1, requestHeaders: edits('destination') }] as const
  const respond = { kind: 'respond', status: 200, body: '', headers: [{ name: 'x-said', value: 'self' }] } as const
  const routes: Route[] = [
    {
      ...route('own', {}, { match: { path: { kind: 'exact', value: '/own', caseSensitive: true } }, policy }),
      action: respond,
    },
    { ...base, action: { kind: 'forward', split: 'all', destinations } },
  ]
  const template = '%REQ(X-ASKED)% %REQ(X-MORE)% %REQ(X-GONE)% %RESP(X-SAID)% %RESP(X-OWN)% %RESP(SERVER)%'
  const { port, entries } = await serving(t, snapshotOf(routes, [cluster('v1', [backend.port])]), template)
  const headers = { 'x-asked': 'client', 'x-more': 'client', 'x-gone': 'client' }
  await fetchFrom(port, { headers })
  await fetchFrom(port, { path: '/own' })
  assert.deepEqual(await entries(2), [
    'destination client,destination,route - destination route -',
    '- route - self route -',
  ])
})

test('what we add about the way here is in the log with the changes of the route, too', async (t) => {
  const seen: IncomingMessage[] = []
  const backend = await startBackend(t, (request, response) => {
    seen.push(request)
    response.end()
  })
  const set = [
    { name: 'x-request-id', value: 'ours' },
    { name: 'x-forwarded-proto', value: 'https' },
  ]
  const add = [{ name: 'x-forwarded-for', value: '10.0.0.1' }]
  const policy = { rewrite: { authority: 'inside' }, requestHeaders: { set, add, remove: [] } }
  const snapshot = snapshotOf([route('all', { v1: 1 }, { policy })], [cluster('v1', [backend.port])])
  const names = ['x-request-id', 'x-forwarded-proto', 'x-forwarded-for', 'x-forwarded-host']
  const template = names.map((name) => `%REQ(${name})%`).join(' ')
  const { port, entries } = await serving(t, snapshot, template)
  await fetchFrom(port, { headers: { host: 'outside' } })
  const got = names.map((name) => String(seen[0]?.headers[name]).replaceAll(', ', ','))
  assert.deepEqual(got, ['ours', 'https', '127.0.0.1,10.0.0.1', 'outside'])
  assert.deepEqual(await entries(1), [got.join(' ')])
})

test('an entry says which ends a request went over, and how long what took', async (t) => {
  let endpointSaw = ''
  const backend = await startBackend(t, (request, response) => {
    endpointSaw = `127.0.0.1:${request.socket.remotePort}`
    request.resume()
    response.end('ok')
  })
  const template =
    '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% ' +
    '%REQUEST_DURATION% %RESPONSE_DURATION% %DURATION%'
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const { port, entries } = await serving(t, snapshot, template)
  const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await client.until((text) => text.endsWith('ok'))
  const [line = ''] = await entries(1)
  const [upstream, remote, local, ...times] = line.split(' ')
  assert.deepEqual(
    [upstream, remote, local],
    [endpointSaw, `127.0.0.1:${client.socket.localPort}`, `127.0.0.1:${port}`],
  )
  const [request = -1, response = -1, all = -1] = times.map(Number)
  assert.ok(request === 0 && response >= 0 && all >= response, line)
})

test('a client that goes away is DC, and what was no request is DPE', async (t) => {
  const backend = await startBackend(t, () => {})
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const { port, entries } = await serving(
    t,
    snapshot,
    '%REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%',
  )
  const client = new RawClient(t, port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually(() => backend.accepted === 1)
  client.socket.resetAndDestroy()
  await entries(1)
  await new RawClient(t, port).send('nonsense\r\n\r\n').untilClosed()
  assert.deepEqual(await entries(2), ['GET 0 DC downstream_remote_disconnect', '- 400 DPE http1.codec_error'])
})

test('a request that is refused for its body is told of as every other, and so is what a malformed one was answered', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const template = '%REQ(:METHOD)% %REQ(:PATH)% %REQ(USER-AGENT)% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_SENT%'
  const log = logOf(t)
  const http = {
    accessLog: { path: log.path, format: { kind: 'text', template } },
    limits: { bodyBytesMax: 5 },
  } as const
  const listeners = snapshot.listeners.map((listener) => ({ ...listener, http }))
  const live = await startProxy(t, { ...snapshot, listeners }, { clock: hastyClock })
  const sizes: number[] = []
  const answered = async (text: string): Promise<void> => {
    const reply = await new RawClient(t, live.port).send(text).untilClosed()
    sizes.push(reply.length - reply.indexOf('\r\n\r\n') - 4)
    await log.entries(sizes.length)
  }
  const head = 'POST /up HTTP/1.1\r\nhost: a\r\nuser-agent: me\r\n'
  await answered(`${head}content-length: 6\r\n\r\n`)
  await answered(`${head}transfer-encoding: chunked\r\n\r\n6\r\n123456\r\n0\r\n\r\n`)
  await answered(`${head}transfer-encoding: chunked\r\n\r\nnonsense\r\n`)
  await answered('nonsense\r\n\r\n')
  const session = connect(`http://127.0.0.1:${live.port}`)
  t.after(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': '/two', 'user-agent': 'me', 'content-length': 6 })
  const reply = await stream.setEncoding('utf8').toArray()
  assert.deepEqual(await log.entries(5), [
    `POST /up me 413 DPE ${sizes[0]}`,
    `POST /up me 413 DPE ${sizes[1]}`,
    `POST /up me 400 DPE ${sizes[2]}`,
    `- - - 400 DPE ${sizes[3]}`,
    `POST /two me 413 DPE ${reply.join('').length}`,
  ])
  assert.deepEqual(live.counted(), { '413 DPE': 3, '400 DPE': 2 })
})

test('of bodies, the bytes are told that the client’s own protocol has for them', async (t) => {
  const chunked = await startBackend(t, (request, response) => {
    void readBody(request).then((body) => {
      response.write('hel')
      setImmediate(() => response.end(`lo${body}`))
    })
  })
  const template = '%PROTOCOL% %BYTES_RECEIVED% %BYTES_SENT%'
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [chunked.port])])
  const { port, entries, ...live } = await serving(t, snapshot, template)
  const session = http2Session(t, port)
  const reply = await ask(session, { headers: { ':method': 'POST' }, body: 'abc', trailers: { 'x-a': 'b' } })
  assert.equal(reply.body, 'helloabc')
  await entries(1)
  await new RawClient(t, port).send('GET / HTTP/1.0\r\nhost: a\r\n\r\n').untilClosed()
  await entries(2)
  const body = '3\r\nabc\r\n0\r\n\r\n'
  const head = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n'
  const raw = await new RawClient(t, port).send(head + body).untilClosed()
  const sent = raw.length - raw.indexOf('\r\n\r\n') - 4
  assert.deepEqual(await entries(3), ['HTTP/2 3 8', 'HTTP/1.0 0 5', `HTTP/1.1 ${body.length} ${sent}`])
  const [all] = live.series()
  assert.deepEqual([all?.requests, all?.requestBytes, all?.responseBytes], [3, 3 + body.length, 8 + 5 + sent])
})

for (const [name, policy, details] of [
  ['the timeout of a route', { timeoutMs: 20 }, 'upstream_response_timeout'],
  ['silence', { timeoutMs: 0, idleTimeoutMs: 20 }, 'stream_idle_timeout'],
] as const) {
  test(`${name} is named as what it is, before a response and in the middle of one`, async (t) => {
    const backend = await startBackend(t, (request, response) => {
      if (request.url === '/begun') response.writeHead(200).write('a')
    })
    const snapshot = snapshotOf([route('all', { v1: 1 }, { policy })], [cluster('v1', [backend.port])])
    const template = '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%'
    const { port, entries } = await serving(t, snapshot, template)
    await new RawClient(t, port).send('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n').untilClosed()
    await entries(1)
    await new RawClient(t, port).send('GET /begun HTTP/1.1\r\nhost: a\r\n\r\n').untilClosed()
    assert.deepEqual(await entries(2), [`504 UT ${details}`, `200 UT ${details}`])
  })
}

test('an entry in JSON has numbers, and null for what is missing', async (t) => {
  const backend = await startBackend(t, saying('hello'))
  const log = logOf(t)
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const fields = { code: '%RESPONSE_CODE%', sent: '%BYTES_SENT%', flags: '%RESPONSE_FLAGS%', host: '%UPSTREAM_HOST%' }
  const accessLog: AccessLog = { path: log.path, format: { kind: 'json', fields } }
  const listeners = snapshot.listeners.map((listener) => ({ ...listener, http: { accessLog } }))
  const { port } = await startProxy(t, { ...snapshot, listeners }, { clock: hastyClock })
  await fetchFrom(port)
  const [line = ''] = await log.entries(1)
  assert.deepEqual(JSON.parse(line), { code: 200, sent: 5, flags: null, host: `127.0.0.1:${backend.port}` })
})

test('a TCP connection is one line when it is over', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.pipe(socket))
  const gone = refusePort(t)
  const log = logOf(t)
  const template =
    '%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% ' +
    '%ROUTE_NAME% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT% %UPSTREAM_TRANSPORT_FAILURE_REASON%'
  const tcp = (id: string, to: string): TcpListener => ({
    id,
    address: '127.0.0.1',
    port: 0,
    protocol: 'tcp',
    accessLog: { path: log.path, format: { kind: 'text', template } },
    routes: [
      {
        id: `route-${id}`,
        origin: { group: '', kind: 'Test', namespace: '', name: id, generation: 1, rule: 0, match: 0 },
        serverNames: [],
        action: { kind: 'forward', split: id, destinations: [{ kind: 'cluster', cluster: to, weight: 1 }] },
        idleTimeoutMs: 0,
      },
    ],
  })
  const { proxy } = await startProxy(
    t,
    {
      ...snapshotOf([], [cluster('v1', [backend.port]), cluster('v2', [gone.port])]),
      listeners: [],
      tcpListeners: [tcp('good', 'v1'), tcp('bad', 'v2')],
    },
    { clock: hastyClock },
  )
  const [goodPort = 0, badPort = 0] = proxy.listeners.map(({ port }) => port)
  const client = new RawClient(t, goodPort).send('hello')
  await client.until((text) => text === 'hello')
  client.socket.end()
  await log.entries(1)
  await new RawClient(t, badPort).untilClosed()
  assert.deepEqual(await log.entries(2), [
    `- 0 - 5 5 127.0.0.1:${backend.port} v1 route-good 127.0.0.1 ${goodPort} -`,
    `- 0 UF 0 0 127.0.0.1:${gone.port} v2 route-bad 127.0.0.1 ${badPort} connect ECONNREFUSED 127.0.0.1:${gone.port}`,
  ])
})

test('a log that is moved away under load loses no line and tears none', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const { port, path, entries } = await serving(
    t,
    snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])]),
    '%REQ(:PATH)% %REQ(USER-AGENT)%',
  )
  let sent = 0
  const agent = 'x'.repeat(300)
  const load = async (until: () => boolean): Promise<void> => {
    const client = new RawClient(t, port)
    while (!until()) {
      client.clear()
      client.send(`GET /${sent++} HTTP/1.1\r\nhost: a\r\nuser-agent: ${agent}\r\n\r\n`)
      await client.until((text) => text.endsWith('ok'))
    }
    client.socket.destroy()
  }
  await load(() => existsSync(path) && statSync(path).size > 0)
  renameSync(path, `${path}.1`)
  await Promise.all([1, 2, 3].map(() => load(() => existsSync(path) && statSync(path).size > 0)))
  const old = readFileSync(`${path}.1`, 'utf8').split('\n').slice(0, -1)
  const lines = [...old, ...(await entries(sent - old.length))]
  assert.deepEqual(
    lines.map((line) => Number(/^\/(\d+) x{300}$/.exec(line)?.[1])).toSorted((a, b) => a - b),
    Array.from({ length: sent }, (_, index) => index),
  )
})

test('what is under way when the proxy ends is in the log, over either protocol', async (t) => {
  const backend = await startBackend(t, () => {})
  const log = logOf(t)
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const { proxy, port } = await startProxy(
    t,
    logging(snapshot, log.path, '%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS%'),
  )
  new RawClient(t, port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const session = connect(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  session.on('error', () => {})
  session.request({ ':path': '/' }).on('error', () => {})
  await eventually(() => backend.accepted === 2)
  await proxy.close(0)
  assert.deepEqual(readFileSync(log.path, 'utf8').split('\n').toSorted(), ['', 'HTTP/1.1 0 DC', 'HTTP/2 0 DC'])
})

test('a request over HTTP/2 says so, and has the trailers of its response', async (t) => {
  const backend = await startHttp2Backend(t, (stream) => {
    stream.resume()
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '7', 'x-a': 'b' }))
    stream.end('reply')
  })
  const template =
    '%PROTOCOL% %REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %RESPONSE_CODE% %TRAILER(X-A)% %GRPC_STATUS%'
  const clusters = [cluster('v1', [backend.port], { protocol: 'http2' })]
  const { port, entries } = await serving(t, snapshotOf([route('all', { v1: 1 })], clusters), template)
  const session = connect(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  const fields = { ':method': 'POST', ':path': '/a', ':authority': 'echo', 'content-type': 'application/grpc' }
  session.request(fields).resume().end('x')
  assert.deepEqual(await entries(1), ['HTTP/2 POST /a echo 200 b PermissionDenied'])
})

test('an upgraded connection is one line when it is over', async (t) => {
  const backend = await startRawBackend(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
      socket.pipe(socket)
    })
  })
  const snapshot = snapshotOf([route('all', { v1: 1 })], [cluster('v1', [backend.port])])
  const { port, entries } = await serving(t, snapshot, '%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT%')
  const client = new RawClient(t, port)
  client.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
  await client.until((text) => text.endsWith('\r\n\r\n'))
  client.send('hello')
  await client.until((text) => text.endsWith('hello'))
  client.socket.end()
  assert.deepEqual(await entries(1), ['101 - 5 5'])
})

test('a CONNECT tunnel is one line when it is over, from its endpoint', async (t) => {
  const backend = await startRawBackend(t, (socket) => socket.pipe(socket))
  const routes = [route('db', { v1: 1 }, { match: { methods: ['CONNECT'] } })]
  const snapshot = snapshotOf(routes, [cluster('v1', [backend.port])])
  const template = '%RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST% %UPSTREAM_LOCAL_ADDRESS% %BYTES_SENT%'
  const { port, entries } = await serving(t, snapshot, template)
  const client = new RawClient(t, port).send('CONNECT db.test:1 HTTP/1.1\r\nhost: db.test:1\r\n\r\n')
  await client.until((text) => text.endsWith('\r\n\r\n'))
  await client.send('hello').until((text) => text.endsWith('hello'))
  client.socket.end()
  const [entry = ''] = await entries(1)
  assert.match(entry, new RegExp(`^200 via_upstream 127\\.0\\.0\\.1:${backend.port} 127\\.0\\.0\\.1:[1-9][0-9]* 5$`))
})

test('faults of a route are told by their flags', async (t) => {
  const backend = await startBackend(t, saying('ok'))
  const routes = [route('abort', { v1: 1 }, { policy: { fault: { abort: { share: 1, status: 418 } } } })]
  const snapshot = snapshotOf(routes, [cluster('v1', [backend.port])])
  const { port, entries } = await serving(t, snapshot, '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%')
  await fetchFrom(port)
  assert.deepEqual(await entries(1), ['418 FI fault_filter_abort'])
})

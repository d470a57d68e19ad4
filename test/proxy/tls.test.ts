import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { testAuthority } from '../support/certificates.ts'
import type { TestCertificate } from '../support/certificates.ts'
import { sendPattern } from '../support/http1-pattern.ts'
import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  cluster,
  eventually,
  fetchFrom,
  forwardingTo,
  readBody,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import { createLog } from '../../src/base/log.ts'
import type { ClientTls } from '../../src/routing/cluster-model.ts'
import type { ServerTls } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const authority = await testAuthority()
const other = await testAuthority('another authority')
const server = await authority.issue('echo.example.com')
const wildcard = await authority.issue('*.example.com')
const client = await authority.issue('client')

function certificateOf(pair: TestCertificate, serverNames: readonly string[] = []): ServerTls['certificates'][number] {
  return { ...pair, serverNames }
}

function overTls(snapshot: RoutingSnapshot, tls: Partial<ServerTls> = {}): RoutingSnapshot {
  const all: ServerTls = { certificates: [certificateOf(server)], minVersion: 'TLSv1.2', ...tls }
  return {
    ...snapshot,
    listeners: snapshot.listeners.map((listener) => ({ ...listener, protocol: 'https' as const, tls: all })),
  }
}

/** A handshake, and one request over it where it succeeds. */
async function handshake(t: TestContext, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    ca: authority.certificate,
    servername: 'echo.example.com',
    ...options,
  })
  t.after(() => socket.destroy())
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** The whole answer to one request, on a connection that ends after it. */
async function ask(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const part of socket) text += String(part)
  return text
}

const subjectOf = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN

describe('HTTPS listeners', () => {
  test('requests come over TLS, and the endpoint is told so', async (t) => {
    const backend = await startBackend(t, (request, response) => response.end(request.headers['x-forwarded-proto']))
    const { port } = await startProxy(t, overTls(forwardingTo(backend.port)))
    const socket = await handshake(t, port, { ALPNProtocols: ['http/1.1'] })
    assert.equal(socket.alpnProtocol, 'http/1.1')
    assert.match(await ask(socket), /^HTTP\/1\.1 200 [^]*\r\n\r\n(5\r\n)?https/)
  })

  test('a client of HTTP/1.0 may say so', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const { port } = await startProxy(t, overTls(forwardingTo(backend.port)))
    const socket = await handshake(t, port, { ALPNProtocols: ['http/1.0'] })
    assert.equal(socket.alpnProtocol, 'http/1.0')
    assert.match(await ask(socket), /hello$/)
  })

  test('a response that its endpoint breaks off is reset where only the end of the connection would end it', async (t) => {
    const endpoints: Socket[] = []
    const backend = await startRawBackend(t, (socket) => {
      endpoints.push(socket)
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhello'))
    })
    const { port } = await startProxy(t, overTls(forwardingTo(backend.port)))
    const socket = await handshake(t, port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    socket.on('data', (part: Buffer) => {
      if (String(part).endsWith('hello')) endpoints[0]?.resetAndDestroy()
    })
    const code = await new Promise((resolve) => {
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      socket.on('end', () => resolve('ended'))
    })
    assert.equal(code, 'ECONNRESET')
  })

  test('a redirect that names no scheme keeps that of the client', async (t) => {
    const redirect = {
      ...route('r', {}),
      action: { kind: 'redirect', status: 302, host: 'other.example.com', stripQuery: false },
    } as const
    const { port } = await startProxy(t, overTls(snapshotOf([redirect], [])))
    assert.match(await ask(await handshake(t, port)), /location: https:\/\/other\.example\.com\/\r\n/)
  })

  test('a route may ask for the scheme that the client speaks', async (t) => {
    const own = (id: string, scheme: string) => ({
      ...route(
        id,
        {},
        { match: { headers: [{ name: ':scheme', value: { kind: 'exact', value: scheme }, invert: false }] } },
      ),
      action: { kind: 'respond' as const, status: 200, body: id, headers: [] },
    })
    const routes = snapshotOf([own('clear', 'http'), own('secret', 'https')], [])
    assert.equal((await fetchFrom((await startProxy(t, routes)).port)).body, 'clear')
    assert.match(await ask(await handshake(t, (await startProxy(t, overTls(routes))).port)), /secret$/)
  })

  test('the certificate is chosen by server name: exact, wildcard, else the first', async (t) => {
    const certificates = [certificateOf(server), certificateOf(wildcard), certificateOf(client, ['chosen.test'])]
    const { port } = await startProxy(t, overTls(snapshotOf([], []), { certificates }))
    const shown = async (servername: string): Promise<unknown> =>
      subjectOf(await handshake(t, port, { servername, rejectUnauthorized: false }))
    assert.equal(await shown('echo.example.com'), 'echo.example.com')
    assert.equal(await shown('WWW.example.com'), '*.example.com')
    assert.equal(await shown('a.b.example.com'), 'echo.example.com')
    assert.equal(await shown('chosen.test'), 'client')
    assert.equal(await shown(''), 'echo.example.com')
  })

  test('new certificates are for new connections; those that are there go on', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const live = await startProxy(t, overTls(forwardingTo(backend.port)))
    const before = await handshake(t, live.port)
    await live.apply(overTls(forwardingTo(backend.port), { certificates: [certificateOf(wildcard)] }))
    const after = await handshake(t, live.port)
    assert.equal(subjectOf(after), '*.example.com')
    assert.match(await ask(before), /hello/)
    assert.match(await ask(after), /hello/)
  })

  test('a client must show a certificate where authorities are given, and may stop needing one', async (t) => {
    const backend = await startBackend(t, saying('hello'))
    const mutual = overTls(forwardingTo(backend.port), { clientAuthorities: authority.certificate })
    const live = await startProxy(t, mutual)
    const good = { cert: client.certificate, key: client.privateKey }
    const foreign = await other.issue('client')
    assert.match(await ask(await handshake(t, live.port, good)), /hello/)
    for (const options of [{}, { cert: foreign.certificate, key: foreign.privateKey }]) {
      // In TLS 1.3 a client believes that it is connected until it reads.
      const answer = handshake(t, live.port, options).then(ask)
      assert.doesNotMatch(await answer.catch(() => ''), /HTTP/)
    }
    await live.apply(overTls(forwardingTo(backend.port)))
    assert.match(await ask(await handshake(t, live.port)), /hello/)
  })

  test('a client that breaks off while the endpoint does not take its request is noticed', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => socket.pause())
    })
    const live = await startProxy(t, overTls(forwardingTo(backend.port)))
    const wire = connect(live.port, '127.0.0.1')
    const socket = await handshake(t, live.port, { socket: wire })
    wire.on('error', () => {})
    socket.on('error', () => {})
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')
    const source = sendPattern(socket, 1_000_000_000)
    let last = 0
    for (let still = 0; still < 500; still++) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      if (source.sent !== last) still = 0
      last = source.sent
    }
    wire.resetAndDestroy()
    await eventually(() => live.counted()['0 DC'] === 1)
  })

  test('old versions of TLS are refused', async (t) => {
    const { port } = await startProxy(t, overTls(snapshotOf([], []), { minVersion: 'TLSv1.3' }))
    await assert.rejects(handshake(t, port, { maxVersion: 'TLSv1.2' }))
    assert.equal((await handshake(t, port)).getProtocol(), 'TLSv1.3')
  })

  test('a client that does not finish its handshake in time, or speaks no TLS, is closed', async (t) => {
    const clock = new FakeClock()
    const live = await startProxy(t, overTls(snapshotOf([], [])), { clock })
    const silent = new RawClient(t, live.port)
    const clear = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    assert.doesNotMatch(await clear.untilClosed(), /HTTP/)
    await clock.advance(11_000)
    assert.equal(await silent.untilClosed(), '')
  })

  test('a snapshot with a key that does not belong to its certificate is refused, without a word of the key', async (t) => {
    const live = await startProxy(t, overTls(snapshotOf([], [])))
    const wrong = overTls(snapshotOf([], []), {
      certificates: [{ serverNames: [], certificate: server.certificate, privateKey: wildcard.privateKey }],
    })
    const applied = await live.proxy.apply(wrong)
    assert.equal(applied.kind, 'refused')
    assert.match(JSON.stringify(applied), /certificates of listener/)
    assert.doesNotMatch(JSON.stringify(applied), /BEGIN|PRIVATE/)
    assert.equal(subjectOf(await handshake(t, live.port)), 'echo.example.com')
  })
})

/** An endpoint that speaks TLS and says whether its client resumed a session and which certificate it showed. */
async function startTlsBackend(t: TestContext, mutual = false): Promise<number> {
  const backend = createHttpsServer(
    {
      cert: server.certificate,
      key: server.privateKey,
      ...(mutual && { ca: authority.certificate, requestCert: true }),
    },
    (request, response) => {
      const socket = request.socket as TLSSocket
      const shown = mutual ? subjectOf(socket) : 'none'
      response.setHeader('connection', 'close')
      response.end(JSON.stringify({ resumed: socket.isSessionReused(), shown, name: socket.servername }))
    },
  )
  backend.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => {
    backend.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    backend.closeAllConnections()
    backend.close()
  })
  return (backend.address() as AddressInfo).port
}

function toTls(port: number, tls: ClientTls): RoutingSnapshot {
  return snapshotOf([route('all', { v1: 1 })], [cluster('v1', [port], { tls })])
}

const trusted: ClientTls = { authorities: authority.certificate, serverName: 'echo.example.com' }

describe('TLS to endpoints', () => {
  test('the endpoint is verified, told the server name, and sessions are used again', async (t) => {
    const live = await startProxy(t, toTls(await startTlsBackend(t), trusted))
    assert.deepEqual(JSON.parse((await fetchFrom(live.port)).body), {
      resumed: false,
      shown: 'none',
      name: 'echo.example.com',
    })
    assert.equal(JSON.parse((await fetchFrom(live.port)).body).resumed, true)
  })

  test('the proxy shows its certificate where it has one', async (t) => {
    const backend = await startTlsBackend(t, true)
    const live = await startProxy(t, toTls(backend, { ...trusted, ...client }))
    assert.equal(JSON.parse((await fetchFrom(live.port)).body).shown, 'client')
    await live.apply(toTls(backend, trusted))
    assert.equal((await fetchFrom(live.port)).status, 503)
  })

  const bad: readonly [string, ClientTls][] = [
    ['of another authority', { ...trusted, authorities: other.certificate }],
    ['for another name', { ...trusted, serverName: 'elsewhere.test' }],
    ['that does not name its address', { authorities: authority.certificate }],
  ]
  for (const [name, tls] of bad) {
    test(`a certificate ${name} is as good as no connection`, async (t) => {
      const lines: string[] = []
      const write = (line: string): number => lines.push(line)
      const log = createLog({ clock: new FakeClock(), level: 'warn', format: 'text', write })
      const live = await startProxy(t, toTls(await startTlsBackend(t), tls), { log })
      assert.equal((await fetchFrom(live.port)).status, 503)
      assert.equal((await fetchFrom(live.port)).status, 503)
      assert.deepEqual(live.counted(), { '503 UF': 2 })
      assert.equal(lines.length, 1)
      assert.match(lines.join(''), /WARN {2}TLS to an endpoint failed.* reason=/)
    })
  }

  test('nothing is verified where that is asked for', async (t) => {
    const live = await startProxy(t, toTls(await startTlsBackend(t), { insecureSkipVerify: true }))
    assert.equal((await fetchFrom(live.port)).status, 200)
  })

  test('an endpoint that speaks no TLS is a failed connection', async (t) => {
    const backend = await startBackend(t, saying('clear'))
    const live = await startProxy(t, toTls(backend.port, trusted))
    assert.equal((await fetchFrom(live.port, { method: 'POST', body: 'x' })).status, 503)
    assert.deepEqual(live.counted(), { '503 UF': 1 })
  })

  test('a listener and an endpoint may both speak TLS', async (t) => {
    const live = await startProxy(t, overTls(toTls(await startTlsBackend(t), trusted)))
    const body = await new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: live.port, ca: authority.certificate, servername: 'echo.example.com' }
      const request = httpsRequest({ ...options, agent: false }, (response) => {
        readBody(response).then(resolve, reject)
      })
      request.on('error', reject)
      request.end()
    })
    assert.match(body, /resumed/)
  })
})

test('a client in its handshake when the proxy begins to end still gets its answer', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const live = await startProxy(t, overTls(forwardingTo(backend.port)), { clock: new FakeClock() })
  const socket = connect(live.port, '127.0.0.1')
  await once(socket, 'connect')
  const closed = live.proxy.close(10_000)
  const secure = await handshake(t, live.port, { socket })
  secure.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  let text = ''
  for await (const part of secure) text += String(part)
  assert.match(text, /^HTTP\/1.1 200 OK\r\n[^]*connection: close\r\n[^]*v1$/i)
  await closed
})

import assert from 'node:assert/strict'
import { createServer as createHttp2Server, createSecureServer } from 'node:http2'
import type { Http2Server, ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { testAuthority } from '../../../test/support/certificates.ts'
import { saying, startBackend, startRawBackend } from '../../../test/support/live-proxy.ts'
import { silentLog } from '../../base/log.ts'
import type { ClientTls, HealthCheck } from '../../routing/cluster-model.ts'

import { askEndpoint } from './health-questions.ts'
import type { CheckedAddress } from './health-questions.ts'
import { ClientTlsContext } from '../tls/client-tls.ts'

const authority = await testAuthority()
const server = await authority.issue('echo.example.com')
const client = await authority.issue('client')

const CHECK: HealthCheck = {
  kind: 'http',
  path: '/health',
  host: 'echo.test',
  intervalMs: 1_000,
  timeoutMs: 200,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
}

const TRUSTING: ClientTls = { authorities: authority.certificate, serverName: 'echo.example.com' }
const MUTUAL: ClientTls = { ...TRUSTING, ...client }

async function listening(t: TestContext, listener: Server): Promise<number> {
  const sockets = new Set<Socket>()
  listener.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => {
    listener.close()
    for (const socket of sockets) socket.destroy()
  })
  return (listener.address() as AddressInfo).port
}

interface Way {
  readonly tls?: ClientTls
  readonly protocol?: CheckedAddress['protocol']
  readonly check?: Partial<HealthCheck>
}

/** Whether the endpoint's first answer is good. */
function ask(port: number, { tls, protocol = 'http1', check = {} }: Way = {}): Promise<boolean> {
  const context = tls === undefined ? null : new ClientTlsContext(tls, { id: 1, log: silentLog })
  return new Promise((resolve) => {
    const giveUp = askEndpoint(
      { address: '127.0.0.1', port, tls: context, protocol },
      { ...CHECK, ...check },
      (good) => {
        resolve(good)
        setImmediate(() => giveUp())
      },
    )
  })
}

test('an endpoint is asked in HTTP/1.1, and every status of 200 to 299 is good', async (t) => {
  for (const [status, isGood] of [
    [200, true],
    [204, true],
    [299, true],
    [302, false],
    [404, false],
    [500, false],
  ] as const) {
    const { port } = await startBackend(t, (request, response) => {
      response.statusCode = request.url === '/health' && request.headers.host === 'echo.test' ? status : 400
      response.end()
    })
    assert.equal(await ask(port), isGood, String(status))
  }
})

test('over TLS the certificate must be as the cluster wants it', async (t) => {
  const port = await listening(t, createHttpsServer({ cert: server.certificate, key: server.privateKey }, saying('ok')))
  for (const kind of ['http', 'tcp'] as const) {
    assert.equal(await ask(port, { tls: TRUSTING, check: { kind } }), true, kind)
    assert.equal(await ask(port, { tls: { ...TRUSTING, serverName: 'other' }, check: { kind } }), false, kind)
    assert.equal(await ask(port, { tls: { insecureSkipVerify: true }, check: { kind } }), true, kind)
  }
})

test('an endpoint that wants a certificate gets that of the cluster', async (t) => {
  const options = {
    cert: server.certificate,
    key: server.privateKey,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
  }
  const port = await listening(t, createHttpsServer(options, saying('ok')))
  assert.equal(await ask(port, { tls: MUTUAL }), true)
  assert.equal(await ask(port, { tls: TRUSTING }), false)
})

test('an endpoint of a cluster that speaks HTTP/2 is asked in HTTP/2', async (t) => {
  const seen: string[] = []
  const plain = await listening(
    t,
    createHttp2Server((request, response) => {
      seen.push(`${request.httpVersion} ${request.authority} ${request.url}`)
      response.statusCode = 204
      response.end()
    }),
  )
  assert.equal(await ask(plain, { protocol: 'http2' }), true)
  assert.deepEqual(seen, ['2.0 echo.test /health'])
  const secure = await listening(
    t,
    createSecureServer({ cert: server.certificate, key: server.privateKey }, (request, response) => {
      response.statusCode = request.url === '/health' ? 200 : 500
      response.end()
    }),
  )
  assert.equal(await ask(secure, { protocol: 'http2', tls: TRUSTING }), true)
  assert.equal(await ask(secure, { protocol: 'http2', tls: TRUSTING, check: { path: '/other' } }), false)
})

/** A server of gRPC whose answer to whatever it is asked is `message`, then `status`. */
function answeringGrpc(message: Buffer, status: string, seen: string[] = []): Http2Server {
  return createHttp2Server().on('stream', (stream: ServerHttp2Stream, headers) => {
    const parts: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('end', () => {
      seen.push(`${headers[':method']} ${headers[':path']} ${headers[':authority']} ${headers['content-type']}`)
      seen.push(Buffer.concat(parts).toString('latin1'))
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
      for (const byte of message) stream.write(Buffer.from([byte]))
      stream.end()
    })
  })
}

const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1])

test('an endpoint of gRPC is asked by its health protocol, about a service or as a whole', async (t) => {
  const seen: string[] = []
  const port = await listening(t, answeringGrpc(SERVING, '0', seen))
  const grpc = { protocol: 'http2', check: { kind: 'grpc' } } as const
  assert.equal(await ask(port, grpc), true)
  const long = 'x'.repeat(200)
  assert.equal(await ask(port, { ...grpc, check: { kind: 'grpc', service: long } }), true)
  const call = 'POST /grpc.health.v1.Health/Check echo.test application/grpc'
  assert.deepEqual(seen, [call, '\0\0\0\0\0', call, `\0\0\0\0\xcb\x0a\xc8\x01${long}`])
})

test('an endpoint of gRPC that does not say that it serves is not good', async (t) => {
  const answers: readonly (readonly [message: Buffer, status: string])[] = [
    [Buffer.from([0, 0, 0, 0, 2, 8, 2]), '0'],
    [Buffer.from([0, 0, 0, 0, 0]), '0'],
    [Buffer.alloc(0), '12'],
    [SERVING, '13'],
    [SERVING.subarray(0, 6), '0'],
    [Buffer.alloc(2_000), '0'],
  ]
  for (const [message, status] of answers) {
    const port = await listening(t, answeringGrpc(message, status))
    assert.equal(await ask(port, { protocol: 'http2', check: { kind: 'grpc' } }), false, `${message.length} ${status}`)
  }
  const { port: http1 } = await startBackend(t, saying('ok'))
  assert.equal(await ask(http1, { protocol: 'http2', check: { kind: 'grpc' } }), false)
})

test('an endpoint that speaks another protocol, or nothing, is not good', async (t) => {
  const { port: http1 } = await startBackend(t, saying('ok'))
  assert.equal(await ask(http1, { protocol: 'http2' }), false)
  assert.equal(await ask(http1, { tls: TRUSTING }), false)
  const closing = await startRawBackend(t, (socket) => socket.destroy())
  assert.equal(await ask(closing.port), false)
  assert.equal(await ask(closing.port, { protocol: 'http2' }), false)
  await closing.close()
  assert.equal(await ask(closing.port), false)
  assert.equal(await ask(closing.port, { protocol: 'http2' }), false)
  assert.equal(await ask(closing.port, { check: { kind: 'tcp' } }), false)
})

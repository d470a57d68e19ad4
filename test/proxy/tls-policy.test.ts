/** What TLS is spoken, by every server and client of the product (`src/base/tls-policy.ts`). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { startTestServer } from '../../src/api-server/testing/test-server.ts'
import { testAuthority } from '../support/certificates.ts'
import {
  cluster,
  fetchFrom,
  forwardingTo,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import { connectTls12, renegotiates } from '../support/tls-client.ts'

const authority = await testAuthority('with RSA keys', 'rsa')
const certificate = await authority.issue('echo.example.com')
const tls = { certificates: [{ ...certificate, serverNames: [] }], minVersion: 'TLSv1.2' } as const

async function httpsListener(t: TestContext): Promise<number> {
  const backend = await startBackend(t, saying('hello'))
  const snapshot = forwardingTo(backend.port)
  const listeners = snapshot.listeners.map((listener) => ({ ...listener, protocol: 'https' as const, tls }))
  return (await startProxy(t, { ...snapshot, listeners })).port
}

async function tcpListener(t: TestContext): Promise<number> {
  const backend = await startBackend(t, saying('hello'))
  const { action, origin } = route('all', { v1: 1 })
  assert.equal(action.kind, 'forward')
  const { proxy } = await startProxy(t, {
    ...snapshotOf([], [cluster('v1', [backend.port])]),
    listeners: [],
    tcpListeners: [
      {
        id: 'tcp',
        address: '127.0.0.1',
        port: 0,
        protocol: 'tls',
        tls,
        routes: [{ id: 'all', origin, serverNames: [], idleTimeoutMs: 0, action }],
      },
    ],
  })
  return proxy.listeners[0]?.port ?? 0
}

async function apiServer(t: TestContext): Promise<number> {
  return (await startTestServer(t)).server.port
}

const servers = [
  ['an HTTPS listener with HTTP/1.1', httpsListener, ['http/1.1']],
  ['an HTTPS listener with HTTP/2', httpsListener, ['h2']],
  ['a TCP listener with TLS', tcpListener, []],
  ['the API server', apiServer, []],
] as const

describe('no renegotiation', { timeout: 8_000 }, () => {
  for (const [name, start, protocols] of servers) {
    test(`${name} ends the connection of a client that asks for another handshake`, async (t) => {
      const port = await start(t)
      const socket = await connectTls12(t, port, { ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }) })
      socket.resume()
      assert.equal(await renegotiates(socket), false)
      // Others are served as before.
      await connectTls12(t, port)
    })
  }
})

const OUTDATED = ['AES128-GCM-SHA256', 'AES128-SHA', 'DHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA']
const ADVISED = ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305']

describe('cipher suites of TLS 1.2 are those that RFC 9325 advises', { timeout: 20_000 }, () => {
  for (const [name, start] of [servers[0], servers[2]]) {
    test(`for clients of ${name}`, async (t) => {
      const port = await start(t)
      for (const ciphers of OUTDATED) await assert.rejects(connectTls12(t, port, { ciphers }), ciphers)
      for (const ciphers of ADVISED) await connectTls12(t, port, { ciphers })
    })
  }

  test('for clients of the API server', async (t) => {
    const port = await apiServer(t)
    await assert.rejects(connectTls12(t, port, { ciphers: 'ECDHE-ECDSA-AES128-SHA' }))
    await connectTls12(t, port, { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })
  })

  for (const [ciphers, status] of [
    ['AES128-GCM-SHA256', 503],
    ['ECDHE-RSA-AES128-GCM-SHA256', 200],
  ] as const) {
    test(`towards an endpoint that has ${ciphers} alone: ${status}`, async (t) => {
      const { certificate: cert, privateKey: key } = certificate
      const endpoint = createServer({ cert, key, ciphers, maxVersion: 'TLSv1.2' }, (socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
      })
      endpoint.on('tlsClientError', () => {})
      await once(endpoint.listen(0, '127.0.0.1'), 'listening')
      t.after(() => endpoint.close())
      const { port } = endpoint.address() as AddressInfo
      const secure = cluster('v1', [port], { tls: { insecureSkipVerify: true } })
      const live = await startProxy(t, snapshotOf([route('all', { v1: 1 })], [secure]))
      assert.equal((await fetchFrom(live.port)).status, status)
    })
  }
})

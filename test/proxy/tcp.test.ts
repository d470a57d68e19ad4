import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { testAuthority } from '../support/certificates.ts'
import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  cluster,
  eventually,
  refusePort,
  route,
  snapshotOf,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { Balance, Cluster } from '../../src/routing/cluster-model.ts'
import type { TcpListener, TcpRoute } from '../../src/routing/listener-model.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'
import type { ForwardAction } from '../../src/routing/route-model.ts'

const authority = await testAuthority()
const certificate = await authority.issue('echo.example.com')

function tcpRoute(id: string, weights: Readonly<Record<string, number>>, change: Partial<TcpRoute> = {}): TcpRoute {
  const { action, origin } = route(id, weights)
  return { id, origin, serverNames: [], action: action as ForwardAction, idleTimeoutMs: 0, ...change }
}

/** One TCP listener, and nothing else. */
function tcpSnapshot(
  routes: readonly TcpRoute[],
  clusters: readonly Cluster[],
  change: Partial<TcpListener> = {},
): RoutingSnapshot {
  const listener: TcpListener = { id: 'tcp', address: '127.0.0.1', port: 0, protocol: 'tcp', routes, ...change }
  return { ...snapshotOf([], clusters), listeners: [], tcpListeners: [listener] }
}

const toOne = (port: number, change: Partial<TcpRoute> = {}): RoutingSnapshot =>
  tcpSnapshot([tcpRoute('r', { v1: 1 }, change)], [cluster('v1', [port])])

/** Says its name, then repeats what it hears, and ends when the client does. */
const greeting =
  (name: string) =>
  (socket: Socket): void => {
    socket.write(`${name}:`)
    socket.pipe(socket)
  }

describe('TCP', () => {
  test('bytes go both ways, and each direction ends by itself', async (t) => {
    const backend = await startRawBackend(t, (socket) => {
      let text = ''
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
      socket.on('end', () => socket.end(`got ${text}`))
      socket.allowHalfOpen = true
    })
    const live = await startProxy(t, toOne(backend.port))
    const client = new RawClient(t, live.port).send('hello')
    client.socket.end()
    assert.equal(await client.untilClosed(), 'got hello')
    await eventually(() => live.series().length > 0)
    const [series] = live.series()
    assert.deepEqual(
      { requests: series?.requests, sent: series?.requestBytes, got: series?.responseBytes, ...series?.labels },
      {
        requests: 1,
        sent: 5,
        got: 9,
        listener: 'tcp',
        protocol: 'tcp',
        service: 'echo/echo',
        workloadNamespace: 'echo',
        workload: 'v1',
        version: 'v1',
        status: 0,
        flag: '',
      },
    )
  })

  test('an endpoint that may speak first is heard', async (t) => {
    const backend = await startRawBackend(t, greeting('v1'))
    const { port } = await startProxy(t, toOne(backend.port))
    await new RawClient(t, port).until((text) => text === 'v1:')
  })

  test('what the reader does not take is not taken from the writer', async (t) => {
    const size = 64 * 1024 * 1024
    let written = 0
    const backend = await startRawBackend(t, (socket) => {
      const part = Buffer.alloc(64 * 1024)
      const fill = (): void => {
        while (written < size) {
          written += part.length
          if (!socket.write(part)) return
        }
        socket.end()
      }
      socket.on('drain', fill)
      fill()
    })
    const { port } = await startProxy(t, toOne(backend.port))
    const client = connect({ host: '127.0.0.1', port })
    t.after(() => client.destroy())
    client.pause()
    let last = -1
    await eventually(() => backend.accepted === 1)
    // Until the writer was held up over several turns.
    for (let still = 0; still < 200; still = written === last ? still + 1 : 0) {
      last = written
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    assert.ok(written < size, 'the endpoint could write everything although nobody read')
    let read = 0
    for await (const part of client) read += (part as Buffer).length
    assert.equal(read, size)
  })

  test('connections are split by weight', async (t) => {
    const [v1, v2] = [await startRawBackend(t, greeting('v1')), await startRawBackend(t, greeting('v2'))]
    const { port } = await startProxy(
      t,
      tcpSnapshot([tcpRoute('r', { v1: 3, v2: 1 })], [cluster('v1', [v1.port]), cluster('v2', [v2.port])]),
    )
    for (let index = 0; index < 8; index++) await new RawClient(t, port).until((text) => text.endsWith(':'))
    assert.deepEqual([v1.accepted, v2.accepted], [6, 2])
  })

  test('an endpoint that refuses is passed over; with none left the client is closed', async (t) => {
    const gone = refusePort(t)
    const backend = await startRawBackend(t, greeting('v1'))
    const live = await startProxy(
      t,
      tcpSnapshot([tcpRoute('r', { v1: 1 })], [cluster('v1', [gone.port, backend.port])]),
    )
    for (let index = 0; index < 4; index++) {
      assert.match(await new RawClient(t, live.port).send('x').until((text) => text === 'v1:x'), /v1/)
    }
    await live.apply(toOne(gone.port))
    assert.equal(await new RawClient(t, live.port).untilClosed(), '')
    await live.apply(tcpSnapshot([], []))
    assert.equal(await new RawClient(t, live.port).untilClosed(), '')
    assert.equal(live.counted()['0 UF'], 1)
    assert.equal(live.counted()['0 NR'], 1)
  })

  test('connections beyond the limit of the cluster are closed, until one is over', async (t) => {
    const backend = await startRawBackend(t, greeting('v1'))
    const limits = { connectionsMax: 1, pendingMax: 0, requestsMax: 1, retriesMax: 0, requestsPerConnectionMax: 0 }
    const live = await startProxy(
      t,
      tcpSnapshot([tcpRoute('r', { v1: 1 })], [cluster('v1', [backend.port], { limits })]),
    )
    const first = new RawClient(t, live.port)
    await first.until((text) => text === 'v1:')
    assert.equal(await new RawClient(t, live.port).untilClosed(), '')
    first.socket.end()
    await first.untilClosed()
    await eventually(() => live.counted()['0'] === 1)
    await new RawClient(t, live.port).until((text) => text === 'v1:')
    assert.equal(live.counted()['0 UO'], 1)
  })

  test('a connection on which nothing moves is closed when the route says so', async (t) => {
    const clock = new FakeClock()
    const backend = await startRawBackend(t, greeting('v1'))
    const { port } = await startProxy(t, toOne(backend.port, { idleTimeoutMs: 5_000 }), { clock })
    const client = new RawClient(t, port)
    await client.until((text) => text === 'v1:')
    await clock.advance(4_000)
    await client.send('x').until((text) => text === 'v1:x')
    await clock.advance(4_000)
    await client.send('y').until((text) => text === 'v1:xy')
    await clock.advance(5_100)
    await client.untilClosed()
  })

  test('connections stay when their destination loses its weight, for a time', async (t) => {
    const clock = new FakeClock()
    const [v1, v2] = [await startRawBackend(t, greeting('v1')), await startRawBackend(t, greeting('v2'))]
    const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
    const live = await startProxy(t, tcpSnapshot([tcpRoute('r', { v1: 1, v2: 0 })], clusters), { clock })
    const old = new RawClient(t, live.port)
    await old.until((text) => text === 'v1:')
    await live.apply(tcpSnapshot([tcpRoute('r', { v1: 0, v2: 1 })], clusters))
    await new RawClient(t, live.port).until((text) => text === 'v2:')
    await clock.advance(19_000)
    await old.send('x').until((text) => text === 'v1:x')
    await clock.advance(1_200)
    await old.untilClosed()
  })

  test('a cluster that hashes goes by the address of the client, where it or the route says so', async (t) => {
    const backends = await Promise.all(['v1', 'v2', 'v3'].map((name) => startRawBackend(t, greeting(name))))
    const ports = backends.map(({ port }) => port)
    const used = async (balance: Balance, change: Partial<ForwardAction> = {}): Promise<number> => {
      const { action, ...plain } = tcpRoute('r', { v1: 1 })
      const routes = [{ ...plain, action: { ...action, ...change } }]
      const { port } = await startProxy(t, tcpSnapshot(routes, [cluster('v1', ports, { balance })]))
      const names = new Set<string>()
      for (let index = 0; index < 60; index++)
        names.add(await new RawClient(t, port).until((text) => text.endsWith(':')))
      return names.size
    }
    const byAddress = { kind: 'source-address' } as const
    const byUser = { kind: 'header', name: 'x-user' } as const
    assert.equal(await used({ kind: 'maglev', key: byAddress }), 1)
    assert.equal(await used({ kind: 'ring-hash', key: byUser }, { hashKey: byAddress }), 1)
    assert.equal(await used({ kind: 'maglev', key: byUser }), 3)
  })

  test('an endpoint that refuses connections is who has failed, whether another one takes them or not', async (t) => {
    const closed = refusePort(t)
    const open = await startRawBackend(t, greeting('stable'))
    const endpoints = [cluster('canary', [closed.port]), cluster('stable', [open.port])].flatMap(
      (each) => each.endpoints,
    )
    const live = await startProxy(t, tcpSnapshot([tcpRoute('r', { v1: 1 })], [cluster('v1', [], { endpoints })]))
    for (let index = 0; index < 2; index++) await new RawClient(t, live.port).until((text) => text === 'stable:')
    assert.deepEqual(live.retried(), { 'canary 0 UF': 1 })
    const alone = await startProxy(t, tcpSnapshot([tcpRoute('r', { v1: 1 })], [cluster('v1', [closed.port])]))
    await new RawClient(t, alone.port).untilClosed()
    await eventually(() => alone.series().some(({ labels }) => labels.workload === 'v1' && labels.flag === 'UF'))
    assert.deepEqual(alone.retried(), {})
  })

  test('an endpoint that left is draining until its connections are over', async (t) => {
    const clock = new FakeClock()
    const [v1, v2] = [await startRawBackend(t, greeting('v1')), await startRawBackend(t, greeting('v2'))]
    const live = await startProxy(t, toOne(v1.port), { clock })
    const old = new RawClient(t, live.port)
    await old.until((text) => text === 'v1:')
    await live.apply(toOne(v2.port))
    assert.deepEqual(live.proxy.draining, [`127.0.0.1:${v1.port}`])
    await clock.advance(20_200)
    await old.untilClosed()
    assert.deepEqual(live.proxy.draining, [])
  })
})

/** An endpoint that speaks TLS and says which server name it was asked for. */
async function startTlsBackend(t: TestContext, name: string): Promise<number> {
  const server = createTlsServer({ cert: certificate.certificate, key: certificate.privateKey }, (socket) => {
    socket.on('error', () => {})
    socket.end(`${name}:${String(socket.servername)}`)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

async function hear(t: TestContext, port: number, servername: string): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
  t.after(() => socket.destroy())
  let text = ''
  for await (const part of socket) text += String(part)
  return text
}

describe('TLS over TCP', () => {
  test('passed through, it is routed by server name: exact, wildcard, any', async (t) => {
    const ports = await Promise.all(['a', 'b', 'c'].map((name) => startTlsBackend(t, name)))
    const clusters = ['a', 'b', 'c'].map((name, index) => cluster(name, [ports[index] ?? 0]))
    const routes = [
      tcpRoute('exact', { a: 1 }, { serverNames: ['echo.example.com'] }),
      tcpRoute('wildcard', { b: 1 }, { serverNames: ['*.example.com'] }),
      tcpRoute('any', { c: 1 }),
    ]
    const { port } = await startProxy(t, tcpSnapshot(routes, clusters, { protocol: 'tls-passthrough' }))
    assert.equal(await hear(t, port, 'Echo.example.com'), 'a:Echo.example.com')
    assert.equal(await hear(t, port, 'x.y.example.com'), 'b:x.y.example.com')
    assert.equal(await hear(t, port, 'example.com'), 'c:example.com')
    assert.equal(await hear(t, port, ''), 'c:false')
  })

  test('what is no TLS, or takes too long, is closed before anybody hears of it', async (t) => {
    const clock = new FakeClock()
    const backend = await startRawBackend(t, () => {})
    const snapshot = { ...toOne(backend.port) }
    const live = await startProxy(
      t,
      { ...snapshot, tcpListeners: (snapshot.tcpListeners ?? []).map((l) => ({ ...l, protocol: 'tls-passthrough' })) },
      { clock },
    )
    assert.equal(await new RawClient(t, live.port).send('GET / HTTP/1.1\r\n\r\n').untilClosed(), '')
    const slow = new RawClient(t, live.port).send('\x16\x03')
    await eventually(() => live.counted()['0 DPE'] === 1)
    await clock.advance(11_000)
    assert.equal(await slow.untilClosed(), '')
    assert.equal(backend.accepted, 0)
    assert.deepEqual(live.counted(), { '0 DPE': 2 })
  })

  test('ended here, the endpoint gets clear bytes', async (t) => {
    const backend = await startRawBackend(t, (socket) => socket.end('clear'))
    const routes = [tcpRoute('r', { v1: 1 }, { serverNames: ['*.example.com'] })]
    const tls = { certificates: [{ ...certificate, serverNames: [] }], minVersion: 'TLSv1.2' } as const
    const live = await startProxy(t, tcpSnapshot(routes, [cluster('v1', [backend.port])], { protocol: 'tls', tls }))
    assert.equal(await hear(t, live.port, 'echo.example.com'), 'clear')
    assert.equal(await hear(t, live.port, 'elsewhere.test'), '')
  })

  test('towards the endpoint TLS can be begun here', async (t) => {
    const backend = await startTlsBackend(t, 'v1')
    const tls = { authorities: authority.certificate, serverName: 'echo.example.com' }
    const live = await startProxy(t, tcpSnapshot([tcpRoute('r', { v1: 1 })], [cluster('v1', [backend], { tls })]))
    assert.equal(await new RawClient(t, live.port).untilClosed(), 'v1:echo.example.com')
  })
})

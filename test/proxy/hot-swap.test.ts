import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
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
} from '../support/live-proxy.ts'

/** Sends GET and POST by turns on kept connections, one after the other on each, until told to stop; remembers what came. */
function startClients(port: number, connections: number): { stop(): Promise<string[]>; readonly answers: string[] } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers: string[] = []
  let sent = 0
  let isStopping = false
  const once = (): Promise<string> =>
    new Promise((resolve) => {
      const method = sent++ % 2 === 0 ? 'GET' : 'POST'
      const request = httpRequest({ host: '127.0.0.1', port, agent, method }, (response) => {
        readBody(response).then(
          (body) => resolve(`${response.statusCode} ${body}`),
          (error: unknown) => resolve(String(error)),
        )
      })
      request.on('error', (error) => resolve(String(error)))
      request.end(method === 'POST' ? 'a body' : undefined)
    })
  const loop = async (): Promise<void> => {
    while (!isStopping) answers.push(await once())
  }
  const loops = Array.from({ length: connections }, loop)
  return {
    answers,
    async stop() {
      isStopping = true
      await Promise.all(loops)
      agent.destroy()
      return answers
    },
  }
}

test('thousands of requests through a hundred snapshots: none fails, and none follows old weights after they changed', async (t) => {
  const [v1, v2] = await Promise.all([startBackend(t, saying('v1')), startBackend(t, saying('v2'))])
  const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
  const live = await startProxy(t, snapshotOf([route('r', { v1: 1 })], clusters))
  const clients = startClients(live.port, 8)
  for (let round = 0; round < 100; round++) {
    const wanted = round % 2 === 0 ? 'v2' : 'v1'
    await live.apply(snapshotOf([route('r', { [wanted]: 1 })], clusters))
    assert.equal((await fetchFrom(live.port)).body, wanted)
    const seen = clients.answers.length
    await eventually(() => clients.answers.length > seen + 20)
  }
  const answers = await clients.stop()
  assert.ok(answers.length > 2_000)
  assert.deepEqual([...new Set(answers)].toSorted(), ['200 v1', '200 v2'])
})

test('endpoints come and go under load: each is closed as soon as it is drained, and no request fails', async (t) => {
  let changed = (): void => {}
  const first = await startBackend(t, saying('v1'))
  const live = await startProxy(t, forwardingTo(first.port), { onChange: () => changed() })
  const clients = startClients(live.port, 8)
  let current = first
  for (let round = 0; round < 20; round++) {
    const next = await startBackend(t, saying('v1'))
    await live.apply(forwardingTo(next.port))
    while (live.proxy.draining.length > 0) {
      await new Promise<void>((resolve) => {
        changed = resolve
      })
    }
    await current.close()
    current = next
    const seen = clients.answers.length
    await eventually(() => clients.answers.length > seen + 50)
  }
  const answers = await clients.stop()
  assert.deepEqual([...new Set(answers)], ['200 v1'])
})

test('a request in flight finishes at the endpoint that left, which is reported as draining until then', async (t) => {
  const finish = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const old = await startBackend(t, (_request, response) => {
    arrived.resolve()
    void finish.promise.then(() => response.end('old'))
  })
  const next = await startBackend(t, saying('new'))
  let changes = 0
  const live = await startProxy(t, forwardingTo(old.port), { onChange: () => changes++ })
  const slow = fetchFrom(live.port)
  await arrived.promise
  await live.apply(forwardingTo(next.port))
  assert.deepEqual(live.proxy.draining, [`127.0.0.1:${old.port}`])
  assert.equal((await fetchFrom(live.port)).body, 'new')
  finish.resolve()
  assert.equal((await slow).body, 'old')
  assert.deepEqual(live.proxy.draining, [])
  assert.equal(changes, 1)
})

test('an endpoint that comes back while it drains is in use again', async (t) => {
  const finish = Promise.withResolvers<void>()
  const backend = await startBackend(t, (request, response) => {
    if (request.url !== '/slow') response.end('quick')
    else void finish.promise.then(() => response.end('slow'))
  })
  const live = await startProxy(t, forwardingTo(backend.port))
  const slow = fetchFrom(live.port, { path: '/slow' })
  await eventually(() => backend.accepted === 1)
  await live.apply(snapshotOf([], []))
  await live.apply(forwardingTo(backend.port))
  assert.deepEqual(live.proxy.draining, [])
  assert.equal((await fetchFrom(live.port)).body, 'quick')
  finish.resolve()
  assert.equal((await slow).body, 'slow')
})

test('a request that must try another endpoint takes one of the newest snapshot', async (t) => {
  const seen: string[] = []
  const next = await startBackend(t, (request, response) => {
    seen.push(request.url ?? '')
    response.end('new')
  })
  // Takes the kept connection's second request, and closes it only when told.
  const close = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const old = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold')
      socket.once('data', () => {
        arrived.resolve()
        void close.promise.then(() => socket.destroy())
      })
    })
  })
  await new Promise<void>((resolve) => {
    old.listen(0, '127.0.0.1', resolve)
  })
  t.after(() => old.close())
  const live = await startProxy(t, forwardingTo((old.address() as AddressInfo).port))
  assert.equal((await fetchFrom(live.port)).body, 'old')
  const reply = fetchFrom(live.port, { path: '/again' })
  await arrived.promise
  await live.apply(forwardingTo(next.port))
  close.resolve()
  assert.equal((await reply).body, 'new')
  assert.deepEqual(seen, ['/again'])
})

test('a snapshot with an error is refused whole, and the last good one keeps serving', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const live = await startProxy(t, forwardingTo(backend.port))
  const bad = snapshotOf([route('r', { missing: 1 })], [])
  const outcome = await live.proxy.apply(bad)
  assert.equal(outcome.kind, 'refused')
  assert.match(outcome.kind === 'refused' ? outcome.reason : '', /there is no cluster "missing"/)
  assert.equal((await fetchFrom(live.port)).body, 'v1')
})

test('listeners are added, kept and removed as snapshots have them', async (t) => {
  const backend = await startBackend(t, saying('v1'))
  const base = forwardingTo(backend.port)
  const live = await startProxy(t, base)
  const kept = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await kept.until((text) => text.endsWith('v1'))
  const second = { id: 'second', address: '127.0.0.1', port: 0, protocol: 'http' as const, routeTable: 'table' }
  await live.apply({ ...base, listeners: [...base.listeners, second] })
  const [first, other] = live.proxy.listeners
  assert.equal(first?.port, live.port)
  assert.equal((await fetchFrom(other?.port ?? 0)).body, 'v1')
  await live.apply({ ...base, listeners: [second] })
  await kept.untilClosed()
  await assert.rejects(fetchFrom(live.port))
  assert.equal((await fetchFrom(other?.port ?? 0)).body, 'v1')
})

test('an address that is taken is reported, and bound as soon as it is free', async (t) => {
  const taken = await startBackend(t, saying('somebody else'))
  const backend = await startBackend(t, saying('v1'))
  const base = forwardingTo(backend.port)
  const bound = Promise.withResolvers<void>()
  const clock = new FakeClock()
  const live = await startProxy(
    t,
    { ...base, listeners: base.listeners.map((each) => ({ ...each, port: taken.port })) },
    {
      clock,
      onChange: () => {
        if (live.proxy.listeners[0]?.error === undefined) bound.resolve()
      },
    },
  )
  assert.match(live.proxy.listeners[0]?.error ?? '', /EADDRINUSE/)
  await taken.close()
  await clock.advance(1_000)
  await bound.promise
  assert.equal((await fetchFrom(taken.port)).body, 'v1')
})

test('a proxy that closes lets the requests in flight finish, and tells clients to close', async (t) => {
  const finish = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const backend = await startBackend(t, (request, response) => {
    if (request.url !== '/slow') {
      response.end()
      return
    }
    arrived.resolve()
    void finish.promise.then(() => response.end('v1'))
  })
  const live = await startProxy(t, forwardingTo(backend.port))
  const slow = fetchFrom(live.port, { path: '/slow', headers: { connection: 'keep-alive' } })
  await arrived.promise
  const closed = live.proxy.close(10_000)
  // Whoever came in the same moment is still answered.
  const isOpen = (): Promise<boolean> =>
    fetchFrom(live.port).then(
      () => true,
      () => false,
    )
  while (await isOpen());
  finish.resolve()
  const reply = await slow
  assert.equal(reply.body, 'v1')
  assert.equal(reply.headers.connection, 'close')
  await closed
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  cluster,
  eventually,
  fetchFrom,
  forwardingTo,
  readBody,
  refusePort,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'
import type { RetryPolicy } from '../../src/routing/policy-model.ts'

const retry = (change: Partial<RetryPolicy> = {}): RetryPolicy => ({
  attempts: 2,
  on: ['5xx'],
  statuses: [],
  perTryTimeoutMs: 0,
  backoff: { initialMs: 1, maxMs: 1 },
  budget: 0.2,
  ...change,
})

/** Answers with these statuses, one after the other, then with 200 and the body that it got. */
async function answeringInTurn(t: TestContext, statuses: readonly number[]) {
  const left = [...statuses]
  const bodies: string[] = []
  const backend = await startBackend(t, (request, response) => {
    const answer = async (): Promise<void> => {
      bodies.push(await readBody(request))
      response.writeHead(left.shift() ?? 200)
      response.end(`try ${bodies.length}`)
    }
    void answer()
  })
  return { port: backend.port, bodies }
}

describe('retries by policy', () => {
  test('a failed request is tried again with its body, and the client sees the good answer', async (t) => {
    const backend = await answeringInTurn(t, [503, 500])
    const live = await startProxy(t, forwardingTo(backend.port, { retry: retry() }))
    const reply = await fetchFrom(live.port, { method: 'POST', body: 'payload' })
    assert.deepEqual([reply.status, reply.body], [200, 'try 3'])
    assert.deepEqual(backend.bodies, ['payload', 'payload', 'payload'])
    assert.deepEqual(live.counted(), { '200': 1 })
  })

  test('when no try is left the last answer goes through, marked', async (t) => {
    const backend = await answeringInTurn(t, [503, 503, 503, 503])
    const live = await startProxy(t, forwardingTo(backend.port, { retry: retry() }))
    assert.equal((await fetchFrom(live.port)).status, 503)
    assert.equal(backend.bodies.length, 3)
    assert.deepEqual(live.counted(), { '503 URX': 1 })
  })

  const conditions: readonly [string, Partial<RetryPolicy>, number, boolean][] = [
    ['5xx and 500', { on: ['5xx'] }, 500, true],
    ['gateway-error and 500', { on: ['gateway-error'] }, 500, false],
    ['gateway-error and 502', { on: ['gateway-error'] }, 502, true],
    ['reset and 503', { on: ['reset', 'connect-failure'] }, 503, false],
    ['retriable-4xx and 409', { on: ['retriable-4xx'] }, 409, true],
    ['retriable-4xx and 404', { on: ['retriable-4xx'] }, 404, false],
    ['a status of the list', { on: ['retriable-status-codes'], statuses: [429] }, 429, true],
    ['a list that is not asked for', { on: ['5xx'], statuses: [429] }, 429, false],
  ]
  for (const [name, change, status, again] of conditions) {
    test(`${name}: ${again ? 'tried again' : 'not tried again'}`, async (t) => {
      const backend = await answeringInTurn(t, [status])
      const live = await startProxy(t, forwardingTo(backend.port, { retry: retry(change) }))
      assert.equal((await fetchFrom(live.port)).status, again ? 200 : status)
    })
  }

  test('a connection that breaks without an answer is tried again, also for POST, where the policy says so', async (t) => {
    let count = 0
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', () => {
        if (++count === 1) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port, { retry: retry({ on: ['reset'] }) }))
    assert.equal((await fetchFrom(live.port, { method: 'POST', body: 'x' })).body, 'ok')
  })

  test('another endpoint is tried first', async (t) => {
    const [bad, good] = await Promise.all([answeringInTurn(t, [503, 503, 503, 503, 503]), answeringInTurn(t, [])])
    const routes = [route('r', { v1: 1 }, { policy: { retry: retry({ attempts: 1 }) } })]
    const live = await startProxy(t, snapshotOf(routes, [cluster('v1', [bad.port, good.port])]))
    for (let index = 0; index < 8; index++) assert.equal((await fetchFrom(live.port)).status, 200)
    assert.deepEqual(live.counted(), { '200': 8 })
  })

  test('a try that takes too long is given up and made elsewhere', async (t) => {
    const clock = new FakeClock()
    let count = 0
    const backend = await startBackend(t, (_request, response) => {
      if (++count > 1) response.end('ok')
    })
    const policy = { timeoutMs: 10_000, retry: retry({ perTryTimeoutMs: 1_000 }) }
    const live = await startProxy(t, forwardingTo(backend.port, policy), { clock })
    const reply = fetchFrom(live.port)
    await eventually(() => count === 1)
    await clock.advance(1_200)
    assert.equal((await reply).body, 'ok')
  })

  test('the timeout of the route covers all tries', async (t) => {
    const clock = new FakeClock()
    let count = 0
    const backend = await startBackend(t, () => count++)
    const policy = { timeoutMs: 1_500, retry: retry({ attempts: 10, perTryTimeoutMs: 1_000 }) }
    const live = await startProxy(t, forwardingTo(backend.port, policy), { clock })
    const reply = fetchFrom(live.port)
    await eventually(() => count === 1)
    await clock.advance(1_100)
    await eventually(() => count === 2)
    await clock.advance(500)
    assert.equal((await reply).status, 504)
    assert.deepEqual(live.counted(), { '504 UT': 1 })
  })

  test('the back-off is bounded by its step, and a client that leaves ends it', async (t) => {
    const clock = new FakeClock()
    const backend = await answeringInTurn(t, [503])
    const policy = { retry: retry({ backoff: { initialMs: 60_000, maxMs: 60_000 } }) }
    const live = await startProxy(t, forwardingTo(backend.port, policy), { clock })
    const waiting = clock.pending
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => clock.pending > waiting)
    client.socket.resetAndDestroy()
    await eventually(() => clock.pending === waiting)
    await clock.advance(60_000)
    assert.equal(backend.bodies.length, 1)
    assert.deepEqual(live.counted(), { '0 DC': 1 })
  })

  test('a retry goes to endpoints of the newest snapshot only', async (t) => {
    const clock = new FakeClock()
    const [old, now] = await Promise.all([answeringInTurn(t, [503]), startBackend(t, saying('new'))])
    const routes = [
      route('r', { v1: 1 }, { policy: { retry: retry({ backoff: { initialMs: 1_000, maxMs: 1_000 } }) } }),
    ]
    const live = await startProxy(t, snapshotOf(routes, [cluster('v1', [old.port])]), { clock })
    const waiting = clock.pending
    const reply = fetchFrom(live.port)
    await eventually(() => clock.pending > waiting)
    await live.apply(snapshotOf(routes, [cluster('v1', [now.port])]))
    assert.deepEqual(live.proxy.draining, [])
    await clock.advance(1_000)
    assert.equal((await reply).body, 'new')
  })

  test('a body larger than what is kept is not sent again', async (t) => {
    const backend = await answeringInTurn(t, [503])
    const live = await startProxy(t, forwardingTo(backend.port, { retry: retry() }))
    assert.equal((await fetchFrom(live.port, { method: 'PUT', body: Buffer.alloc(300 * 1024) })).status, 503)
    assert.equal(backend.bodies.length, 1)
  })

  test('beyond the budget, failures are passed on', async (t) => {
    const clock = new FakeClock()
    let failed = 0
    const backend = await startBackend(t, (_request, response) => {
      failed++
      response.writeHead(503).end()
    })
    const policy = { retry: retry({ budget: 0, backoff: { initialMs: 60_000, maxMs: 60_000 } }) }
    const live = await startProxy(t, forwardingTo(backend.port, policy), { clock })
    const clients = Array.from({ length: 4 }, () =>
      new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    )
    await eventually(() => failed === 4)
    await eventually(() => Object.keys(live.counted()).length > 0)
    assert.deepEqual(live.counted(), { '503 UO': 1 })
    for (const { socket } of clients) socket.destroy()
  })

  for (const how of ['answers', 'breaks off'] as const) {
    test(`requests that wait for their next try are under way: with a whole budget all are tried again, where it ${how}`, async (t) => {
      const clock = new FakeClock()
      const backend = await startRawBackend(t, (socket) => {
        socket.on('data', () => {
          if (how === 'answers') socket.write('HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n')
          else socket.destroy()
        })
      })
      const policy = retry({ budget: 1, backoff: { initialMs: 60_000, maxMs: 60_000 } })
      const live = await startProxy(t, forwardingTo(backend.port, { retry: policy }), { clock })
      const waiting = clock.pending
      for (let index = 0; index < 10; index++) new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await eventually(() => clock.pending === waiting + 10 || Object.keys(live.counted()).length > 0)
      assert.deepEqual(live.counted(), {})
    })
  }

  test('a retry takes of the budget until its response begins', async (t) => {
    let tries = 0
    const backend = await startBackend(t, (_request, response) => {
      if (++tries % 2 === 1) response.writeHead(503).end()
      else response.writeHead(200).write('begun')
    })
    const live = await startProxy(t, forwardingTo(backend.port, { retry: retry({ budget: 0 }) }))
    for (let index = 0; index < 4; index++) {
      const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      assert.match(await client.until((text) => text.includes('begun') || text.includes('503')), / 200 /)
    }
  })

  test('beyond the budget the answer that there is goes through with its status', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, (_request, response) => {
      response.writeHead(409).end()
    })
    const policy = retry({ on: ['retriable-4xx'], budget: 0, backoff: { initialMs: 60_000, maxMs: 60_000 } })
    const live = await startProxy(t, forwardingTo(backend.port, { retry: policy }), { clock })
    const waiting = clock.pending
    for (let index = 0; index < 3; index++) new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => clock.pending === waiting + 3)
    assert.equal((await fetchFrom(live.port)).status, 409)
    assert.deepEqual(live.counted(), { '409 UO': 1 })
  })

  test('a try that was sent again counts against whom it reached, and the request once', async (t) => {
    const bad = await startBackend(t, (_request, response) => {
      response.writeHead(503).end()
    })
    const good = await startBackend(t, saying('good'))
    const endpoints = [cluster('canary', [bad.port]), cluster('stable', [good.port])].flatMap((each) => each.endpoints)
    const both = cluster('v1', [], { endpoints })
    const live = await startProxy(t, snapshotOf([route('r', { v1: 1 }, { policy: { retry: retry() } })], [both]))
    for (let index = 0; index < 10; index++) assert.equal((await fetchFrom(live.port)).body, 'good')
    assert.deepEqual(live.counted(), { '200': 10 })
    const { 'canary 503': failed = 0, ...others } = live.retried()
    assert.ok(failed >= 5, String(failed))
    assert.deepEqual(others, {})
  })

  test('a connection that could not be made counts as a failed try where another endpoint served the request', async (t) => {
    const closed = refusePort(t)
    const good = await startBackend(t, saying('good'))
    const endpoints = [cluster('canary', [closed.port]), cluster('stable', [good.port])].flatMap(
      (each) => each.endpoints,
    )
    const live = await startProxy(t, snapshotOf([route('r', { v1: 1 })], [cluster('v1', [], { endpoints })]))
    for (let index = 0; index < 2; index++) assert.equal((await fetchFrom(live.port)).body, 'good')
    assert.deepEqual([live.counted(), live.retried()], [{ '200': 2 }, { 'canary 503 UF': 1 }])
  })

  test('the last try is the request, and a kept connection that was closed is no failure', async (t) => {
    const backend = await answeringInTurn(t, [503, 503, 503])
    const live = await startProxy(t, forwardingTo(backend.port, { retry: retry() }))
    assert.equal((await fetchFrom(live.port)).status, 503)
    assert.deepEqual([live.counted(), live.retried()], [{ '503 URX': 1 }, { 'v1 503': 2 }])
    let requests = 0
    const closing = await startRawBackend(t, (socket) => {
      socket.on('data', () => {
        if (++requests === 2) socket.destroy()
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const stale = await startProxy(t, forwardingTo(closing.port))
    for (let index = 0; index < 2; index++) assert.equal((await fetchFrom(stale.port)).status, 200)
    assert.equal(requests, 3)
    assert.deepEqual(stale.retried(), {})
  })
})

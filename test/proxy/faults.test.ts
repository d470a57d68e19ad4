import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  cluster,
  echoing,
  eventually,
  fetchFrom,
  forwardingTo,
  route,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'

describe('faults', () => {
  test('exactly the share of the requests fails', async (t) => {
    const backend = await startBackend(t, saying('ok'))
    const live = await startProxy(t, forwardingTo(backend.port, { fault: { abort: { share: 0.25, status: 418 } } }))
    for (let index = 0; index < 20; index++) await fetchFrom(live.port)
    assert.deepEqual(live.counted(), { '200': 15, '418 FI': 5 })
  })

  test('the sequence goes on when the snapshot changes', async (t) => {
    const backend = await startBackend(t, saying('ok'))
    const fault = { abort: { share: 0.1, status: 503 } }
    const live = await startProxy(t, forwardingTo(backend.port, { fault }))
    for (let index = 0; index < 20; index++) {
      await fetchFrom(live.port)
      await live.apply(forwardingTo(backend.port, { fault }))
    }
    assert.deepEqual(live.counted(), { '200': 18, '503 FI': 2 })
  })

  test('a delayed request waits, then goes on; its timeout begins after the delay', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, echoing)
    const fault = { delay: { share: 1, delayMs: 5_000 } }
    const live = await startProxy(t, forwardingTo(backend.port, { fault, timeoutMs: 1_000 }), { clock })
    const waiting = clock.pending
    const reply = fetchFrom(live.port, { method: 'POST', body: 'abc' })
    await eventually(() => clock.pending > waiting)
    await clock.advance(4_900)
    assert.equal(backend.accepted, 0)
    await clock.advance(200)
    assert.equal((await reply).body, 'abc')
    assert.deepEqual(live.counted(), { '200 DI': 1 })
  })

  test('a client that goes away ends the delay', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, saying('ok'))
    const fault = { delay: { share: 1, delayMs: 60_000 } }
    const live = await startProxy(t, forwardingTo(backend.port, { fault }), { clock })
    const waiting = clock.pending
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => clock.pending > waiting)
    client.socket.resetAndDestroy()
    await eventually(() => clock.pending === waiting)
    assert.deepEqual(live.counted(), { '0 DC': 1 })
    await clock.advance(60_000)
    assert.equal(backend.accepted, 0)
  })

  test('a delayed request goes where the newest snapshot says', async (t) => {
    const clock = new FakeClock()
    const [v1, v2] = await Promise.all([startBackend(t, saying('v1')), startBackend(t, saying('v2'))])
    const fault = { delay: { share: 1, delayMs: 1_000 } }
    const clusters = [cluster('v1', [v1.port]), cluster('v2', [v2.port])]
    const live = await startProxy(t, snapshotOf([route('r', { v1: 1 }, { policy: { fault } })], clusters), { clock })
    const waiting = clock.pending
    const reply = fetchFrom(live.port)
    await eventually(() => clock.pending > waiting)
    await live.apply(snapshotOf([route('r', { v2: 1 })], clusters.slice(1)))
    await clock.advance(1_000)
    assert.equal((await reply).body, 'v2')
  })

  test('of delayed requests the share of failures is that of the others', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, saying('ok'))
    const fault = { delay: { share: 0.5, delayMs: 10 }, abort: { share: 0.5, status: 500 } }
    const live = await startProxy(t, forwardingTo(backend.port, { fault }), { clock })
    const waiting = clock.pending
    for (let index = 0; index < 8; index++) {
      let isDone = false
      const reply = fetchFrom(live.port).finally(() => (isDone = true))
      await eventually(() => isDone || clock.pending > waiting)
      await clock.advance(10)
      await reply
    }
    assert.deepEqual(live.counted(), { '200': 2, '200 DI': 2, '500 FI': 4 })
  })
})

test('a request on which nothing moves is given up after the route’s own idle timeout', async (t) => {
  const clock = new FakeClock()
  const arrived = Promise.withResolvers<void>()
  const backend = await startBackend(t, () => arrived.resolve())
  const live = await startProxy(t, forwardingTo(backend.port, { idleTimeoutMs: 2_000 }), { clock })
  const reply = fetchFrom(live.port)
  await arrived.promise
  await clock.advance(2_200)
  assert.equal((await reply).status, 504)
  assert.deepEqual(live.counted(), { '504 UT': 1 })
})

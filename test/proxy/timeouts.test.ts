import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import {
  RawClient,
  eventually,
  fetchFrom,
  forwardingTo,
  snapshotOf,
  startBackend,
  startProxy,
  startRawBackend,
} from '../support/live-proxy.ts'

describe('timeouts', () => {
  test('an endpoint that does not answer in time is a gateway timeout', async (t) => {
    const clock = new FakeClock()
    const arrived = Promise.withResolvers<void>()
    const backend = await startBackend(t, () => arrived.resolve())
    const live = await startProxy(t, forwardingTo(backend.port, { timeoutMs: 1_000 }), { clock })
    const reply = fetchFrom(live.port)
    await arrived.promise
    await clock.advance(1_100)
    assert.equal((await reply).status, 504)
    assert.deepEqual(live.counted(), { '504 UT': 1 })
  })

  test('a response that is not complete in time is broken off', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, (_request, response) => response.write('abc'))
    const live = await startProxy(t, forwardingTo(backend.port, { timeoutMs: 1_000 }), { clock })
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until((text) => text.includes('abc'))
    await clock.advance(1_100)
    assert.doesNotMatch(await client.untilClosed(), /0\r\n\r\n$/)
    assert.deepEqual(live.counted(), { '200 UT': 1 })
  })

  test('a request on which nothing moves is given up after five minutes, unless its route says never', async (t) => {
    for (const [policy, counted] of [
      [{}, { '504 UT': 1 }],
      [{ idleTimeoutMs: 0 }, {}],
    ] as const) {
      const clock = new FakeClock()
      const arrived = Promise.withResolvers<void>()
      const backend = await startBackend(t, () => arrived.resolve())
      const live = await startProxy(t, forwardingTo(backend.port, policy), { clock })
      const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await arrived.promise
      await clock.advance(301_000)
      assert.deepEqual(live.counted(), counted)
      client.socket.destroy()
    }
  })

  test('a head that does not come to its end is answered with 408', async (t) => {
    const clock = new FakeClock()
    const live = await startProxy(t, snapshotOf([], []), { clock })
    const client = new RawClient(t, live.port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /')
    await client.until((text) => text.startsWith('HTTP/1.1 404'))
    client.clear()
    await clock.advance(31_000)
    assert.match(await client.untilClosed(), /^HTTP\/1.1 408/)
  })

  test('a request that waits behind a response that is read slowly is not taken for a slow head', async (t) => {
    const clock = new FakeClock()
    const size = 8 * 1024 * 1024
    const backend = await startBackend(t, (request, response) => {
      response.end(request.url === '/large' ? Buffer.alloc(size) : 'the second')
    })
    const live = await startProxy(t, forwardingTo(backend.port), { clock })
    const client = new RawClient(t, live.port)
    client.socket.pause()
    client.send('GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /small HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => backend.accepted === 1)
    await clock.advance(60_000)
    client.socket.resume()
    await client.until((text) => text.length > size && text.endsWith('the second'))
    assert.deepEqual(live.counted(), { '200': 2 })
  })

  test('a body that does not come to its end is answered with 408', async (t) => {
    const clock = new FakeClock()
    const arrived = Promise.withResolvers<void>()
    const backend = await startBackend(t, () => arrived.resolve())
    const live = await startProxy(t, forwardingTo(backend.port), { clock })
    const client = new RawClient(t, live.port).send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab')
    await arrived.promise
    await clock.advance(61_000)
    assert.match(await client.untilClosed(), /^HTTP\/1.1 408/)
  })

  test('idle connections to endpoints are closed before the endpoint would do it', async (t) => {
    const clock = new FakeClock()
    const closed = Promise.withResolvers<void>()
    const backend = await startRawBackend(t, (socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
      socket.on('close', () => closed.resolve())
    })
    const live = await startProxy(t, forwardingTo(backend.port), { clock })
    await fetchFrom(live.port)
    await clock.advance(4_100)
    await closed.promise
  })
})

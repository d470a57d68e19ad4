/** How a session of HTTP/2 with a client ends, and that no request is lost to it. */
import assert from 'node:assert/strict'
import { constants } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import { describe, test } from 'node:test'
import { FakeClock } from '../support/fake-clock.ts'
import { FRAME, GET, PREFACE, RawHttp2Client, ask, http2Session } from '../support/http2-client.ts'
import { maybeSecure } from '../support/secured.ts'
import type { Frame } from '../support/http2-client.ts'
import {
  withHttpLimits,
  eventually,
  forwardingTo,
  saying,
  snapshotOf,
  startBackend,
  startProxy,
} from '../support/live-proxy.ts'
import type { RoutingSnapshot } from '../../src/routing/model.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants
const options = { timeout: 20_000 }

describe('the end of a session', options, () => {
  test('of a listener that closes is told twice: first that it comes, then which stream was the last', async (t) => {
    const answers: (() => void)[] = []
    const backend = await startBackend(t, ({ url }, response) => answers.push(() => response.end(url)))
    const live = await startProxy(t, forwardingTo(backend.port))
    const client = new RawHttp2Client(t, live.port).greet().request(1, GET)
    await eventually(() => answers.length === 1)
    await live.apply(renamed(forwardingTo(backend.port), 'other'))
    const notice = await client.until(({ type }) => type === FRAME.GOAWAY)
    assert.equal(notice.payload.readUInt32BE(0), 2 ** 31 - 1)
    // The client did not know yet: this one is served, too.
    client.request(3, GET.with(2, [':path', '/late']))
    assert.equal((await client.until(isLastGoaway)).payload.readUInt32BE(0), 3)
    assert.equal(client.isClosed, false)
    for (const answer of answers) answer()
    assert.equal(await client.untilClosed(), NGHTTP2_NO_ERROR)
    const bodies = client.frames.filter(({ type, payload }) => type === FRAME.DATA && payload.length > 0)
    assert.deepEqual(
      bodies.map(({ payload }) => String(payload)),
      ['/', '/late'],
    )
    assert.deepEqual(live.counted(), { 200: 2 })
  })

  for (const scheme of ['http', 'https'] as const) {
    test(`loses no request of a client that asks all the time while ${scheme} listeners are replaced`, async (t) => {
      const backend = await startBackend(t, saying('hello'))
      const { snapshotFor, client: secure } = await maybeSecure(scheme, () => forwardingTo(backend.port))
      const live = await startProxy(t, snapshotFor())
      const client = new ReconnectingClient(() => http2Session(t, live.proxy.listeners[0]?.port ?? 0, secure))
      const done = client.askUntilStopped()
      for (const id of ['1', '2', '3']) {
        const { sessions, answered } = client
        await eventually(() => client.answered > answered + 100)
        await live.apply(renamed(snapshotFor(), id))
        await eventually(() => client.sessions > sessions)
      }
      client.stop()
      await done
      assert.deepEqual(client.failures, [])
      assert.deepEqual(live.counted(), { 200: client.answered })
    })
  }

  test('comes when there was no request for long', async (t) => {
    const clock = new FakeClock()
    const backend = await startBackend(t, saying('hello'))
    const live = await startProxy(t, withHttpLimits(forwardingTo(backend.port), { keepAliveTimeoutMs: 5_000 }), {
      clock,
    })
    const client = new RawHttp2Client(t, live.port).greet().request(1, GET)
    await client.until(({ type }) => type === FRAME.DATA)
    await clock.advance(6_000)
    await client.until(({ type }) => type === FRAME.GOAWAY)
    await clock.advance(1_000)
    assert.equal(await client.untilClosed(), NGHTTP2_NO_ERROR)
  })

  test('comes soon where the client does not say what it can do', async (t) => {
    const clock = new FakeClock()
    const live = await startProxy(t, withHttpLimits(snapshotOf([], []), { headTimeoutMs: 2_000 }), { clock })
    const client = new RawHttp2Client(t, live.port)
    client.socket.write(PREFACE)
    await client.until(({ type }) => type === FRAME.SETTINGS)
    await clock.advance(3_000)
    await client.untilClosed()
  })
})

/** Its listeners replace those before. */
function renamed(snapshot: RoutingSnapshot, id: string): RoutingSnapshot {
  return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, id })) }
}

function isLastGoaway({ type, payload }: Frame): boolean {
  return type === FRAME.GOAWAY && payload.readUInt32BE(0) < 2 ** 31 - 1
}

/** As clients do, it connects anew when the proxy says that it goes, and asks again what was refused without being looked at. */
class ReconnectingClient {
  readonly failures: string[] = []
  readonly #connect: () => ClientHttp2Session
  #isStopped = false
  sessions = 0
  answered = 0

  constructor(connect: () => ClientHttp2Session) {
    this.#connect = connect
  }

  stop(): void {
    this.#isStopped = true
  }

  async askUntilStopped(): Promise<void> {
    while (!this.#isStopped) {
      const session = this.#connect()
      this.sessions++
      await Promise.all(Array.from({ length: 10 }, () => this.#askOn(session)))
      session.close()
    }
  }

  async #askOn(session: ClientHttp2Session): Promise<void> {
    while (!this.#isStopped && !session.closed && !session.destroyed) {
      const { status, body, code } = await ask(session)
      if (body === 'hello') this.answered++
      else if (code !== NGHTTP2_REFUSED_STREAM) this.failures.push(`${status} ${code}`)
    }
  }
}

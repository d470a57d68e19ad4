/** Who does not read holds back whoever sends to it, and nobody else. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { constants } from 'node:http2'
import type { ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { ask, http2Session } from '../support/http2-client.ts'
import { eventually, forwardingTo, startBackend, startProxy, startRawBackend } from '../support/live-proxy.ts'

const { NGHTTP2_CANCEL } = constants
const options = { timeout: 20_000 }

describe('flow control', options, () => {
  test('a client that does not read holds the endpoint back', async (t) => {
    let written = 0
    const backend = await startBackend(t, ({ url }, response) => {
      if (url !== '/slow') return response.end()
      const part = Buffer.alloc(64 * 1024)
      const more = (): void => {
        do written += part.length
        while (response.write(part))
        response.once('drain', more)
      }
      return more()
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, live.port)
    const stream = session.request({ ':path': '/slow' })
    stream.on('error', () => {})
    await once(stream, 'response')
    const before = await standstill(session, () => written)
    assert.ok(before < 16 * 1024 * 1024, `${before} bytes`)
    stream.resume()
    await eventually(() => written > before + 1024 * 1024)
    stream.close(NGHTTP2_CANCEL)
  })

  test('an endpoint that does not read holds the client back, and no other stream', async (t) => {
    const stalled: Socket[] = []
    const backend = await startRawBackend(t, (socket) => {
      socket.once('data', (chunk: Buffer) => {
        if (chunk.includes('/fast')) return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast')
        socket.pause()
        return stalled.push(socket)
      })
    })
    const live = await startProxy(t, forwardingTo(backend.port))
    const session = http2Session(t, live.port)
    const stream = session.request({ ':method': 'POST', ':path': '/slow' })
    stream.on('error', () => {})
    let sent = 0
    const part = Buffer.alloc(64 * 1024)
    const more = (): void => {
      stream.write(part, (error) => {
        if (error) return
        sent += part.length
        more()
      })
    }
    more()
    await eventually(() => stalled.length === 1)
    const before = await standstill(session, () => sent, '/fast')
    assert.ok(before < 16 * 1024 * 1024, `${before} bytes`)
    stalled[0]?.resume()
    await eventually(() => sent > before + 1024 * 1024)
    stream.close(NGHTTP2_CANCEL)
  })
})

/** The count, when it has not moved for so many requests of others. */
async function standstill(session: ClientHttp2Session, count: () => number, path = '/other'): Promise<number> {
  for (let seen = -1, still = 0; still < 50; still++) {
    if (seen !== count()) still = 0
    seen = count()
    await ask(session, { headers: { ':path': path, ':method': 'HEAD' } })
  }
  return count()
}

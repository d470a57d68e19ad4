/** Endpoints that answer heads with bytes. */
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'

import { forwardingTo, startProxy, startRawBackend } from './live-proxy.ts'

/** Calls back with each request head and what came behind it. */
export function onHead(socket: Socket, callback: (head: string, rest: Buffer) => unknown): void {
  let input = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    input = Buffer.concat([input, chunk])
    const end = input.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = input.toString('latin1', 0, end + 4)
    const rest = input.subarray(end + 4)
    input = Buffer.alloc(0)
    callback(head, rest)
  })
}

interface Silent {
  readonly port: number
  /** The endpoint's side of the first request, once its head is there. */
  readonly socket: Promise<Socket>
  /** That side is closed. */
  readonly closed: Promise<void>
}

/** An endpoint that answers the head of its first request with these bytes, and then is silent; `port` is its proxy’s. */
export async function startSilent(t: TestContext, bytes: string): Promise<Silent> {
  const arrived = Promise.withResolvers<Socket>()
  const closed = Promise.withResolvers<void>()
  const backend = await startRawBackend(t, (socket) => {
    socket.on('close', () => closed.resolve())
    socket.once('data', () => {
      if (bytes !== '') socket.write(bytes)
      arrived.resolve(socket)
    })
  })
  const { port } = await startProxy(t, forwardingTo(backend.port))
  return { port, socket: arrived.promise, closed: closed.promise }
}

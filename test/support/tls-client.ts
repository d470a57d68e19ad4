/** TLS clients that do what a server should refuse. */
import { connect } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import type { TestContext } from 'node:test'

/** A client of TLS 1.2 that does not look at certificates; rejects where the handshake fails. */
export async function connectTls12(t: TestContext, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion: 'TLSv1.2', ...options })
  t.after(() => socket.destroy())
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** Asks for another handshake on the connection: whether there was one, once the connection has ended or it is over. */
export function renegotiates(socket: TLSSocket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.on('error', () => {})
    socket.once('close', () => resolve(false))
    socket.renegotiate({}, (error) => {
      if (error === null) resolve(true)
    })
  })
}

/**
 * Accepted connections, read into the buffer that all share. A socket is asked for that when it is made (`onread`), and those
 * of a `net.Server` are made by Node: so what is below an accepted one is given to a socket of our own.
 */
import { Socket } from 'node:net'
import type { SocketConstructorOpts } from 'node:net'

import { sharedReads } from '../upstream/shared-reads.ts'

/**
 * Call as soon as it was accepted. Its bytes are 'data' events as ever. The member `_handle` is in Node's documentation of
 * `server.listen(handle)` only: without one, the accepted socket comes back as it is, and is only dearer.
 */
export function readShared(accepted: Socket): Socket {
  const handle: unknown = Reflect.get(accepted, '_handle')
  if (typeof handle !== 'object' || handle === null) return accepted
  Reflect.set(accepted, '_handle', null)
  // Who listens may keep it.
  const onread = sharedReads((chunk) => socket.emit('data', chunk) || true)
  const options: SocketConstructorOpts = { onread, allowHalfOpen: true }
  const socket = new Socket(Object.assign(options, { handle }))
  // Its server counts it no longer.
  accepted.destroy()
  return socket
}

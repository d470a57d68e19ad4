/** Finding out whether the other side of a connection is still there, without reading from it. */
import type { Socket } from 'node:net'

/**
 * A socket that is paused, or whose other side has ended, hears of nothing. A write of no bytes sends nothing, and fails where
 * the connection was reset: the socket then says so by its 'error' event. `wire`: what the socket's bytes go over, itself where there
 * is no TLS, which would write nothing at all.
 */
export function probeUnread(socket: Socket, wire: Socket): void {
  const isRead = !socket.isPaused() && !socket.readableEnded
  if (!isRead && socket.writable && socket.writableLength === 0) wire.write('')
}

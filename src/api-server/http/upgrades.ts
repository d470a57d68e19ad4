/** Requests with an `Upgrade` header: Node hands them over as bare connections, and most of them are answered like any other. */
import { ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The connection under a request that asks for another protocol. */
export interface Upgrade {
  readonly socket: Socket
  /** What the client sent behind the request's head. */
  readonly head: Buffer
}

type Handle = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => void

/** A listener for a server's `upgrade` event. */
export function upgradeListener(handle: Handle): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, duplex, head) => {
    // Servers of HTTP and HTTPS have no others.
    const socket = duplex as Socket
    // Whoever listens to the connection's end learns it by its close; without a listener an error would end the process.
    socket.on('error', () => {})
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    // The parser has let go of the connection: no second request can come on it.
    response.shouldKeepAlive = false
    response.once('finish', () => socket.end())
    // Somebody must read for the end of the connection to be noticed; who accepts it pauses it first.
    socket.resume()
    handle(request, response, { socket, head })
  }
}

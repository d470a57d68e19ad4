/** One listening address with its client connections. */
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

import { messageOf } from '../base/errors.ts'
import type { BoundListener } from '../routing/data-plane.ts'
import type { Listener } from '../routing/model.ts'

import { ClientConnection } from './client-connection.ts'
import type { Scheme } from './forwarded-heads.ts'
import type { ServingListener } from './serving-state.ts'
import type { ServerTlsContext } from './tls/server-tls.ts'

export interface GatewayListenerDeps {
  readonly monotonicMs: () => number
  readonly newRequestId: () => string
  /** Several processes share the port. */
  readonly reusePort: boolean
  readonly onAcceptError: (error: Error) => void
  /** The last connection of a closed listener is gone. */
  readonly onEmpty: (listener: GatewayListener) => void
}

/** What a listener serves at the moment. */
export interface Served {
  readonly listener: Listener
  readonly serving: ServingListener
  /** Null: in clear text. */
  readonly tls: ServerTlsContext | null
}

const BACKLOG = 1024
/** From the accepted connection to the end of the TLS handshake. */
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000
/** Clients beyond are turned away at once. */
const CLIENT_CONNECTIONS_MAX = 20_000

interface Handshake {
  readonly socket: Socket
  readonly sinceMs: number
}

export class GatewayListener {
  readonly #deps: GatewayListenerDeps
  readonly #connections = new Set<ClientConnection>()
  /** Clients whose TLS handshake is not over, by their address. */
  readonly #handshakes = new Map<string, Handshake>()
  #server: Server | null = null
  #served: Served
  #isClosing = false
  #bound: BoundListener | null = null

  constructor(served: Served, deps: GatewayListenerDeps) {
    this.#served = served
    this.#deps = deps
    this.serve(served)
  }

  get listener(): Listener {
    return this.#served.listener
  }

  /** Null until binding succeeded or failed. */
  get bound(): BoundListener | null {
    return this.#bound
  }

  get isListening(): boolean {
    return this.#server !== null
  }

  /** From now on every new request, on kept connections too, is served with this; new certificates are for new connections. */
  serve(served: Served): void {
    this.#served = served
    served.tls?.bind((socket) => this.#onSecure(socket))
  }

  /** Binds the address; where that fails, `bound` says why. */
  listen(): Promise<void> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket))
    server.maxConnections = CLIENT_CONNECTIONS_MAX
    const { id, address, port } = this.listener
    return new Promise((resolve) => {
      server.once('error', (error) => {
        this.#bound = { id, address, port, error: messageOf(error) }
        resolve()
      })
      server.listen({ host: address, port, backlog: BACKLOG, reusePort: this.#deps.reusePort }, () => {
        const at = server.address()
        const boundPort = typeof at === 'object' && at !== null ? at.port : port
        this.#bound = { id, address, port: boundPort }
        // From here on an error is one client's that could not be accepted: out of file descriptors, for example.
        server.on('error', (error) => this.#deps.onAcceptError(error))
        if (this.#isClosing) server.close()
        else this.#server = server
        resolve()
      })
    })
  }

  /** Stops accepting; connections close after the request they are at. `onEmpty` follows. */
  close(): void {
    this.#isClosing = true
    this.#server?.close()
    this.#server = null
    for (const { socket } of this.#handshakes.values()) socket.destroy()
    for (const connection of this.#connections) connection.closeWhenIdle()
    if (this.#connections.size === 0) this.#deps.onEmpty(this)
  }

  destroyConnections(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  sweep(nowMs: number): void {
    for (const connection of this.#connections) connection.sweep(nowMs)
    for (const { socket, sinceMs } of this.#handshakes.values()) {
      if (nowMs - sinceMs >= TLS_HANDSHAKE_TIMEOUT_MS) socket.destroy()
    }
  }

  #accept(socket: Socket): void {
    const { tls } = this.#served
    if (tls === null) return this.#serveClient(socket, 'http')
    const key = addressOf(socket)
    const handshake = { socket, sinceMs: this.#deps.monotonicMs() }
    this.#handshakes.set(key, handshake)
    socket.once('close', () => {
      if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key)
    })
    tls.handshake(socket)
  }

  #onSecure(socket: Socket): void {
    this.#handshakes.delete(addressOf(socket))
    if (this.#isClosing) socket.destroy()
    else this.#serveClient(socket, 'https')
  }

  #serveClient(socket: Socket, scheme: Scheme): void {
    const connection = new ClientConnection(socket, {
      monotonicMs: this.#deps.monotonicMs,
      newRequestId: this.#deps.newRequestId,
      scheme,
      serving: () => this.#served.serving,
      isDraining: () => this.#isClosing,
      onRefused: (status) => this.#countRefused(status),
      onClosed: (closed) => this.#forget(closed),
    })
    this.#connections.add(connection)
  }

  #countRefused(status: number): void {
    this.#served.serving.nowhere.count({ status, flag: 'DPE', durationMs: 0, requestBytes: 0, responseBytes: 0 })
  }

  #forget(connection: ClientConnection): void {
    this.#connections.delete(connection)
    if (this.#isClosing && this.#connections.size === 0) this.#deps.onEmpty(this)
  }
}

/** Of the client's side: no two open connections of one listener share it. */
function addressOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

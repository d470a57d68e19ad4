/** One listening address with its client connections. */
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'

import { messageOf } from '../base/errors.ts'
import type { BoundListener } from '../routing/data-plane.ts'
import type { Listener } from '../routing/model.ts'

import { ClientConnection } from './client-connection.ts'
import type { ServingListener } from './serving-state.ts'

export interface GatewayListenerDeps {
  readonly monotonicMs: () => number
  readonly newRequestId: () => string
  /** Several processes share the port. */
  readonly reusePort: boolean
  readonly onAcceptError: (error: Error) => void
  /** The last connection of a closed listener is gone. */
  readonly onEmpty: (listener: GatewayListener) => void
}

const BACKLOG = 1024
/** Clients beyond are turned away at once. */
const CLIENT_CONNECTIONS_MAX = 20_000

export class GatewayListener {
  readonly listener: Listener
  readonly #deps: GatewayListenerDeps
  readonly #connections = new Set<ClientConnection>()
  #server: Server | null = null
  #serving: ServingListener
  #isClosing = false
  #bound: BoundListener | null = null

  constructor(listener: Listener, serving: ServingListener, deps: GatewayListenerDeps) {
    this.listener = listener
    this.#serving = serving
    this.#deps = deps
  }

  /** Null until binding succeeded or failed. */
  get bound(): BoundListener | null {
    return this.#bound
  }

  get isListening(): boolean {
    return this.#server !== null
  }

  /** From now on every new request, on kept connections too, is served with this. */
  serve(serving: ServingListener): void {
    this.#serving = serving
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
    for (const connection of this.#connections) connection.closeWhenIdle()
    if (this.#connections.size === 0) this.#deps.onEmpty(this)
  }

  destroyConnections(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  sweep(nowMs: number): void {
    for (const connection of this.#connections) connection.sweep(nowMs)
  }

  #accept(socket: Socket): void {
    const connection = new ClientConnection(socket, {
      monotonicMs: this.#deps.monotonicMs,
      newRequestId: this.#deps.newRequestId,
      serving: () => this.#serving,
      isDraining: () => this.#isClosing,
      onRefused: (status) => this.#countRefused(status),
      onClosed: (closed) => this.#forget(closed),
    })
    this.#connections.add(connection)
  }

  #countRefused(status: number): void {
    this.#serving.nowhere.count({ status, flag: 'DPE', durationMs: 0, requestBytes: 0, responseBytes: 0 })
  }

  #forget(connection: ClientConnection): void {
    this.#connections.delete(connection)
    if (this.#isClosing && this.#connections.size === 0) this.#deps.onEmpty(this)
  }
}

/**
 * A worker's listening sockets, which the process that started it holds: clients that wait in their queues wait on when the
 * worker ends, until its successor, or another worker meanwhile, accepts them.
 */
import { isIP } from 'node:net'
import type { Server, Socket } from 'node:net'

import { keyOf } from './holder-protocol.ts'
import type { FromHolder, HolderChannel } from './holder-protocol.ts'
import { BACKLOG } from './listener-sockets.ts'
import type { ListenerSockets, ListeningAddress, OpenListener } from './listener-sockets.ts'
import type { OwnSockets } from './own-sockets.ts'

export class LentSockets implements ListenerSockets {
  readonly #holder: HolderChannel
  /** For when the holder is gone, and for names: it binds addresses only. */
  readonly #own: OwnSockets
  readonly #open = new Map<string, LentListener>()

  constructor(holder: HolderChannel, own: OwnSockets) {
    this.#holder = holder
    this.#own = own
    holder.onMessage((message, socket) => this.#onMessage(message, socket))
    holder.onClosed(() => {
      for (const listener of this.#open.values()) listener.fail('the process that holds the sockets is gone')
    })
  }

  open(at: ListeningAddress, createServer: () => Server): Promise<OpenListener> {
    if (!this.#holder.isOpen || isIP(at.address) === 0) return this.#own.open(at, createServer)
    const key = keyOf(at)
    const listener = new LentListener(createServer)
    this.#open.set(key, listener)
    this.#holder.send({ kind: 'open', key, address: at.address, port: at.port })
    return listener.opened
  }

  using(addresses: readonly ListeningAddress[]): void {
    const keys = new Set(addresses.map(keyOf))
    for (const key of this.#open.keys()) {
      if (!keys.has(key)) this.#open.delete(key)
    }
    this.#holder.send({ kind: 'using', keys: [...keys] })
  }

  leave(): void {
    this.#open.clear()
    this.#holder.send({ kind: 'leaving' })
  }

  #onMessage(message: FromHolder, socket: Socket | null): void {
    // Until somebody listens on it, it is read from, which fails.
    socket?.on('error', () => {})
    const listener = this.#open.get(message.key)
    switch (message.kind) {
      case 'socket':
        // One that was on its way when this process left would keep it from ending.
        if (listener === undefined) socket?.destroy()
        else if (socket !== null) listener.listen(message.index, socket)
        return
      case 'opened':
        listener?.settle(message.port)
        return
      case 'failed':
        listener?.fail(message.error)
        return
      case 'give-back':
        listener?.giveBack(message.index)
    }
  }
}

/** One address. Of several sockets, its own and those of workers that are not there at the moment. */
class LentListener {
  readonly #createServer: () => Server
  readonly #servers = new Map<number, Server>()
  readonly #opened = Promise.withResolvers<OpenListener>()
  #isClosed = false

  constructor(createServer: () => Server) {
    this.#createServer = createServer
  }

  get opened(): Promise<OpenListener> {
    return this.#opened.promise
  }

  listen(index: number, socket: Socket): void {
    if (this.#isClosed) {
      socket.destroy()
      return
    }
    const server = this.#createServer()
    const onError = (error: Error): void => this.#opened.reject(error)
    server.once('error', onError)
    server.listen(socket, BACKLOG, () => server.off('error', onError))
    this.#servers.get(index)?.close()
    this.#servers.set(index, server)
  }

  settle(port: number): void {
    this.#opened.resolve({ port, close: () => this.#close() })
  }

  fail(error: string): void {
    this.#opened.reject(new Error(error))
  }

  giveBack(index: number): void {
    this.#servers.get(index)?.close()
    this.#servers.delete(index)
  }

  /** The sockets stay open where they are held, so nobody in their queues is lost. */
  #close(): void {
    this.#isClosed = true
    for (const server of this.#servers.values()) server.close()
    this.#servers.clear()
  }
}

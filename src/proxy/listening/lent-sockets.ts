/**
 * A worker's listening sockets, which the process that started it holds: clients that wait in their queues wait on when the
 * worker ends, until its successor, or another worker meanwhile, accepts them.
 */
import { isIP } from 'node:net'
import type { Server, Socket } from 'node:net'

import type { Clock } from '../../base/clock.ts'

import { keyOf } from './holder-protocol.ts'
import type { FromHolder, HolderChannel } from './holder-protocol.ts'
import { BACKLOG } from './listener-sockets.ts'
import type { ListenerSockets, ListeningAddress, OpenListener } from './listener-sockets.ts'
import { closeSoon } from './own-sockets.ts'
import type { OwnSockets } from './own-sockets.ts'

/** A worker that is slow with a change keeps the sockets of a listener that is gone open; a holder of an older release says nothing. */
const RELEASE_TIMEOUT_MS = 1_000

export class LentSockets implements ListenerSockets {
  readonly #holder: HolderChannel
  /** For when the holder is gone, and for names: it binds addresses only. */
  readonly #own: OwnSockets
  readonly #clock: Clock
  readonly #open = new Map<string, LentListener>()
  /** Who waits for the holder to close its sockets, by key. */
  readonly #releases = new Map<string, () => void>()

  constructor(holder: HolderChannel, own: OwnSockets, clock: Clock) {
    this.#holder = holder
    this.#own = own
    this.#clock = clock
    holder.onMessage((message, socket) => this.#onMessage(message, socket))
    holder.onClosed(() => {
      this.#release()
      for (const listener of this.#open.values()) listener.fail('the process that holds the sockets is gone')
    })
  }

  open(at: ListeningAddress, createServer: () => Server): Promise<OpenListener> {
    if (!this.#holder.isOpen || isIP(at.address) === 0) return this.#own.open(at, createServer)
    const key = keyOf(at)
    const listener = new LentListener(createServer, () => this.#close(key, listener))
    this.#open.set(key, listener)
    this.#holder.send({ kind: 'open', key, address: at.address, port: at.port })
    return listener.opened
  }

  using(addresses: readonly ListeningAddress[]): void {
    const keys = new Set(addresses.map(keyOf))
    this.#holder.send({ kind: 'using', keys: [...keys] })
  }

  leave(): void {
    this.#open.clear()
    this.#release()
    this.#holder.send({ kind: 'leaving' })
  }

  /** The last listener of its address accepts until nobody else has the sockets: their queues end with whoever is last. */
  async #close(key: string, listener: LentListener): Promise<void> {
    if (this.#open.get(key) === listener && this.#holder.isOpen) await this.#untilReleased(key)
    if (this.#open.get(key) === listener) this.#open.delete(key)
    await listener.close()
  }

  #untilReleased(key: string): Promise<void> {
    return new Promise((resolve) => {
      const late = this.#clock.after(RELEASE_TIMEOUT_MS, resolve, { unref: true })
      this.#releases.set(key, () => {
        late.cancel()
        resolve()
      })
    })
  }

  #release(keys: Iterable<string> = [...this.#releases.keys()]): void {
    for (const key of keys) {
      this.#releases.get(key)?.()
      this.#releases.delete(key)
    }
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
        return
      case 'closed':
        this.#release([message.key])
    }
  }
}

/** One address. Of several sockets, its own and those of workers that are not there at the moment. */
class LentListener {
  readonly #createServer: () => Server
  readonly #servers = new Map<number, Server>()
  readonly #opened = Promise.withResolvers<OpenListener>()
  readonly #onClose: () => Promise<void>
  #isClosed = false

  constructor(createServer: () => Server, onClose: () => Promise<void>) {
    this.#createServer = createServer
    this.#onClose = onClose
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
    this.#opened.resolve({ port, close: this.#onClose })
  }

  fail(error: string): void {
    this.#opened.reject(new Error(error))
  }

  giveBack(index: number): void {
    this.#servers.get(index)?.close()
    this.#servers.delete(index)
  }

  close(): Promise<void> {
    this.#isClosed = true
    const servers = [...this.#servers.values()]
    this.#servers.clear()
    return closeSoon(servers)
  }
}

/** A process that opens its listening sockets by itself: what waits in their queues is lost when it ends. */
import { BACKLOG } from './listener-sockets.ts'
import type { ListenerSockets, ListeningAddress, OpenListener } from './listener-sockets.ts'
import type { Server } from 'node:net'

export class OwnSockets implements ListenerSockets {
  readonly #reusePort: boolean

  constructor(reusePort: boolean) {
    this.#reusePort = reusePort
  }

  open({ address, port }: ListeningAddress, createServer: () => Server): Promise<OpenListener> {
    const server = createServer()
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: address, port, backlog: BACKLOG, reusePort: this.#reusePort }, () => {
        server.off('error', reject)
        const bound = server.address()
        resolve({
          port: typeof bound === 'object' && bound !== null ? bound.port : port,
          // After this turn's clients were accepted: the kernel resets those that wait in the queue of a closed socket.
          close: () => void setImmediate(() => server.close()),
        })
      })
    })
  }

  using(): void {}

  leave(): void {}
}

/** A process that opens its listening sockets by itself: what waits in their queues is lost when it ends. */
import { BACKLOG } from './listener-sockets.ts'
import type { ListenerSockets, ListeningAddress, OpenListener } from './listener-sockets.ts'
import type { Server } from 'node:net'

/** Where clients never stop coming. */
const CLOSING_TURNS_MAX = 100

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
          close: () => closeSoon([server]),
        })
      })
    })
  }

  using(): void {}

  leave(): void {}
}

/** After a turn in which nobody came: the kernel resets those that are in the queue of a socket when it is closed. */
export function closeSoon(servers: readonly Server[]): Promise<void> {
  let accepted = true
  const onClient = (): void => void (accepted = true)
  for (const server of servers) server.on('connection', onClient)
  return new Promise((resolve) => {
    const turn = (left: number): void => {
      if (accepted && left > 0) {
        accepted = false
        setImmediate(turn, left - 1)
        return
      }
      for (const server of servers) server.close()
      resolve()
    }
    setImmediate(turn, CLOSING_TURNS_MAX)
  })
}

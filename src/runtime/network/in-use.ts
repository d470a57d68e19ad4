/** The loopback networks on which somebody listens already: claims of other users cannot be seen, sockets can. */
import { readListeners } from './listeners.ts'
import type { Listener } from './listeners.ts'

/** The N of every 127.N.x.x with a listening TCP socket, whoever owns it. */
export function prefixesInUse(listeners: readonly Listener[] = readListeners()): ReadonlySet<number> {
  const loopback = listeners.filter(({ address }) => address.startsWith('127.'))
  return new Set(loopback.map(({ address }) => Number(address.split('.')[1])))
}

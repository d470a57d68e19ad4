/** A worker's way to the process that started it and holds its listening sockets: Node's IPC channel. */
import { Socket } from 'node:net'

import type { FromHolder, HolderChannel } from './listening/holder-protocol.ts'

export type { HolderChannel } from './listening/holder-protocol.ts'

/** Undefined when nobody started the process with a channel. */
export function holderChannel(self: NodeJS.Process): HolderChannel | undefined {
  if (self.send === undefined) return undefined
  return {
    get isOpen() {
      return self.connected
    },
    send(message) {
      // When the holder is gone, the 'disconnect' event says so.
      self.send?.(message, undefined, undefined, () => {})
    },
    onMessage(listener) {
      self.on('message', (message, handle) => {
        // Both ends are ours, so the shape is taken as declared.
        listener(message as FromHolder, handle instanceof Socket ? handle : null)
      })
    },
    onClosed(listener) {
      self.once('disconnect', listener)
    },
    close() {
      if (self.connected) self.disconnect?.()
    },
  }
}

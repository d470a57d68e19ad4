/** Definite ports for listeners, before several workers open them: any free port is chosen once, a taken one is noticed. */
import { messageOf } from '../base/errors.ts'
import { claimPort } from '../proxy/shared-port.ts'
import type { Listener, RoutingSnapshot } from '../routing/model.ts'

export class ListenerPorts {
  /** By what was asked for. */
  #ports: ReadonlyMap<string, number> = new Map()

  /** The snapshot with a port for every listener. Rejects when one cannot be had; what was settled before stays so. */
  async settle(snapshot: RoutingSnapshot): Promise<RoutingSnapshot> {
    const ports = new Map<string, number>()
    const listeners: Listener[] = []
    for (const [index, listener] of snapshot.listeners.entries()) {
      const key = keyOf(listener)
      if (ports.has(key)) throw refusal(listener, index, 'another listener has it')
      const port = this.#ports.get(key) ?? (await claim(listener, index))
      ports.set(key, port)
      listeners.push({ ...listener, port })
    }
    this.#ports = ports
    return { ...snapshot, listeners }
  }
}

async function claim(listener: Listener, index: number): Promise<number> {
  try {
    return await claimPort(listener.address, listener.port)
  } catch (error) {
    throw refusal(listener, index, messageOf(error), error)
  }
}

function refusal({ address, port }: Listener, index: number, why: string, cause?: unknown): Error {
  const cure = `choose another in listeners[${index}]`
  return new Error(`Cannot listen on "${address}:${port}": ${why}; ${cure}`, { cause })
}

/** Any free port belongs to the listener that asked; a definite one to whoever has it now. */
function keyOf({ id, address, port }: Listener): string {
  return port === 0 ? `${address} ${id}` : `${address} ${port}`
}

/** Definite ports for listeners, before several workers open them: any free port is chosen once, a taken one is noticed. */
import { messageOf } from '../base/errors.ts'
import { claimPort, claimPortAgain } from '../proxy/shared-port.ts'
import type { Listener, TcpListener } from '../routing/listener-model.ts'
import type { RoutingSnapshot } from '../routing/model.ts'

export class ListenerPorts {
  /** By what was asked for. */
  #ports: ReadonlyMap<string, number> = new Map()
  /** That were ours at any time: the workers may still have them open. */
  readonly #ours = new Set<number>()

  /** The snapshot with a port for every listener. Rejects when one cannot be had; what was settled before stays so. */
  async settle(snapshot: RoutingSnapshot): Promise<RoutingSnapshot> {
    const ports = new Map<string, number>()
    const { listeners, tcpListeners } = snapshot
    const settled = await this.#settleAll(listeners, 'listeners', ports)
    const settledTcp =
      tcpListeners === undefined ? undefined : await this.#settleAll(tcpListeners, 'tcpListeners', ports)
    this.#ports = ports
    for (const port of ports.values()) this.#ours.add(port)
    return { ...snapshot, listeners: settled, ...(settledTcp !== undefined && { tcpListeners: settledTcp }) }
  }

  async #settleAll<L extends Listener | TcpListener>(
    listeners: readonly L[],
    list: string,
    ports: Map<string, number>,
  ): Promise<L[]> {
    const settled: L[] = []
    for (const [index, listener] of listeners.entries()) {
      const key = keyOf(listener)
      const place = `${list}[${index}]`
      if (ports.has(key)) throw refusal(listener, place, 'another listener has it')
      const port = this.#ports.get(key) ?? (await this.#claim(listener, place))
      ports.set(key, port)
      settled.push({ ...listener, port })
    }
    return settled
  }

  async #claim({ address, port }: Listener | TcpListener, place: string): Promise<number> {
    try {
      return await (this.#ours.has(port) ? claimPortAgain(address, port) : claimPort(address, port))
    } catch (error) {
      throw refusal({ address, port }, place, messageOf(error), error)
    }
  }
}

function refusal(
  { address, port }: Pick<Listener, 'address' | 'port'>,
  place: string,
  why: string,
  cause?: unknown,
): Error {
  const cure = `choose another in ${place}`
  return new Error(`Cannot listen on "${address}:${port}": ${why}; ${cure}`, { cause })
}

/** Any free port belongs to the listener that asked; a definite one to whoever has it now. */
function keyOf({ id, address, port }: Listener | TcpListener): string {
  return port === 0 ? `${address} ${id}` : `${address} ${port}`
}

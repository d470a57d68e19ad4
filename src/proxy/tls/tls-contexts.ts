/**
 * The TLS contexts of the snapshots. Equal configuration gives the same context again, so that sessions and kept connections
 * go on from one snapshot to the next.
 */
import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { ClientTls } from '../../routing/cluster-model.ts'
import type { Listener, TcpListener } from '../../routing/listener-model.ts'
import type { RoutingSnapshot } from '../../routing/model.ts'

import { ClientTlsContext } from './client-tls.ts'
import { ServerTlsContext } from './server-tls.ts'

/** What HTTPS clients may choose by ALPN, best first. */
const HTTP_PROTOCOLS = ['h2', 'http/1.1', 'http/1.0']

export class TlsContexts {
  readonly #log: Log
  #servers = new Map<string, ServerTlsContext>()
  #clients = new Map<string, ClientTlsContext>()
  #nextId = 1

  constructor(log: Log) {
    this.#log = log
  }

  /**
   * Makes the contexts that the snapshot needs and forgets the others. Returns what is wrong with its certificates; then
   * nothing has changed.
   */
  prepare(snapshot: RoutingSnapshot): readonly string[] {
    const problems: string[] = []
    const servers = new Map<string, ServerTlsContext>()
    const clients = new Map<string, ClientTlsContext>()
    for (const { id, protocol, tls } of [...snapshot.listeners, ...(snapshot.tcpListeners ?? [])]) {
      if (tls === undefined) continue
      const key = serverKey({ id, protocol, tls })
      const protocols = protocol === 'https' ? HTTP_PROTOCOLS : []
      const why = tryTo(() => servers.set(key, this.#servers.get(key) ?? new ServerTlsContext(tls, protocols)))
      if (why !== undefined) problems.push(`Cannot use the certificates of listener "${id}": ${why}`)
    }
    for (const { name, tls } of snapshot.clusters) {
      if (tls === undefined) continue
      const why = tryTo(() => this.#prepareClient(tls, clients))
      if (why !== undefined) problems.push(`Cannot use the certificates of cluster "${name}": ${why}`)
    }
    if (problems.length === 0) {
      this.#servers = servers
      this.#clients = clients
    }
    return problems
  }

  /** Null: the listener ends no TLS. */
  server(listener: Listener | TcpListener): ServerTlsContext | null {
    return this.#servers.get(serverKey(listener)) ?? null
  }

  client(tls: ClientTls | undefined): ClientTlsContext | null {
    return tls === undefined ? null : (this.#clients.get(JSON.stringify(tls)) ?? null)
  }

  #prepareClient(tls: ClientTls, clients: Map<string, ClientTlsContext>): void {
    const key = JSON.stringify(tls)
    const known = clients.get(key) ?? this.#clients.get(key)
    clients.set(key, known ?? new ClientTlsContext(tls, { id: this.#nextId++, log: this.#log }))
  }
}

function serverKey({ id, protocol, tls }: Pick<Listener | TcpListener, 'id' | 'protocol' | 'tls'>): string {
  return JSON.stringify([id, protocol, tls])
}

function tryTo(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

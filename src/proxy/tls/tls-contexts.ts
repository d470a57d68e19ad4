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
  /** Their text, which is long and asked for with every snapshot. */
  readonly #clientKeys = new WeakMap<ClientTls, string>()
  readonly #serverKeys = new WeakMap<Listener | TcpListener, string>()

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
    for (const listener of [...snapshot.listeners, ...(snapshot.tcpListeners ?? [])]) {
      const { id, protocol, tls } = listener
      if (tls === undefined) continue
      const key = this.#serverKey(listener)
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
    return listener.tls === undefined ? null : (this.#servers.get(this.#serverKey(listener)) ?? null)
  }

  client(tls: ClientTls | undefined): ClientTlsContext | null {
    return tls === undefined ? null : (this.#clients.get(this.#clientKey(tls)) ?? null)
  }

  #prepareClient(tls: ClientTls, clients: Map<string, ClientTlsContext>): void {
    const key = this.#clientKey(tls)
    const known = clients.get(key) ?? this.#clients.get(key)
    clients.set(key, known ?? new ClientTlsContext(tls, { id: this.#nextId++, log: this.#log }))
  }

  #clientKey(tls: ClientTls): string {
    const key = this.#clientKeys.get(tls) ?? JSON.stringify(tls)
    this.#clientKeys.set(tls, key)
    return key
  }

  #serverKey(listener: Listener | TcpListener): string {
    const { id, protocol, tls } = listener
    const key = this.#serverKeys.get(listener) ?? JSON.stringify([id, protocol, tls])
    this.#serverKeys.set(listener, key)
    return key
  }
}

function tryTo(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

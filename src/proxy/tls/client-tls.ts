/** TLS towards endpoints: how their certificates are judged, what is shown to them, and sessions to go on with. */
import { isIP } from 'node:net'
import { connect, createSecureContext } from 'node:tls'
import type { SecureContext, TLSSocket } from 'node:tls'

import { messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { TLS_POLICY } from '../../base/tls-policy.ts'
import type { ClientTls } from '../../routing/cluster-model.ts'

/** Endpoints whose last session is kept; the oldest makes room. */
const SESSIONS_MAX = 1_024

interface ConnectOptions {
  /** Offered by ALPN; empty: ALPN is not spoken. */
  readonly protocols: readonly string[]
  readonly allowHalfOpen: boolean
}

export class ClientTlsContext {
  /** Tells pools apart: connections made by one context are of no use to another. */
  readonly id: number
  readonly #tls: ClientTls
  readonly #context: SecureContext
  readonly #log: Log
  readonly #sessions = new Map<string, Buffer>()
  #lastProblem = ''

  /** Throws the library's error where a certificate or key is no good. */
  constructor(tls: ClientTls, options: { readonly id: number; readonly log: Log }) {
    this.id = options.id
    this.#log = options.log
    this.#tls = tls
    this.#context = createSecureContext({
      ...TLS_POLICY,
      ...(tls.authorities !== undefined && { ca: tls.authorities }),
      ...(tls.certificate !== undefined && { cert: tls.certificate }),
      ...(tls.privateKey !== undefined && { key: tls.privateKey }),
    })
  }

  /** Ready at `secureConnect`. */
  connect(address: string, port: number, { protocols, allowHalfOpen }: ConnectOptions): TLSSocket {
    const key = `${address} ${port}`
    const session = this.#sessions.get(key)
    const options = {
      host: address,
      port,
      // Empty: no SNI, which may not be an IP address; the certificate is then checked against `host`.
      servername: this.#tls.serverName ?? (isIP(address) === 0 ? address : ''),
      secureContext: this.#context,
      rejectUnauthorized: this.#tls.insecureSkipVerify !== true,
      allowHalfOpen,
      ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
      ...(session !== undefined && { session }),
    }
    const socket = connect(options)
    socket.setNoDelay(true)
    socket.on('session', (next: Buffer) => this.#keep(key, next))
    socket.once('secureConnect', () => {
      this.#lastProblem = ''
    })
    return socket
  }

  /** Logs why, once for each reason until a connection succeeds. */
  noteFailure(error: unknown, address: string, port: number): void {
    const reason = messageOf(error)
    if (reason === this.#lastProblem) return
    this.#lastProblem = reason
    this.#log.warn('TLS to an endpoint failed', { address, port, reason })
  }

  #keep(key: string, session: Buffer): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size > SESSIONS_MAX && oldest !== undefined) this.#sessions.delete(oldest)
  }
}

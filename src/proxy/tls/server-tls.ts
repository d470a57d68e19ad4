/**
 * Ends TLS on connections that were accepted elsewhere. Immutable: new certificates make a new one for new connections, and
 * those that are there keep what they have.
 */
import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createSecureContext, createServer } from 'node:tls'
import type { SecureContext, Server, TLSSocket } from 'node:tls'

import { TLS_POLICY, endRenegotiations } from '../../base/tls-policy.ts'
import type { ServerCertificate, ServerTls } from '../../routing/listener-model.ts'

export class ServerTlsContext {
  readonly #server: Server
  readonly #first: SecureContext
  readonly #exact = new Map<string, SecureContext>()
  /** By the name behind `*`, with its dot. */
  readonly #wildcard = new Map<string, SecureContext>()
  #onSecure: (socket: TLSSocket) => void = (socket) => socket.destroy()

  /** Throws the library's error where a certificate or key is no good. An empty `protocols`: ALPN is not spoken. */
  constructor(tls: ServerTls, protocols: readonly string[]) {
    const contexts = tls.certificates.map((item) => this.#add(item, tls))
    const [first] = contexts
    if (first === undefined) throw new Error('no certificate')
    this.#first = first
    const { clientAuthorities } = tls
    const wantsClient = clientAuthorities !== undefined
    this.#server = createServer({
      ...optionsOf(tls.certificates[0], tls),
      allowHalfOpen: true,
      requestCert: wantsClient,
      rejectUnauthorized: wantsClient,
      ...(protocols.length > 0 && { ALPNProtocols: [...protocols] }),
      SNICallback: (name, done) => done(null, this.#choose(name)),
    })
    endRenegotiations(this.#server)
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket))
  }

  /** Who gets the sockets whose handshake succeeded. */
  bind(onSecure: (socket: TLSSocket) => void): void {
    this.#onSecure = onSecure
  }

  isBoundTo(onSecure: (socket: TLSSocket) => void): boolean {
    return this.#onSecure === onSecure
  }

  /** Where it fails the socket is closed. */
  handshake(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  #choose(name: string): SecureContext {
    const lower = name.toLowerCase()
    const dot = lower.indexOf('.')
    return this.#exact.get(lower) ?? (dot === -1 ? undefined : this.#wildcard.get(lower.slice(dot))) ?? this.#first
  }

  #add(item: ServerCertificate, tls: ServerTls): SecureContext {
    const context = createSecureContext(optionsOf(item, tls))
    for (const name of namesOf(item).map((each) => each.toLowerCase())) {
      const isWildcard = name.startsWith('*.')
      const [names, key] = isWildcard ? [this.#wildcard, name.slice(1)] : [this.#exact, name]
      if (!names.has(key)) names.set(key, context)
    }
    return context
  }
}

function optionsOf(item: ServerCertificate | undefined, { clientAuthorities, minVersion }: ServerTls) {
  return {
    ...TLS_POLICY,
    cert: item?.certificate,
    key: item?.privateKey,
    minVersion,
    ...(clientAuthorities !== undefined && { ca: clientAuthorities }),
  }
}

/** Those that the configuration gives, or the DNS names of the certificate. */
function namesOf({ serverNames, certificate }: ServerCertificate): readonly string[] {
  if (serverNames.length > 0) return serverNames
  const { subjectAltName = '' } = new X509Certificate(certificate)
  return subjectAltName.split(', ').flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice('DNS:'.length)] : []))
}

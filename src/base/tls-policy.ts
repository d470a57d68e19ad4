/** What all TLS of the product has in common, servers and clients: which cipher suites are spoken, and that nobody renegotiates. */
import { constants } from 'node:crypto'
import type { Server } from 'node:tls'

/**
 * Those of TLS 1.3, and of TLS 1.2 those that RFC 9325 §4.2 advises: ephemeral keys on elliptic curves, authenticated encryption.
 * Without forward secrecy (static RSA), with finite-field Diffie-Hellman or with CBC there are none.
 */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** For everything that makes a TLS context. */
export const TLS_POLICY = {
  ciphers: CIPHERS,
  minVersion: 'TLSv1.2',
  honorCipherOrder: true,
  // Another handshake costs a server far more than its client, and HTTP/2 forbids it (RFC 9113 §9.2.1).
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const

/** A client that asks for another handshake gets an alert by `TLS_POLICY`. By this it is disconnected then, whatever it does. */
export function endRenegotiations(server: Server): void {
  server.on('secureConnection', (socket) => {
    socket.disableRenegotiation()
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // Outside of the call of the library that reads the client's bytes.
      if (code === 'ERR_TLS_RENEGOTIATION_DISABLED') setImmediate(() => socket.destroy())
    })
  })
}

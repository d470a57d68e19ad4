/** One test in clear text and over TLS. */
import type { RoutingSnapshot } from '../../src/routing/model.ts'

import { testAuthority } from './certificates.ts'
import type { http2Session } from './http2-client.ts'

interface Security {
  readonly snapshotFor: () => RoutingSnapshot
  readonly client: NonNullable<Parameters<typeof http2Session>[2]>
}

/** Snapshots whose listeners speak the scheme, and what a client of HTTP/2 needs for them. */
export async function maybeSecure(scheme: 'http' | 'https', snapshotFor: () => RoutingSnapshot): Promise<Security> {
  if (scheme === 'http') return { snapshotFor, client: {} }
  const authority = await testAuthority()
  const certificate = { ...(await authority.issue('echo.example.com')), serverNames: [] }
  const tls = { certificates: [certificate], minVersion: 'TLSv1.2' } as const
  return {
    snapshotFor: () => {
      const snapshot = snapshotFor()
      return { ...snapshot, listeners: snapshot.listeners.map((listener) => ({ ...listener, protocol: scheme, tls })) }
    },
    client: { scheme, ca: authority.certificate, servername: 'echo.example.com' },
  }
}

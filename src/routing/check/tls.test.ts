import assert from 'node:assert/strict'
import { test } from 'node:test'

import { testAuthority } from '../../../test/support/certificates.ts'
import { cluster } from '../../../test/support/live-proxy.ts'
import type { Listener, ServerTls } from '../listener-model.ts'
import { checkClientTls, checkServerTls } from './tls.ts'

const authority = await testAuthority()
const { certificate, privateKey } = await authority.issue('echo.example.com')

function messagesFor(tls: Pick<ServerTls, 'clients' | 'clientAuthorities'>): readonly string[] {
  const listener: Listener = {
    id: 'edge',
    address: '127.0.0.1',
    port: 443,
    protocol: 'https',
    routeTable: 'table',
    tls: { certificates: [{ serverNames: [], certificate, privateKey }], minVersion: 'TLSv1.2', ...tls },
  }
  return checkServerTls(listener, 'listeners[0]').map(({ path, message }) => `${path}: ${message}`)
}

test('whether clients are asked for certificates agrees with the authorities, or is refused', () => {
  const clientAuthorities = authority.certificate
  assert.deepEqual(messagesFor({}), [])
  assert.deepEqual(messagesFor({ clients: 'none' }), [])
  assert.deepEqual(messagesFor({ clients: 'strict', clientAuthorities }), [])
  const cannot = 'listeners[0].tls.clients: Cannot ask clients of listener "edge" for certificates as'
  assert.deepEqual(messagesFor({ clients: 'strict' }), [
    `${cannot} "strict": their certificates cannot be checked. Give "clientAuthorities"`,
  ])
  assert.deepEqual(messagesFor({ clients: 'none', clientAuthorities }), [
    `${cannot} "none": it has "clientAuthorities", so they must show one. Take one of the two away`,
  ])
  for (const authorities of [{}, { clientAuthorities }]) {
    assert.deepEqual(messagesFor({ clients: 'permissive', ...authorities }), [
      `${cannot} "permissive": they cannot be taken with and without one yet. Use "strict" or "none"`,
    ])
  }
})

test('a cluster whose endpoints are members of a mesh is refused while the data plane has no identity', () => {
  const meshed = cluster('echo', [80], {
    tls: { mesh: { allowedPeers: ['spiffe://cluster.local/ns/default/sa/echo'] } },
  })
  assert.deepEqual(checkClientTls(meshed, 'clusters[0]'), [
    {
      code: 'no-mesh',
      path: 'clusters[0].tls.mesh',
      message:
        'Cannot connect to cluster "echo" as a member of a mesh: this data plane has no identity in one. Leave "mesh" out, and give certificates',
    },
  ])
})

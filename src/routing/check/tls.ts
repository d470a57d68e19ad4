/**
 * Whether what a snapshot says of TLS belongs together. Whether certificates and keys are good only a TLS library can say:
 * the data plane asks its own, and refuses the snapshot in the same way. Messages never have PEM in them.
 */
import type { Cluster } from '../cluster-model.ts'
import type { Listener, ServerCertificate, ServerTls, TcpListener } from '../listener-model.ts'

import { isServerName } from '../server-name.ts'

import { when } from './problem.ts'
import type { Problem } from './problem.ts'

export function checkServerTls(listener: Listener | TcpListener, path: string): Problem[] {
  const { id, protocol, tls } = listener
  const wantsTls = protocol === 'https' || protocol === 'tls'
  if (tls === undefined || !wantsTls) {
    return when((tls !== undefined) !== wantsTls, {
      code: 'tls-mismatch',
      path: `${path}.tls`,
      message: wantsTls
        ? `Cannot serve listener "${id}": it has no certificate. Give it one in "tls"`
        : `Cannot serve listener "${id}": protocol "${protocol}" does not end TLS. Take "tls" away, or change the protocol`,
    })
  }
  return [
    ...when(tls.certificates.length === 0, {
      code: 'no-certificate',
      path: `${path}.tls.certificates`,
      message: `Cannot serve listener "${id}": it has no certificate. Give it one`,
    }),
    ...checkPem(tls.clientAuthorities, 'CERTIFICATE', `${path}.tls.clientAuthorities`),
    ...checkClients(id, tls, `${path}.tls.clients`),
    ...tls.certificates.flatMap((item, index) => checkCertificate(item, `${path}.tls.certificates[${index}]`)),
  ]
}

function checkClients(id: string, { clients, clientAuthorities }: ServerTls, path: string): Problem[] {
  const why = {
    none: 'it has "clientAuthorities", so they must show one. Take one of the two away',
    strict: 'their certificates cannot be checked. Give "clientAuthorities"',
    permissive: 'they cannot be taken with and without one yet. Use "strict" or "none"',
  }
  const isKnown = clients === undefined || clients === (clientAuthorities === undefined ? 'none' : 'strict')
  return when(!isKnown, {
    code: 'bad-clients',
    path,
    message: `Cannot ask clients of listener "${id}" for certificates as "${clients}": ${clients === undefined ? '' : why[clients]}`,
  })
}

function checkCertificate({ serverNames, certificate, privateKey }: ServerCertificate, path: string): Problem[] {
  return [
    ...checkServerNames(serverNames, `${path}.serverNames`),
    ...checkPem(certificate, 'CERTIFICATE', `${path}.certificate`),
    ...checkPem(privateKey, 'PRIVATE KEY', `${path}.privateKey`),
  ]
}

export function checkServerNames(names: readonly string[], path: string): Problem[] {
  return names.flatMap((name, index) =>
    when(!isServerName(name), {
      code: 'bad-server-name',
      path: `${path}[${index}]`,
      message: `Cannot choose by server name ${JSON.stringify(name)}: it is neither a DNS name nor a wildcard like "*.example.com"`,
    }),
  )
}

export function checkClientTls({ name, tls }: Cluster, path: string): Problem[] {
  if (tls === undefined) return []
  return [
    ...when(tls.mesh !== undefined, {
      code: 'no-mesh',
      path: `${path}.tls.mesh`,
      message: `Cannot connect to cluster "${name}" as a member of a mesh: this data plane has no identity in one. Leave "mesh" out, and give certificates`,
    }),
    ...when((tls.certificate === undefined) !== (tls.privateKey === undefined), {
      code: 'tls-mismatch',
      path: `${path}.tls`,
      message: `Cannot connect to cluster "${name}": a client certificate and its private key belong together. Give both, or neither`,
    }),
    ...when(tls.serverName !== undefined && (!isServerName(tls.serverName) || tls.serverName.startsWith('*')), {
      code: 'bad-server-name',
      path: `${path}.tls.serverName`,
      message: `Cannot ask cluster "${name}" for server name ${JSON.stringify(tls.serverName)}: it is not a DNS name`,
    }),
    ...checkPem(tls.authorities, 'CERTIFICATE', `${path}.tls.authorities`),
    ...checkPem(tls.certificate, 'CERTIFICATE', `${path}.tls.certificate`),
    ...checkPem(tls.privateKey, 'PRIVATE KEY', `${path}.tls.privateKey`),
  ]
}

function checkPem(text: string | undefined, what: 'CERTIFICATE' | 'PRIVATE KEY', path: string): Problem[] {
  const block = new RegExp(`-----BEGIN ([A-Z]+ )?${what}-----[^-]+-----END ([A-Z]+ )?${what}-----`)
  return when(text !== undefined && !block.test(text), {
    code: 'bad-pem',
    path,
    message: `Cannot read "${path}": there is no block "${what}" in PEM`,
  })
}

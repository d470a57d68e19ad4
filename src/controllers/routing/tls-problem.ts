/** Whether a data plane can use certificates and keys: one that met bad ones would refuse the whole snapshot. */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import type { TlsFiles } from '../../dialects/tls-secrets.ts'

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Nothing of the content is in what it says. */
export function tlsProblem({ certificate, privateKey, authorities }: TlsFiles): string | undefined {
  if (authorities !== undefined && !isChain(authorities)) return 'its ca.crt is no certificate in PEM'
  if (certificate === undefined || privateKey === undefined) return undefined
  if (!isChain(certificate)) return 'its tls.crt is no certificate in PEM'
  return isKeyOf(privateKey, certificate) ? undefined : 'its tls.key is no private key in PEM that belongs to tls.crt'
}

function isChain(pem: string): boolean {
  const blocks = pem.match(BLOCK) ?? []
  return blocks.length > 0 && blocks.every((block) => parsed(() => new X509Certificate(block)) !== undefined)
}

function isKeyOf(privateKey: string, certificate: string): boolean {
  const key = parsed(() => createPrivateKey(privateKey))
  return key !== undefined && new X509Certificate(certificate).checkPrivateKey(key)
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    // Why it cannot be parsed is the library's riddle: that it cannot is enough.
    return undefined
  }
}
